"""Intervals and tests: plain numbers in, plain numbers out.

Knows nothing of models, texts or pages. A corpus-level metric is a function of summed per-item
statistics; resampling items then means weighting those statistics, not gathering texts again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
# From sums of per-item statistics, one row per sample, to one value per sample.
Statistic = Callable[[Numbers], Numbers]
# The same for several values at once: a row per sample, a column per value.
Statistics = Callable[[Numbers], Numbers]
# From which items are taken (a row per sample, a column per item) to a row of values per sample.
Marks = NDArray[np.bool_]
OfMarks = Callable[[Marks], Numbers]

RESAMPLES = 2_000
SWAPS = 10_000  # so that a p adjusted over a few metrics can still be below .001
HALVES = 1_000  # subsamples of half of the items
CONFIDENCE = 0.95
_Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution
_POWER = 0.8416212335729143  # and its 80 % quantile
_BLOCK = 100  # resamples held in memory at a time


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def bootstrap(
    statistic: Statistic, per_item: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """A corpus statistic with its percentile bootstrap interval over items.

    `per_item` has a row per item. Raises ValueError for no items or for NaN or Infinity.
    """
    return bootstrap_each(_column(statistic), per_item, seed=seed, resamples=resamples)[0]


def bootstrap_each(
    statistics: Statistics, per_item: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES
) -> list[Interval]:
    """As `bootstrap`, for several statistics of the same resamples: they are drawn once.

    A resample in which a statistic is undefined (NaN) is left out of its interval.
    """
    items = _checked(per_item)
    values = [statistics(weights @ items) for weights in _weights(len(items), seed, resamples)]
    return _percentiles(statistics(items.sum(axis=0)[None])[0], np.concatenate(values))


def bootstrap_difference(
    statistic: Statistic,
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """`second − first` over the same items, resampled together (a paired bootstrap)."""
    one, two = _paired(first, second)

    def difference(sums: Numbers) -> Numbers:
        width = one.shape[1]
        return statistic(sums[:, width:]) - statistic(sums[:, :width])

    return bootstrap(difference, np.hstack([one, two]), seed=seed, resamples=resamples)


def randomization_p(
    statistic: Statistic,
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = SWAPS,
) -> float:
    """Two-sided p that which system made which output does not matter (approximate randomization).

    Outputs are swapped item by item by a fair coin. Equal systems have p = 1.
    """
    swaps = {"seed": seed, "resamples": resamples}
    return randomization_each(_column(statistic), first, second, **swaps)[0]


def randomization_each(
    statistics: Statistics,
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = SWAPS,
) -> list[float]:
    """As `randomization_p`, for several statistics under the same swaps."""
    one, two = _paired(first, second)
    totals, swing = (one.sum(axis=0), two.sum(axis=0)), two - one

    def difference(swapped: Marks) -> Numbers:
        moved = swapped @ swing
        return statistics(totals[1] - moved) - statistics(totals[0] + moved)

    return swap_test(difference, len(one), seed=seed, resamples=resamples)


def swap_test(
    difference: OfMarks, items: int, *, seed: int = 0, resamples: int = SWAPS
) -> list[float]:
    """Two-sided p for each column of `difference`, which is told whose outputs are swapped.

    For what is no sum over items, such as the words that a system uses. A swap that leaves a
    difference undefined (NaN) counts against it.
    """
    observed = np.abs(difference(np.zeros((1, items), dtype=bool))[0])
    # A hair of slack: equal differences must not count as smaller by a rounding error.
    enough = observed - 1e-9 * np.maximum(1.0, observed)
    random = np.random.default_rng(seed)
    extreme, left = np.zeros(len(observed)), resamples
    while left:
        swapped = random.integers(0, 2, (min(_BLOCK, left), items)).astype(bool)
        extreme += np.sum(~(np.abs(difference(swapped)) < enough), axis=0)
        left -= len(swapped)
    return [float(p) for p in (extreme + 1) / (resamples + 1)]


def half_samples(
    statistics: OfMarks, items: int, *, seed: int = 0, samples: int = HALVES
) -> list[Interval]:
    """Intervals for what depends on the number of items, or on which of them are alike.

    Resampling with replacement repeats items, which biases such statistics: a corpus with
    repetitions has fewer different words. So halves are drawn without replacement, and it is the
    spread around their own mean that counts. The variance of half of n items is twice that of
    all, and knowing the other half takes off the factor 1 − 1/2: just that of n items is left
    (the delete-half jackknife; Shao and Wu 1989). At least two items are needed.
    """
    half = items // 2
    scale = np.sqrt(half / (items - half))
    random = np.random.default_rng(seed)
    drawn = []
    for begin in range(0, samples, _BLOCK):
        size = min(_BLOCK, samples - begin)
        ranks = random.random((size, items)).argsort(axis=1).argsort(axis=1)
        drawn.append(statistics(ranks < half))
    values = np.concatenate(drawn)
    whole = statistics(np.ones((1, items), dtype=bool))[0]
    counted = np.maximum(1, (~np.isnan(values)).sum(axis=0))
    spread = scale * (values - np.nansum(values, axis=0) / counted)
    # Where nearly all halves agree, their mean can lie outside of what most of them say.
    return [
        Interval(each.value, min(each.value, each.low), max(each.value, each.high))
        for each in _percentiles(whole, whole + spread)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order they came."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def wilson(successes: float, n: int) -> Interval:
    """A share with Wilson's interval; half successes (ties) are allowed, `n` is at least 1."""
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    share, z2 = successes / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = _Z * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At the ends the formula is exact but for rounding: a share of 1 must not stand above `high`.
    return Interval(share, min(share, max(0.0, middle - reach)), max(share, middle + reach))


