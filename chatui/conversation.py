"""The vocabulary that every stage shares: turns, conversations and splits.

Knows nothing of files, models or pages.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NewType

import orjson

Speaker = Literal["system", "user", "assistant"]
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

DatasetId = NewType("DatasetId", str)
RunId = NewType("RunId", str)
ScoreId = NewType("ScoreId", str)
StudyId = NewType("StudyId", str)


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said by one speaker."""

    speaker: Speaker
    text: str

    def as_message(self) -> dict[str, str]:
        """The turn as chat templates want it: `{"role", "content"}`."""
        return {"role": self.speaker, "content": self.text}


@dataclass(frozen=True, slots=True)
class Conversation:
    """One row of a dataset: what was said, and where it came from."""

    id: str
    turns: tuple[Turn, ...]
    split: Split = "train"
    rejected: str | None = None  # the reply that people liked less, in preference data
    label: str | None = None
    source: str | None = None  # the dataset it came from, in a mixture
    group: str | None = None  # rows that must stay in one split
    parent: str | None = None  # the row it was derived from
    made_by: str | None = None  # how it was derived: "repeat", "noise", …
    file: str | None = None
    row: int | None = None  # counted from 1, as people count
    thread: str | None = None  # the conversation that it was cut out of, with other rows

    @property
    def prompt(self) -> tuple[Turn, ...]:
        """Everything before the last reply."""
        return self.turns[:-1]

    @property
    def reference(self) -> str:
        """The last reply: what a model's reply is compared with."""
        return self.turns[-1].text


def conversation_id(turns: tuple[Turn, ...]) -> str:
    """Name a conversation by its content: 16 hex digits of the SHA-256 of its turns."""
    return said_hash([(turn.speaker, turn.text) for turn in turns])[:16]


def content_hash(value: object) -> str:
    """SHA-256 of a value's canonical JSON: the same content has the same hash on any machine."""
    return hashlib.sha256(canonical(value)).hexdigest()


def said_hash(said: Sequence[tuple[str, str]]) -> str:
    """The `content_hash` of who says what, in a tenth of the time: of texts alone, orjson writes
    what json writes."""
    try:
        data = orjson.dumps(said)
    except TypeError:  # half of a surrogate pair
        data = canonical(said)
    return hashlib.sha256(data).hexdigest()


def canonical(value: object) -> bytes:
    """A value as JSON that is the same on any machine."""
    return _CANONICAL.encode(value).encode("utf-8", "surrogatepass")


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
