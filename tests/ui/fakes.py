"""Stores with a memory and nothing else, for what surrounds the tabs."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import gradio as gr

from chatui.conversation import Conversation, Turn, conversation_id
from chatui.errors import NotFound
from chatui.jobs import JobView
from chatui.model.requests import Reply, Request
from chatui.services import Services
from chatui.ui.state import TABS, Page, Selection


def job(state: str = "finished", kind: str = "train", name: str = "r1", **fields: Any) -> JobView:
    known: dict[str, Any] = {
        "folder": Path(name),
        "kind": kind,
        "state": state,
        "step": 41,
        "steps": 120,
        "started_at": 1000.0,
        "ended_at": None if state in ("queued", "running") else 1038.0,
        "reason": None,
        "last_event": "validation perplexity 14.2 at step 40",
        "events": (),
    }
    return JobView(**(known | fields))


@dataclass
class Version:
    id: str
    name: str = "support"
    system: str | None = None


@dataclass
class Run:
    id: str
    dataset: str
    job: JobView = field(default_factory=job)
    adapter: Path | None = Path("adapter")
    name: str = ""
    base: str = "starter"


@dataclass
class Scored:
    id: str
    run: str
    job: JobView = field(default_factory=job)
    report: object | None = "a report"


@dataclass
class Study:
    id: str
    run: str
    done: int = 1
    closed_at: str | None = None


class Store:
    def __init__(self, *things: Any) -> None:
        self.things = list(things)

    def all(self) -> list[Any]:
        return self.things

    def view(self, name: str) -> Any:
        for thing in self.things:
            if thing.id == name:
                return thing
        raise NotFound("thing", name, [thing.id for thing in self.things])


class Versions(Store):
    def conversations(self, name: str, split: str) -> list[Conversation]:
        self.view(name)
        asked = ("Where is my parcel?", "Can I pay by card?", "How do I reset it?", "Any news?")
        turns = [(Turn("user", text), Turn("assistant", "Yes.")) for text in asked]
        return [Conversation(conversation_id(each), each, "test") for each in turns]


class Engine:
    """Says back what it was told, a word at a time; with an adapter in capitals."""

    base_hash, template_hash = "b" * 64, "t" * 64

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.before_word: Callable[[], None] = lambda: None

    def attach(self, folder: Path) -> str:
        return "a" * 64

    def model_hash(self, adapter: str | None) -> str:
        return (adapter or self.base_hash)[:1] * 64

    def stream(
        self, request: Request, cancelled: Callable[[], bool]
    ) -> Generator[str, None, Reply]:
        self.asked.append(request)
        words = f"You said: {request.turns[-1].text}"
        said = ""
        for word in (words.upper() if request.adapter else words).split():
            self.before_word()
            if cancelled():
                return Reply(said, len(said.split()), "cancelled", request.adapter, 0.5)
            piece = f" {word}" if said else word
            said += piece
            yield piece
        return Reply(said, len(said.split()), "end", request.adapter, 0.5)


class Shelf:
    def __init__(self) -> None:
        self.one = Engine()
        self.error: Exception | None = None
        self.away: str | None = None

    @contextmanager
    def using(self, base: str) -> Iterator[Engine]:
        if self.error is not None:
            raise self.error
        yield self.one

    def why_away(self, base: str) -> str | None:
        return self.away

    def is_loaded(self, base: str) -> bool:
        return bool(self.one.asked)


class NoJobs:
    def __init__(self, *active: JobView) -> None:
        self.list = list(active)
        self.tended = 0

    def active(self) -> list[JobView]:
        return self.list

    def tend(self) -> None:
        self.tended += 1


@dataclass
class FakeServices:
    datasets: Store = field(default_factory=Versions)
    runs: Store = field(default_factory=Store)
    scores: Store = field(default_factory=Store)
    studies: Store = field(default_factory=Store)
    jobs: NoJobs = field(default_factory=NoJobs)
    models: Shelf = field(default_factory=Shelf)
    feedback: Any = None


def services(**stores: Any) -> Services:
    return cast(Services, FakeServices(**stores))


def two_chains() -> Services:
    """v1 → r1 → s1 → t1 and v1 → r2 → s2, then v2 → r3 with nothing of it yet."""
    return services(
        datasets=Versions(Version("support-v1"), Version("support-v2")),
        runs=Store(Run("r1", "support-v1"), Run("r2", "support-v1"), Run("r3", "support-v2")),
        scores=Store(Scored("s1", "r1"), Scored("s2", "r2")),
        studies=Store(Study("t1", "r1")),
    )


def page(blocks: gr.Blocks, tabs: gr.Tabs) -> Page:
    """What a tab is built on, outside of the page."""
    return Page(blocks, gr.State(Selection()), {stage: gr.State("") for stage in TABS}, tabs)
