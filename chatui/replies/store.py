"""Keep what models replied to a test set, so that nobody has to ask twice.

A set of replies is named by what made it: test split, model (base, adapter, template) and decoding,
by content hash. Its items are named by conversation id. The first reply to an item stays.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from chatui import __version__
from chatui.conversation import Conversation, content_hash
from chatui.model.catalog import BaseModel
from chatui.model.decoding import Decoding
from chatui.model.hashes import base_hash, model_hash, template_hash
from chatui.model.requests import Reply, Request
from chatui.replies.records import append_record, read_records
from chatui.workspace import Workspace, read_json, write_json

SEED = 0  # of sampled replies; part of what "frozen" means, so nobody chooses it
Progress = Callable[[int, int], None]  # items done, items wanted; may raise to stop


class Replier(Protocol):
    """What answers requests: an Engine, or a fake in tests."""

    def replies(
        self, requests: Sequence[Request], done: Callable[[int, Reply], None] | None = None
    ) -> list[Reply]:
        """Answer all requests; `done` is told of each as it is ready."""


@dataclass(frozen=True, slots=True)
class ReplySet:
    """Which replies belong together: one model's to one test split, drawn one way."""

    test_hash: str  # of the dataset version's split
    model_hash: str
    adapter: str | None  # hash; None is the base model
    decoding: Decoding

    @property
    def key(self) -> str:
        """The name of the set, by content."""
        return content_hash([self.test_hash, self.model_hash, self.decoding.model_dump()])


def reply_sets(
    test_hash: str, base: BaseModel, adapter: str, decoding: Decoding
) -> tuple[ReplySet, ReplySet]:
    """The sets of base and tuned for one test split; loads no model."""
    weights, template = base_hash(base), template_hash(base)
    made_by = {name: model_hash(weights, name, template) for name in (None, adapter)}
    return (
        ReplySet(test_hash, made_by[None], None, decoding),
        ReplySet(test_hash, made_by[adapter], adapter, decoding),
    )


class ReplyStore:
    """The replies of a workspace: `replies/<16 hex>/replies.jsonl`, one item a line."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def read(self, key: str) -> dict[str, Reply]:
        """The replies of a set by conversation id; empty if none were made yet."""
        found: dict[str, Reply] = {}
        for record in read_records(self._folder(key) / "replies.jsonl"):
            item = str(record.pop("item"))
            found.setdefault(item, Reply(**record))  # type: ignore[arg-type]
        return found

    def missing(self, key: str, conversations: Sequence[Conversation]) -> list[Conversation]:
        """The conversations that have no reply in the set yet, in their order."""
        known = self.read(key)
        return [conversation for conversation in conversations if conversation.id not in known]

    def fill(
        self,
        replier: Replier,
        replies: ReplySet,
        conversations: Sequence[Conversation],
        progress: Progress | None = None,
    ) -> dict[str, Reply]:
        """Make the replies that are missing, and return those of `conversations`.

        Each reply is on disk before `progress` hears of it; what `progress` raises ends the work
        and loses nothing that it was told of.
        """
        folder = self._folder(replies.key)
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "fill.lock"):  # two jobs may want the same set
            self._describe(folder, replies)
            wanted = self.missing(replies.key, conversations)
            done = len(conversations) - len(wanted)
            if progress:
                progress(done, len(conversations))

            def keep(index: int, reply: Reply) -> None:
                nonlocal done
                append_record(folder / "replies.jsonl", {"item": wanted[index].id, **asdict(reply)})
                done += 1
                if progress:
                    progress(done, len(conversations))

            if wanted:
                replier.replies([_request(replies, each) for each in wanted], keep)
        known = self.read(replies.key)
        return {conversation.id: known[conversation.id] for conversation in conversations}

    def describe(self, key: str) -> dict[str, object]:
        """What made a set: hashes, decoding, seed, when; empty if there is no such set."""
        path = self._folder(key) / "meta.json"
        return read_json(path) if path.exists() else {}

    def _describe(self, folder: Path, replies: ReplySet) -> None:
        if not (folder / "meta.json").exists():
            about = {**asdict(replies), "decoding": replies.decoding.model_dump(), "seed": SEED}
            made = {"created_at": datetime.now(UTC).isoformat(), "chatui": __version__}
            write_json(folder / "meta.json", {"format": 1, "key": replies.key, **about, **made})

    def _folder(self, key: str) -> Path:
        return self._workspace.folder("replies", key[:16])


def _request(replies: ReplySet, conversation: Conversation) -> Request:
    return Request(conversation.prompt, replies.adapter, replies.decoding, SEED)
