"""How varied the replies of a system are together: distinct-1, distinct-2 and self-BLEU.

None is a sum over items: what counts is which items are alike. So each is a function of marks that
say which outputs belong to a system, and its interval comes from half samples. Words are lists of
tokens as BLEU counts them.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatui.score.metrics.overlap import ORDER, bleu_of_sums
from chatui.statistics import Marks, Numbers

SELF_BLEU_REPLIES = 200  # each is compared with all others, so the work grows with the square
Words = Sequence[Sequence[str]]  # the tokens of each output
_BLOCK = 25  # rows of marks whose counts are held in memory at a time


class Distinct:
    """Distinct-n of pooled outputs (Li et al. 2016): different n-grams / all n-grams, 0 to 1.

    The more text, the smaller it gets. So two systems are also compared at an equal number of
    n-grams: that of the one with less. The other's value is what a random choice of so many of its
    n-grams has on average, by the formula of rarefaction (Hurlbert 1971).
    """

    def __init__(self, outputs: Words, order: int) -> None:
        from scipy.sparse import csr_matrix

        grams = [_grams(words, order) for words in outputs]
        ids: dict[tuple[str, ...], int] = {}
        rows = [ids.setdefault(gram, len(ids)) for gram in chain.from_iterable(grams)]
        self.lengths = np.array([len(each) for each in grams], dtype=np.float64)
        columns = np.repeat(np.arange(len(grams)), self.lengths.astype(int))
        shape = (max(1, len(ids)), len(grams))
        # Counts are whole numbers far below 2^24, which is where float32 begins to round.
        ones = np.ones(len(rows), dtype=np.float32)
        self._counts: Any = csr_matrix((ones, (rows, columns)), shape=shape)

    def of(self, marks: Marks) -> Numbers:
        """A value per row of marks; NaN without any n-gram."""
        return np.concatenate([self._of(block) for block in _blocks(marks)])

    def of_two(self, first: Marks, second: Marks) -> Numbers:
        """Columns: first and second; then both at an equal number of n-grams."""
        return np.concatenate(
            [self._of_two(*pair) for pair in zip(_blocks(first), _blocks(second), strict=True)]
        )

    def _of(self, marks: Marks) -> Numbers:
        return _share((self._seen(marks) > 0).sum(axis=0), marks @ self.lengths)

    def _of_two(self, first: Marks, second: Marks) -> Numbers:
        plain, equal = [], []
        totals = [marks @ self.lengths for marks in (first, second)]
        budgets = np.minimum(*totals)
        for marks, total in zip((first, second), totals, strict=True):
            seen = self._seen(marks)
            plain.append(_share((seen > 0).sum(axis=0), total))
            longer = total > budgets
            equal.append(plain[-1].copy())
            equal[-1][longer] = [
                _rarefied(counts, int(budget))
                for counts, budget in zip(seen.T[longer], budgets[longer], strict=True)
            ]
        return np.column_stack([*plain, *equal])

    def _seen(self, marks: Marks) -> NDArray[np.float32]:
        """How often each n-gram stands in the marked outputs: a row each, a column per mark."""
        seen: NDArray[np.float32] = self._counts @ marks.T.astype(np.float32)
        return seen


class SelfBleu:
    """Self-BLEU (Zhu et al. 2018), 0 to 1: BLEU of each output against all others, averaged.

    Sentence BLEU as sacrebleu counts it, with effective order. High means that replies resemble
    each other. Outputs without words are no outputs here. Counting n-grams once and asking, for
    each, who of the others has most of it, gives the same figures as n·(n−1) comparisons do.
    """

    def __init__(self, outputs: Words) -> None:
        self.lengths = np.array([len(words) for words in outputs], dtype=np.float64)
        found = [entry for order in range(1, ORDER + 1) for entry in _shared(outputs, order)]
        # By n-gram, the largest count first.
        table = np.array(sorted(found), dtype=np.int64).reshape(-1, 4)
        self._gram, self._count, self._output = table[:, 0], -table[:, 1], table[:, 2]
        self._place = table[:, 2] * ORDER + table[:, 3] - 1
        gaps = np.abs(self.lengths[:, None] - self.lengths)
        # The closest length, and of two that are as close the shorter one.
        self._distance = gaps * (self.lengths.max(initial=0) + 1) + self.lengths
        np.fill_diagonal(self._distance, np.inf)

    def of(self, marks: Marks) -> Numbers:
        """A value per row of marks; NaN with fewer than two outputs that have words."""
        return np.array([self._of(row) for row in marks & (self.lengths > 0)])

    def of_two(self, first: Marks, second: Marks) -> Numbers:
        """Columns: first and second."""
        return np.column_stack([self.of(first), self.of(second)])

    def _of(self, marked: NDArray[np.bool_]) -> float:
        (chosen,) = np.nonzero(marked)
        if len(chosen) < 2:
            return float("nan")
        lengths = self.lengths[chosen]
        closest = self._distance[np.ix_(chosen, chosen)].argmin(axis=1)
        matches = self._matches(marked).reshape(-1, ORDER)[chosen]
        totals = np.maximum(0, lengths[:, None] - np.arange(ORDER))
        sums = np.column_stack([lengths, lengths[closest], matches, totals])
        return float(bleu_of_sums(sums, effective_order=True).mean() / 100)

    def _matches(self, marked: NDArray[np.bool_]) -> Numbers:
        """Per output and order: its n-grams, each at most as often as another output has it."""
        (there,) = np.nonzero(marked[self._output])
        gram, count = self._gram[there], self._count[there]
        new = np.ones(len(gram), dtype=bool)
        new[1:] = gram[1:] != gram[:-1]
        (first,) = np.nonzero(new)  # whoever has most of each n-gram; next comes the second most
        group = np.cumsum(new) - 1
        most_of_others = count[first][group]
        second = np.append(count, 0)[first + 1]
        second[np.append(gram, -1)[first + 1] != gram[first]] = 0  # nobody else has it
        most_of_others[first] = second
        shared = np.minimum(count, most_of_others).astype(np.float64)
        size = len(self.lengths) * ORDER
        return np.bincount(self._place[there], weights=shared, minlength=size).astype(np.float64)


def _rarefied(counts: Numbers, budget: int) -> float:
    """Distinct-n to expect in `budget` of the counted n-grams, drawn without replacement."""
    from scipy.special import gammaln

    often = np.bincount(counts.astype(np.int64))
    (count,) = np.nonzero(often)
    count = count[count > 0]
    total = int(count @ often[count])
    if not budget:
        return float("nan")
    left = total - count  # n-grams other than this one; it is missed if all are drawn from them
    possible = left >= budget
    missed = np.zeros(len(count))
    missed[possible] = np.exp(
        gammaln(left[possible] + 1)
        - gammaln(left[possible] - budget + 1)
        - gammaln(total + 1)
        + gammaln(total - budget + 1)
    )
    return float(often[count] @ (1 - missed) / budget)


def _shared(outputs: Words, order: int) -> list[tuple[int, int, int, int]]:
    """(n-gram, −count, output, order) of the n-grams that more than one output has."""
    where: dict[tuple[str, ...], dict[int, int]] = {}
    for place, words in enumerate(outputs):
        for gram in _grams(words, order):
            counts = where.setdefault(gram, {})
            counts[place] = counts.get(place, 0) + 1
    common = (counts for counts in where.values() if len(counts) > 1)
    return [
        (ORDER * number + order, -count, place, order)
        for number, counts in enumerate(common)
        for place, count in counts.items()
    ]


def _grams(words: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + order]) for i in range(len(words) - order + 1)]


def _blocks(marks: Marks) -> list[Marks]:
    return [marks[begin : begin + _BLOCK] for begin in range(0, len(marks), _BLOCK)]


def _share(part: Numbers, total: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, part / total, np.nan)
