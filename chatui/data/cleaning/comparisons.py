"""Compare rows with each other: which of them have to go for what others say."""

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any, overload

from chatui.data.cleaning.account import CleanRow
from chatui.data.cleaning.keys import Keys
from chatui.data.cleaning.near import near_copies
from chatui.data.cleaning.parameters import Parameters

RowAt = Callable[[int], CleanRow]
_AT_ONCE = 2000  # rows whose numbers are Python objects


class Found:
    """What a comparison found, by position: rows that go, each one's twin and likeness."""

    def __init__(self, gone: Any, twins: Any, scores: Any = None) -> None:
        import numpy

        order = numpy.argsort(gone, kind="stable")
        self.gone, self._twins = gone[order], twins[order]
        self._scores = None if scores is None else scores[order]

    def reasons(self, name: str, rows: Any) -> Iterator[tuple[int, str, str]]:
        """The position of each row that goes, in their order, and why; given all row numbers."""
        sentence = REASONS[name]
        for start in range(0, len(self.gone), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            gone, twins = self.gone[some].tolist(), rows[self._twins[some]].tolist()
            scores = repeat(0.0) if self._scores is None else self._scores[some].tolist()
            for position, twin, score in zip(gone, twins, scores, strict=False):
                yield position, name, sentence.format(row=twin, score=score)


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
