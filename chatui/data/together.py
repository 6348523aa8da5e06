"""Keep rows that were cut out of one conversation in one split, where a column names it.

Such rows go on from one another without repeating what was said before, so nothing in their texts
tells that they belong together. The names are kept as hashes: they may be a person's.
"""

from array import array
from collections.abc import Hashable, Sequence

from chatui.conversation import Conversation, content_hash
from chatui.data.grouping import groups_of
from chatui.data.records import Record
from chatui.data.threads import key_in


class Threads:
    """Which conversation each record of a file is a part of; 8 bytes a record."""

    def __init__(self) -> None:
        self._keys = array("Q")  # by row number; 0 where nothing is known

    def __bool__(self) -> bool:
        return bool(self._keys)

    def note(self, records: Sequence[Record], column: str | None) -> None:
        """Take in the next records."""
        for record in records if column else ():
            self._keys.extend([0] * (record.row - len(self._keys)))
            name = key_in(record, column)
            self._keys[record.row - 1] = 0 if name is None else int(_named(name), 16)

    def of(self, row: int) -> str | None:
        """What names the conversation of a row, if anything does."""
        key = self._keys[row - 1] if row <= len(self._keys) else 0
        return f"{key:016x}" if key else None


def kept_together(groups: Sequence[str], threads: Sequence[Hashable]) -> list[str]:
    """The groups, those with rows of one thread as one; it is called like the smallest of them."""
    whole: dict[str, str] = {}  # another group that a group is a part of

    def root(group: str) -> str:
        while (above := whole.get(group, group)) != group:
            whole[group] = whole.get(above, above)
            group = above
        return group

    first: dict[Hashable, str] = {}
    for group, thread in zip(groups, threads, strict=True):
        if thread:
            small, large = sorted((root(first.setdefault(thread, group)), root(group)))
            whole[large] = small
    return [root(group) for group in groups] if whole else list(groups)


def grouped(rows: Sequence[Conversation]) -> list[str]:
    """The group of each row: by what it asks, and by the conversation that it is a part of."""
    return kept_together(groups_of(row.turns for row in rows), [row.thread for row in rows])


def thread_in(source: str, thread: str | None) -> str | None:
    """What names a conversation of one source beside those of others, whose names may be alike."""
    return None if thread is None else _named(f"{source.rpartition('-v')[0]}\0{thread}")


def _named(name: str) -> str:
    return content_hash(name)[:16]
