"""What reading yields: the records of a file as they stand in it, and those that cannot be used.

Every record of a file is either good or bad, and has its number: none is lost on the way.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_SHOWN = 300


class Record(NamedTuple):
    """One row of a table, one line of JSON Lines, or one element of a JSON list."""

    row: int  # the how-manieth record of the file, counted from 1
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be read; the others of the file can."""

    row: int
    reason: str  # where and why, and the way out
    raw: str


class Batch(NamedTuple):
    """Some records of a file, in its order."""

    good: Sequence[Record]
    bad: Sequence[BadRecord]
    columns: tuple[str, ...]  # all that were seen so far
    read: int = 0  # bytes of the file that were read so far


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that is ready to be read in batches, as often as wanted."""

    name: str  # for a sentence
    kind: str  # in words, such as "CSV separated by ';'"
    notes: tuple[str, ...]  # what was taken for granted and may be wrong
    size: int  # bytes on disk
    batches: Callable[[], Iterator[Batch]]
    is_part: bool = False  # whether only the beginning of the file is read
    is_uniform: bool = True  # whether the first batch knows all columns


@dataclass(frozen=True, slots=True)
class Records:
    """The content of a file."""

    kind: str  # in words, such as "CSV separated by ';'"
    columns: tuple[str, ...]
    good: tuple[Record, ...]
    bad: tuple[BadRecord, ...]
    notes: tuple[str, ...] = ()  # what was taken for granted and may be wrong
    rows_read: int = field(kw_only=True)  # counted by the reader, not by adding up good and bad


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a value that the file does not give; only a row that needs it is lost."""

    reason: str

    def __str__(self) -> str:
        return f"({self.reason})"


class BadRow(Exception):
    """A record that can be read but holds no conversation; `reason` is a sentence's end."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field  # the column that is to blame, if one is


def printable(text: str) -> str:
    """A text that any file can hold: half characters are written out as codes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shortened(text: str, length: int = _SHOWN) -> str:
    """The beginning of a text, for a sentence or a list."""
    text = printable(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def as_raw(values: dict[str, object]) -> str:
    """The values of a record as a text, for the list of what was removed."""
    return shortened(json.dumps(values, ensure_ascii=False, default=str), 2000)


def named_columns(names: list[str]) -> list[str]:
    """Column names that are neither empty nor twice there: "user", "user (2)", "column 3"."""
    taken: set[str] = set()
    given = []
    for number, name in enumerate(names, start=1):
        wanted = printable(name.strip()) or f"column {number}"
        candidate, count = wanted, 1
        while candidate in taken:
            count += 1
            candidate = f"{wanted} ({count})"
        taken.add(candidate)
        given.append(candidate)
    return given
