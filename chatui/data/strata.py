"""The labels of rows, and which groups of rows go by which label.

Splits can have the same shares of each label: the groups of a label are then split by themselves,
and those of labels that few groups have together.
"""

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Literal

STRATIFIED_ABOVE = 10_000  # rows; below, the splits of a label would be too small to have a share
_RARE = 10  # labels with fewer groups are one: they can't be in each of 8 : 1 : 1

StratifyBy = Literal["auto", "label", "nothing"]


class Labels:
    """The labels of rows, each different one kept once."""

    def __init__(self, labels: Iterable[str | None] = ()) -> None:
        self._numbers: dict[str | None, int] = {}
        self._of = array("I")
        for label in labels:
            self.add(label)

    def add(self, label: str | None) -> None:
        """Take the label of the next row."""
        self._of.append(self._numbers.setdefault(label, len(self._numbers)))

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> Iterator[str | None]:
        labels = list(self._numbers)
        return (labels[number] for number in self._of)

    @property
    def are_any(self) -> bool:
        """Whether a row has one."""
        return bool(self._numbers.keys() - {None})

    @property
    def of(self) -> Any:
        """The label of each row, as a number below `count`."""
        import numpy

        return numpy.array(self._of, numpy.int64)

    @property
    def ranks(self) -> Any:
        """Of each number, the place of its label in their order; none is an empty one."""
        import numpy

        order = {text: at for at, text in enumerate(sorted({text or "" for text in self._numbers}))}
        return numpy.array([order[text or ""] for text in self._numbers], numpy.int64)


def strata_of(labels: Iterable[str | None], by: StratifyBy) -> Labels | None:
    """The labels, if the splits are to have the same shares of them; else None."""
    labels = labels if isinstance(labels, Labels) else Labels(labels)
    is_wanted = by == "label" or (by == "auto" and len(labels) > STRATIFIED_ABOVE)
    return labels if is_wanted and labels.are_any else None


def by_kind(ranked: Any, group_of_row: Any, labels: Labels) -> Iterator[Any]:
    """The groups by the label that most of their rows have, rare labels together, last.

    Those of a label are in the order in which all are given.
    """
    import numpy

    ranks = labels.ranks
    pairs = group_of_row.astype(numpy.int64) * len(ranks) + labels.of
    pairs, counts = numpy.unique(pairs, return_counts=True)
    group, rank = pairs // len(ranks), ranks[pairs % len(ranks)]
    order = numpy.lexsort((rank, -counts, group))
    _, first = numpy.unique(group[order], return_index=True)
    kind = rank[order[first]][ranked]  # of each ranked group
    sizes = numpy.bincount(kind)
    is_rare = sizes[kind] < _RARE
    frequent = ranked[~is_rare][numpy.argsort(kind[~is_rare], kind="stable")]
    yield from numpy.split(frequent, numpy.cumsum(sizes[sizes >= _RARE])[:-1])
    if is_rare.any():
        yield ranked[is_rare]
