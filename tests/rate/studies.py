"""A workspace without models, for studies: replies that somebody made, and fakes with a memory for
datasets and runs."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from chatui.conversation import Conversation, Turn, content_hash, conversation_id
from chatui.database import Database, open_database
from chatui.jobs import Jobs
from chatui.model.catalog import find_base
from chatui.model.decoding import Decoding
from chatui.model.requests import Reply, Request
from chatui.rate.store import StudyStore
from chatui.rate.views import Showing
from chatui.replies import ReplyStore, reply_sets
from chatui.workspace import Workspace

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title="owned"</script>'


@dataclass
class Clock:
    """A clock that goes only when told."""

    now: datetime = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class FakeDatasets:
    """One version, whose test split is what was put in."""

    test: list[Conversation]

    def conversations(self, dataset_id: str, split: str | None = None) -> list[Conversation]:
        return self.test if split == "test" else []

    def view(self, dataset_id: str) -> SimpleNamespace:
        hashes = {"test": content_hash([c.id for c in self.test])}
        return SimpleNamespace(id=dataset_id, name="support", split_hashes=hashes)


@dataclass
class FakeRuns:
    """Run r1, finished unless told otherwise."""

    base: str
    adapter: Path | None
    adapter_hash: str | None = "a" * 64

    def view(self, run_id: str) -> SimpleNamespace:
        return SimpleNamespace(
            id=run_id,
            name=run_id,
            dataset="support-v1",
            base=self.base,
            adapter=self.adapter,
            adapter_hash=self.adapter_hash if self.adapter else None,
            job=SimpleNamespace(
                state="finished" if self.adapter else "running", is_active=not self.adapter
            ),
        )

    def all(self) -> list[SimpleNamespace]:
        return [self.view("r1")]


class FakeModel:
    """Answers with the question and a mark, so that a test can tell base from tuned."""

    def replies(self, requests: Sequence[Request], done: object = None) -> list[Reply]:
        made = []
        for index, request in enumerate(requests):
            mark = "tuned says" if request.adapter else "base says"
            reply = Reply(
                f"{mark} {request.turns[-1].text}<|im_end|> ", 5, "end", request.adapter, 0.1
            )
            done(index, reply)  # type: ignore[operator]
            made.append(reply)
        return made


@dataclass
class World:
    """A workspace with a finished run and its test items."""

    workspace: Workspace
    database: Database
    store: StudyStore
    test: list[Conversation]
    clock: Clock
    runs: FakeRuns
    datasets: FakeDatasets
    replies: ReplyStore
    jobs: Jobs
    submitted: list[str] = field(default_factory=list)

    def make_replies(self, conversations: Sequence[Conversation] | None = None) -> None:
        """What scoring would have left behind."""
        run = self.runs.view("r1")
        test_hash = self.datasets.view(run.dataset).split_hashes["test"]
        for each in reply_sets(test_hash, find_base(run.base), run.adapter_hash, Decoding()):
            self.replies.fill(
                FakeModel(), each, self.test if conversations is None else conversations
            )

    def open_study(self, items: int = 6, *, scales: bool = True) -> str:
        """A started study."""
        self.make_replies()
        study = self.store.create("r1", items, scales=scales)
        assert self.store.start(study)
        return study

    def rater(self, study: str) -> str:
        """A rater who has agreed."""
        rater = self.store.raters.invite(study).rater
        self.store.ballots.consent(rater)
        return rater

    def shown(self, rater: str) -> Showing:
        showing = self.store.ballots.next_item(rater)
        assert showing is not None
        return showing

    def prefer(self, rater: str, system: str) -> Showing:
        """Answer the next pair for a system, or "both_good", "both_bad"; returns what was shown."""
        showing = self.shown(rater)
        assert showing.ask == "pair"
        self.clock.forward(5)
        value = system
        if system in ("base", "tuned"):
            value = "a" if showing.reply_a.startswith(f"{system} says") else "b"
        self.store.ballots.rate(rater, showing.item, value, showing.key)
        return showing

    def grade(self, rater: str, tuned: int | None, base: int | None) -> Showing:
        """Answer the scales of the item: the same number on every scale."""
        showing = self.shown(rater)
        assert showing.ask == "scales"
        grades = {
            (scale.name, side): tuned if text.startswith("tuned") else base
            for scale in showing.scales
            for side, text in (("a", showing.reply_a), ("b", showing.reply_b))
        }
        self.clock.forward(3)
        self.store.ballots.rate_scales(rater, showing.item, grades, showing.key)  # type: ignore[arg-type]
        return showing


def conversations(count: int, question: str = "How do I do thing {}?") -> list[Conversation]:
    made = []
    for number in range(count):
        turns = (
            Turn("user", question.replace("{}", str(number))),
            Turn("assistant", f"Like this {number}."),
        )
        made.append(Conversation(conversation_id(turns), turns, "test"))
    return made


def make_base(folder: Path) -> Path:
    """The files of a base model that say what it is, without a model in them."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    header = json.dumps({}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return folder


def make_world(root: Path, test: list[Conversation] | None = None) -> World:
    workspace = Workspace(root / "workspace")
    adapter = workspace.root / "runs" / "r1" / "adapter"
    adapter.mkdir(parents=True)
    datasets = FakeDatasets(conversations(8) if test is None else test)
    runs = FakeRuns(str(make_base(root / "base")), adapter)
    replies, clock = ReplyStore(workspace), Clock()
    database = open_database(workspace.database_file)
    jobs = Jobs(workspace.root)
    store = StudyStore(database, workspace, jobs, datasets, runs, replies, now=clock)  # type: ignore[arg-type]
    return World(
        workspace=workspace,
        database=database,
        store=store,
        test=datasets.test,
        clock=clock,
        runs=runs,
        datasets=datasets,
        replies=replies,
        jobs=jobs,
    )
