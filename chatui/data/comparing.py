"""What differs between two versions: rows added, removed and changed.

A row is the same in both if it is the same row of the same file, or the row of the version that the
other one was made from. In mixtures, it must be of the same source too, since the files of sources
may be called the same. Where two versions share no file, rows are the same by what they say.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chatui.conversation import Conversation
from chatui.data.store import DatasetStore

_Key = tuple[str | int | None, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A row that is in both versions, and not the same."""

    before: Conversation
    after: Conversation

    @property
    def what(self) -> list[str]:
        """What differs of it, in words of the data."""
        names = ("turns", "label", "rejected", "split")
        return [n for n in names if getattr(self.before, n) != getattr(self.after, n)]


@dataclass(frozen=True, slots=True)
class Difference:
    """The rows that differ, each in the order of its version."""

    before: str  # version
    after: str
    added: tuple[Conversation, ...]
    removed: tuple[Conversation, ...]
    changed: tuple[Change, ...]
    same: int

    def as_json(self) -> dict[str, object]:
        """For programs: rows as messages."""
        return {
            "before": self.before,
            "after": self.after,
            "added": [_row(row) for row in self.added],
            "removed": [_row(row) for row in self.removed],
            "changed": [
                {"what": c.what, "before": _row(c.before), "after": _row(c.after)}
                for c in self.changed
            ],
            "same": self.same,
        }

    def as_text(self) -> str:
        """For people: counts, and a line for each row."""
        head = (
            f"{self.before} → {self.after}: {len(self.added)} added, {len(self.removed)} removed, "
            f"{len(self.changed)} changed, {self.same} the same"
        )
        lines = [f"+ {_line(row)}" for row in self.added]
        lines += [f"- {_line(row)}" for row in self.removed]
        lines += [f"~ {_line(c.after)} ({', '.join(c.what)})" for c in self.changed]
        return "\n".join([head, *lines])


def compare(store: DatasetStore, before: str, after: str) -> Difference:
    """Compare two versions; raises NotFound."""
    old, new = store.conversations(before), store.conversations(after)
    old_keys, new_keys = _keys(old, new, before, after)
    old_by = dict(zip(old_keys, old, strict=True))
    new_by = dict(zip(new_keys, new, strict=True))
    both = [Change(old_by[key], row) for key, row in new_by.items() if key in old_by]
    changed = tuple(change for change in both if change.what)
    return Difference(
        before=before,
        after=after,
        added=tuple(row for key, row in new_by.items() if key not in old_by),
        removed=tuple(row for key, row in old_by.items() if key not in new_by),
        changed=changed,
        same=len(both) - len(changed),
    )


def _keys(
    old: Sequence[Conversation], new: Sequence[Conversation], before: str, after: str
) -> tuple[list[_Key], list[_Key]]:
    """What names each row of the two versions; no two rows of a version have the same name."""
    old_files, new_files = {row.file for row in old}, {row.file for row in new}
    if new_files == {before}:  # cleaned from it: its rows are numbered as they stand there
        return _unique(old, _places(old)), _unique(new, _rows(new))
    if old_files == {after}:
        return _unique(old, _rows(old)), _unique(new, _places(new))
    if not old_files & new_files - {None}:
        return [(row.id,) for row in old], [(row.id,) for row in new]
    was = _same_sources({r.source or before for r in old}, {r.source or after for r in new})
    named_old = [(r.source or before, r.file, _number(r)) for r in old]
    named_new = [(was[r.source or after], r.file, _number(r)) for r in new]
    twice = _twice(named_old) | _twice(named_new)
    return _unique(old, named_old, twice), _unique(new, named_new, twice)


def _same_sources(old: set[str], new: set[str]) -> dict[str, str]:
    """Which source each of the new ones was before: itself, or another version of its dataset."""
    if len(old) == len(new) == 1:
        return dict(zip(new, old, strict=True))
    was = {source: source for source in new}
    left = old - new
    for source in sorted(new - old):
        kin = sorted(other for other in left if _family(other) == _family(source))
        if kin:
            was[source] = kin[0]
            left.remove(kin[0])
    return was


def _family(version: str) -> str:
    return version.rpartition("-v")[0]


def _places(rows: Sequence[Conversation]) -> list[_Key]:
    return [(number,) for number in range(1, len(rows) + 1)]


def _rows(rows: Sequence[Conversation]) -> list[_Key]:
    return [(_number(row),) for row in rows]


def _number(row: Conversation) -> int | str:
    is_derived = row.parent is not None or row.row is None
    return row.id if is_derived else row.row or 0


def _twice(keys: Sequence[_Key]) -> set[_Key]:
    return {key for key, count in Counter(keys).items() if count > 1}


def _unique(
    rows: Sequence[Conversation], keys: Sequence[_Key], twice: Collection[_Key] | None = None
) -> list[_Key]:
    """The keys; those that several rows have, with what the row says."""
    several = _twice(keys) if twice is None else twice
    named = zip(rows, keys, strict=True)
    return [(*key, row.id) if key in several else key for row, key in named]


def _row(row: Conversation) -> dict[str, object]:
    return {
        "id": row.id,
        "row": row.row,
        "split": row.split,
        "messages": [turn.as_message() for turn in row.turns],
    }


def _line(row: Conversation) -> str:
    said = " → ".join(turn.text for turn in row.turns).replace("\n", " ")
    return f"row {row.row}: {said if len(said) <= 100 else said[:99] + '…'}"
