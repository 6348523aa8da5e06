"""From a finished run to a study: draw test items, say which replies are missing, freeze the pack.

Replies are those that scoring made, by test split, model and decoding; what is missing a job makes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chatui.conversation import Conversation
from chatui.errors import NothingToRate, RunNotRateable, StudyNotReady
from chatui.model.catalog import find_base
from chatui.model.decoding import Decoding
from chatui.rate.power import smallest_win_rate
from chatui.rate.study import (
    SCALES,
    Origin,
    Pack,
    SystemRecord,
    choose_items,
    freeze,
    minutes_for,
)
from chatui.rate.views import Plan
from chatui.replies import RepliesJob, ReplyStore, reply_sets
from chatui.workspace import Workspace

if TYPE_CHECKING:
    from chatui.data.store import DatasetStore
    from chatui.train.runs import RunStore
    from chatui.train.view import RunView

TYPICAL_REPLY_WORDS = 30  # of a reply that is not made yet, for the estimate of minutes


class StudyDesign(RepliesJob, frozen=True):
    """What a study is made of, written before it starts: `config.json` of its folder."""

    run: str
    seed: int
    scales: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Drawn:
    """How items and replies are drawn: the seed of the items, and the decoding of the replies."""

    seed: int = 0
    decoding: Decoding = Decoding()


@dataclass(frozen=True, slots=True)
class Draw:
    """Items drawn for a study, with those that lack a reply of base or tuned."""

    job: RepliesJob
    conversations: tuple[Conversation, ...]
    missing: frozenset[str]
    available: int


class Designer:
    """Reads datasets, runs and replies; writes nothing."""

    def __init__(
        self, workspace: Workspace, datasets: "DatasetStore", runs: "RunStore", replies: ReplyStore
    ) -> None:
        self._workspace = workspace
        self._datasets = datasets
        self._runs = runs
        self._replies = replies

    def plan(self, run_id: str, items: int, scales: bool, drawn: Drawn) -> Plan:
        """What a study of a run could be. Raises NotFound, RunNotRateable, NothingToRate."""
        draw = self.draw(run_id, items, drawn)
        words = sum(_words(c) + 2 * TYPICAL_REPLY_WORDS for c in draw.conversations)
        return Plan(
            run=run_id,
            dataset=draw.job.dataset,
            available=draw.available,
            items=len(draw.conversations),
            missing=len(draw.missing),
            smallest_win_rate=smallest_win_rate(len(draw.conversations)),
            minutes=minutes_for(words, len(draw.conversations), len(SCALES) if scales else 0),
        )

    def draw(self, run_id: str, items: int, drawn: Drawn) -> Draw:
        """Draw test items of a run's dataset version, those that were scored first."""
        run = self._runs.view(run_id)
        test = self._datasets.conversations(run.dataset, "test")
        if not test or items < 1:
            raise NothingToRate(run_id)
        job = self._job(run, drawn.decoding)
        known = [frozenset(self._replies.read(key)) for key in _keys(job)]
        ready = known[0] & known[1]
        chosen = choose_items(test, items, drawn.seed, ready)
        missing = frozenset(each.id for each in chosen) - ready
        return Draw(job, tuple(chosen), missing, len(test))

    def freeze(self, design: StudyDesign) -> Pack:
        """Make the pack of a design whose replies are all there; raises StudyNotReady."""
        test = {c.id: c for c in self._datasets.conversations(design.dataset, design.split)}
        chosen = [test[name] for name in design.items or () if name in test]
        base, tuned = reply_sets(
            design.test_hash, find_base(design.base), design.adapter_hash, design.decoding
        )
        known = {"base": self._replies.read(base.key), "tuned": self._replies.read(tuned.key)}
        if any(c.id not in replies for c in chosen for replies in known.values()):
            raise StudyNotReady(design.run)
        origin = Origin(
            dataset=design.dataset,
            test_hash=design.test_hash,
            run=design.run,
            base=SystemRecord(name="base", model_hash=base.model_hash, replies_key=base.key),
            tuned=SystemRecord(name=design.run, model_hash=tuned.model_hash, replies_key=tuned.key),
            decoding=design.decoding.model_dump(),
            seed=design.seed,
        )
        texts = {
            name: {item: reply.text for item, reply in replies.items()}
            for name, replies in known.items()
        }
        return freeze(origin, chosen, texts, SCALES if design.scales else ())

    def _job(self, run: "RunView", decoding: Decoding) -> RepliesJob:
        # While a run goes on, what is its best adapter may change.
        if run.job.is_active or run.adapter is None or run.adapter_hash is None:
            raise RunNotRateable(run.id, run.job.state)
        return RepliesJob(
            dataset=run.dataset,
            test_hash=self._datasets.view(run.dataset).split_hashes["test"],
            base=run.base,
            adapter=Path(run.adapter).resolve().relative_to(self._workspace.root).as_posix(),
            adapter_hash=run.adapter_hash,
            decoding=decoding,
        )


def _keys(job: RepliesJob) -> Sequence[str]:
    sets = reply_sets(job.test_hash, find_base(job.base), job.adapter_hash, job.decoding)
    return [each.key for each in sets]


def _words(conversation: Conversation) -> int:
    return sum(len(turn.text.split()) for turn in conversation.prompt if turn.speaker != "system")
