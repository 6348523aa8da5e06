"""Compare rows with each other: which of them have to go for what others say."""

from collections.abc import Callable, Sequence
from typing import Any, overload

from chatui.data.cleaning.account import CleanRow
from chatui.data.cleaning.keys import Keys
from chatui.data.cleaning.near import near_copies
from chatui.data.cleaning.parameters import Parameters

RowAt = Callable[[int], CleanRow]


class Found:
    """What a comparison found, by position: rows that go, each one's twin and likeness."""

    def __init__(self, gone: Any, twins: Any, scores: Any = None) -> None:
        import numpy

        order = numpy.argsort(gone, kind="stable")
        self.gone, self._twins = gone[order], twins[order]
        self._scores = None if scores is None else scores[order]

    def of(self, position: int) -> tuple[int, float] | None:
        """The twin and the likeness of a row that goes."""
        place = int(self.gone.searchsorted(position))
        if place == len(self.gone) or self.gone[place] != position:
            return None
        return int(self._twins[place]), 0.0 if self._scores is None else float(self._scores[place])


class _Rows(Sequence[CleanRow]):
    """Some of the rows that were put aside, read when they are asked for."""

    def __init__(self, row_at: RowAt, positions: Any) -> None:
        self._row_at, self._positions = row_at, positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, at: int) -> CleanRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[CleanRow]: ...
    def __getitem__(self, at: int | slice) -> CleanRow | list[CleanRow]:
        if isinstance(at, slice):
            return [self._row_at(int(position)) for position in self._positions[at]]
        return self._row_at(int(self._positions[at]))


def _duplicates(keys: Keys, _: RowAt, among: Any, __: Parameters) -> Found:
    return Found(*keys.copies(among))


def _near(_: Keys, row_at: RowAt, among: Any, parameters: Parameters) -> Found:
    import numpy

    found = near_copies(_Rows(row_at, among), parameters.similarity)
    gone = numpy.array(list(found), numpy.int64)
    twins = numpy.array([twin for twin, _ in found.values()], numpy.int64)
    scores = numpy.array([score for _, score in found.values()])
    return Found(among[gone], among[twins], scores)


def _conflicts(keys: Keys, _: RowAt, among: Any, __: Parameters) -> Found:
    return Found(*keys.conflicts(among))


COMPARISONS = {"duplicates": _duplicates, "near": _near, "conflicts": _conflicts}
REASONS = {
    "duplicates": "says the same as row {row}",
    "near": "says nearly the same as row {row} (similarity {score:.2f})",
    "conflicts": "answers the question of row {row} in other words",
}
