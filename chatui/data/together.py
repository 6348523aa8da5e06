"""Keep rows that were cut out of one conversation in one split, where a column names it.

Such rows go on from one another without repeating what was said before, so nothing in their texts
tells that they belong together. The names are kept as hashes: they may be a person's.
"""

from array import array
from collections.abc import Sequence

from chatui.conversation import Conversation, content_hash
from chatui.data.grouping import as_name, groups_of
from chatui.data.near_sets import Components
from chatui.data.records import Record
from chatui.data.splitting import Groups
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
        number = self.number_of(row)
        return as_name(number) if number else None

    def number_of(self, row: int) -> int:
        """The same as a number, 0 if nothing does."""
        return self._keys[row - 1] if row <= len(self._keys) else 0


def kept_together(groups: Groups, threads: "array[int]") -> Groups:
    """The groups, those with rows of one thread as one; it is called like the smallest of them.

    `threads` has a number for each row, 0 where nothing is known, or is empty if that is so for
    all of them.
    """
    import numpy

    if not threads:
        return groups
    of = numpy.frombuffer(threads, numpy.uint64)
    rows = numpy.flatnonzero(of)
    rows = rows[numpy.argsort(of[rows], kind="stable")]
    is_same = of[rows[1:]] == of[rows[:-1]]
    meets = groups.of[rows]
    pairs = numpy.stack((meets[:-1], meets[1:]), axis=1)[is_same]
    whole = Components(len(groups.names))
    whole.join(numpy.unique(pairs, axis=0))
    component, number = numpy.unique(whole.of, return_inverse=True)
    if len(component) == len(groups.names):
        return groups
    order = numpy.argsort(numpy.array(list(groups.names)))
    ranks = numpy.empty_like(order)
    ranks[order] = numpy.arange(len(order))
    least = numpy.full(len(component), len(order))
    numpy.minimum.at(least, number, ranks)
    names = [groups.names[at] for at in order[least].tolist()]
    return Groups(names, number.astype(numpy.int32)[groups.of])


def grouped(rows: Sequence[Conversation]) -> list[str]:
    """The group of each row: by what it asks, and by the conversation that it is a part of."""
    groups = Groups.called(groups_of(row.turns for row in rows))
    threads = array("Q", (int(row.thread, 16) if row.thread else 0 for row in rows))
    return list(kept_together(groups, threads).by_row())


def thread_in(source: str, thread: str | None) -> str | None:
    """What names a conversation of one source beside those of others, whose names may be alike."""
    return None if thread is None else _named(f"{source.rpartition('-v')[0]}\0{thread}")


def _named(name: str) -> str:
    return content_hash(name)[:16]