def sign_test(wins: int, losses: int) -> float:
    """Exact two-sided p that a decisive vote goes either way alike; 1 without any vote."""
    from scipy.stats import binomtest  # half a second, which the page need not wait for

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def two_way_bootstrap(
    values: Sequence[float],
    items: Sequence[str],
    raters: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """The mean of votes with an interval that knows that items and raters repeat.

    Each vote has its item and its rater; both are resampled, and a vote weighs the product of how
    often its item and its rater were drawn. Resamples in which no vote has weight are left out.
    """
    votes = _checked([[value] for value in values])[:, 0]
    item_of = np.unique(np.asarray(items), return_inverse=True)[1]
    rater_of = np.unique(np.asarray(raters), return_inverse=True)[1]
    if not len(item_of) == len(rater_of) == len(votes):
        raise ValueError("every vote needs one item and one rater")
    means = []
    drawn_items = _weights(int(item_of.max()) + 1, seed, resamples)
    drawn_raters = _weights(int(rater_of.max()) + 1, seed + 1, resamples)
    for by_item, by_rater in zip(drawn_items, drawn_raters, strict=True):
        weights = by_item[:, item_of] * by_rater[:, rater_of]
        total = weights.sum(axis=1)
        means.append((weights @ votes)[total > 0] / total[total > 0])
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(np.concatenate(means), [tail, 100 - tail])
    return Interval(float(votes.mean()), float(low), float(high))


def items_needed(difference: Interval, items: int) -> int | None:
    """About how many items it takes to see a difference of this size, found on so many.

    In four of five such samples the two-sided test at .05 would then see it. The standard error is
    read off the interval and falls with the root of the number of items. None for no difference.
    """
    error = (difference.high - difference.low) / (2 * _Z)
    if difference.value == 0 or error == 0:
        return None
    return ceil(items * ((_Z + _POWER) * error / abs(difference.value)) ** 2)


def _column(statistic: Statistic) -> Statistics:
    return lambda sums: statistic(sums)[:, None]


def _weights(items: int, seed: int, resamples: int) -> Iterator[Numbers]:
    """How often each item is drawn in each resample, a block of resamples at a time."""
    random = np.random.default_rng(seed)
    fair = np.full(items, 1 / items)
    for begin in range(0, resamples, _BLOCK):
        size = min(_BLOCK, resamples - begin)
        yield random.multinomial(items, fair, size=size).astype(np.float64)


def _percentiles(wholes: Numbers, values: Numbers) -> list[Interval]:
    """For each column: the value of the whole sample, and where 95 % of the samples lie."""
    tail = 100 * (1 - CONFIDENCE) / 2
    found = []
    for whole, column in zip(wholes, values.T, strict=True):
        defined = column[~np.isnan(column)]
        with np.errstate(invalid="ignore"):  # infinite values have infinite ends, without a warning
            ends = np.percentile(defined, [tail, 100 - tail]) if len(defined) else [np.nan] * 2
        found.append(Interval(float(whole), float(ends[0]), float(ends[1])))
    return found


def _paired(first: ArrayLike, second: ArrayLike) -> tuple[Numbers, Numbers]:
    one, two = _checked(first), _checked(second)
    if one.shape != two.shape:
        raise ValueError(f"not the same items: {one.shape} against {two.shape}")
    return one, two


def _checked(per_item: ArrayLike) -> Numbers:
    items = np.asarray(per_item, dtype=np.float64)
    if items.ndim != 2 or not len(items):
        raise ValueError("statistics are wanted as one row per item, for at least one item")
    if not np.isfinite(items).all():
        raise ValueError("a per-item statistic is not a finite number")
    return items
