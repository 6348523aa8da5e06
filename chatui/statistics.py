"""Intervals and tests: plain numbers in, plain numbers out.

Knows nothing of models, texts or pages. A corpus-level metric is a function of summed per-item
statistics; resampling items then means weighting those statistics, not gathering texts again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
# From sums of per-item statistics, one row per sample, to one value per sample.
Statistic = Callable[[Numbers], Numbers]

RESAMPLES = 2_000
SWAPS = 10_000  # so that a p adjusted over a few metrics can still be below .001
CONFIDENCE = 0.95
_Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution
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
    items = _checked(per_item)
    values = [statistic(weights @ items) for weights in _weights(len(items), seed, resamples)]
    return _percentiles(statistic, items.sum(axis=0), np.concatenate(values))


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
    one, two = _paired(first, second)
    total, swing = one.sum(axis=0), two - one
    observed = _difference(statistic, total[None], two.sum(axis=0)[None])[0]
    random = np.random.default_rng(seed)
    extreme, left = 0, resamples
    while left:
        swapped = random.integers(0, 2, (min(_BLOCK, left), len(one))) @ swing
        values = _difference(statistic, total + swapped, two.sum(axis=0) - swapped)
        # A hair of slack: equal differences must not count as smaller by a rounding error.
        extreme += int(np.sum(np.abs(values) >= abs(observed) - 1e-9 * max(1.0, abs(observed))))
        left -= len(swapped)
    return (extreme + 1) / (resamples + 1)


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


def _difference(statistic: Statistic, first: Numbers, second: Numbers) -> Numbers:
    return statistic(second) - statistic(first)


def _weights(items: int, seed: int, resamples: int) -> Iterator[Numbers]:
    """How often each item is drawn in each resample, a block of resamples at a time."""
    random = np.random.default_rng(seed)
    fair = np.full(items, 1 / items)
    for begin in range(0, resamples, _BLOCK):
        size = min(_BLOCK, resamples - begin)
        yield random.multinomial(items, fair, size=size).astype(np.float64)


def _percentiles(statistic: Statistic, total: Numbers, values: Numbers) -> Interval:
    tail = 100 * (1 - CONFIDENCE) / 2
    with np.errstate(invalid="ignore"):  # infinite values have infinite ends, without a warning
        low, high = np.percentile(values, [tail, 100 - tail])
    return Interval(float(statistic(total[None])[0]), float(low), float(high))


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
