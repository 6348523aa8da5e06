"""What differs between two versions: rows added, removed and changed.

A row is the same in both if it is the same row of the same file, or the row of the version that the
other one was made from. Where two versions share no file, rows are the same by what they say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatui.conversation import Conversation
from chatui.data.store import DatasetStore

_Key = tuple[str | None, int | str]


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
    old_key, new_key = _keys(old, new, before, after)
    old_by = {old_key(number, row): row for number, row in enumerate(old, start=1)}
    new_by = {new_key(number, row): row for number, row in enumerate(new, start=1)}
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
) -> tuple[Callable[[int, Conversation], _Key], Callable[[int, Conversation], _Key]]:
    """What names a row in each of the two versions."""
    old_files, new_files = {row.file for row in old}, {row.file for row in new}
    if new_files == {before}:  # cleaned from it: its rows are numbered as they stand there
        return _by_place(before), _by_row
    if old_files == {after}:
        return _by_row, _by_place(after)
    if old_files & new_files - {None}:
        return _by_row, _by_row
    return _by_content, _by_content


def _by_place(version: str) -> Callable[[int, Conversation], _Key]:
    return lambda number, _: (version, number)


def _by_row(_: int, row: Conversation) -> _Key:
    is_derived = row.parent is not None or row.row is None
    return row.file, row.id if is_derived else row.row or 0


def _by_content(_: int, row: Conversation) -> _Key:
    return None, row.id


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
