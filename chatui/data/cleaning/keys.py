"""Rows as numbers: what comparisons and splits need of a row, in some thirty bytes.

Texts stand for themselves by 64 bits of their SHA-256, and turns that are compared for being the
same by 128.
"""

from array import array
from collections.abc import Collection
from typing import Any

from chatui.conversation import content_hash, said_hash
from chatui.data.cleaning.account import CleanRow
from chatui.data.numbers import first_alike
from chatui.data.splitting import group_of
from chatui.data.turns import in_order


class Keys:
    """The keys of rows, by position."""

    def __init__(self, compares_replies: bool) -> None:
        self._rows = array("I")
        self._turns = array("Q")
        self._rest = array("Q")
        self._groups = array("Q")
        self._replies = array("Q") if compares_replies else None
        # Only where the row was asked otherwise before it was cleaned: position and group.
        self._were_at, self._were = array("Q"), array("Q")

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: CleanRow) -> None:
        """Take the keys of the next row."""
        for keys in (self._rows, self._turns, self._rest, self._groups, self._replies):
            if keys is not None:
                keys.append(0)
        self.put(len(self._rows) - 1, row)

    def put(self, position: int, row: CleanRow) -> None:
        """Take the keys of a row for those of a position."""
        said = said_hash([(turn.speaker, turn.text) for turn in row.turns])
        rest = said if row.rejected is None else content_hash([said, row.rejected])
        group = _number(group_of(row.turns))
        if row.before is not row.turns and row.before != row.turns:
            was = in_order(row.before)
            before = group if was[:-1] == row.turns[:-1] else _number(group_of(was))
            if before != group:
                self._were_at.append(position)
                self._were.append(before)
        self._rows[position] = row.row
        self._turns[position] = _number(said)
        self._rest[position] = _number(rest[16:])
        self._groups[position] = group
        if self._replies is not None:
            self._replies[position] = _number(content_hash(row.turns[-1].text))

    @property
    def rows(self) -> Any:
        """Row numbers of the file."""
        return _array(self._rows)

    @property
    def turns(self) -> Any:
        """The first half of a conversation's hash: as a hexadecimal number, its id."""
        return _array(self._turns)

    @property
    def groups(self) -> Any:
        """What the conversation asks: see `group_of`."""
        return _array(self._groups)

    def were(self, is_kept: Any) -> tuple[Any, Any]:
        """Which of the kept ones, counted for themselves, asked what before they were cleaned."""
        import numpy

        at, were = _array(self._were_at), _array(self._were)
        at, latest = numpy.unique(at[::-1], return_index=True)  # a row may be put twice
        is_here = is_kept[at]
        place = numpy.cumsum(is_kept, dtype=numpy.int64) - 1
        return place[at[is_here]], were[::-1][latest][is_here]

    def copies(self, among: Any) -> tuple[Any, Any]:
        """Which of some positions say the same as an earlier one, and that one's position."""
        import numpy

        first = first_alike(self.turns[among], _array(self._rest)[among])
        gone = numpy.flatnonzero(first != numpy.arange(len(first)))
        return among[gone], among[first[gone]]

    def conflicts(self, among: Any) -> tuple[Any, Any]:
        """Which of some positions ask what an earlier one asks, and get another reply."""
        import numpy

        replies = _array(self._replies or array("Q"))[among]
        first = first_alike(self.groups[among])
        gone = numpy.flatnonzero(replies != replies[first])
        return among[gone], among[first[gone]]

    def without(self, numbers: Collection[int]) -> Any:
        """The positions of all rows but those with these numbers."""
        import numpy

        if not numbers:
            return numpy.arange(len(self))
        return numpy.flatnonzero(~numpy.isin(self.rows, list(numbers)))


def _number(hexadecimal: str) -> int:
    return int(hexadecimal[:16], 16)


def _array(values: "array[int]") -> Any:
    import numpy

    return numpy.frombuffer(values, values.typecode) if len(values) else numpy.empty(0, "u8")
