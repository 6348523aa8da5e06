"""How far raters agree: Krippendorff's alpha, and the plain share of equal answers beside it.

Alpha is 1 for full agreement and 0 for what chance would give; it looks only at items (units) that
two raters or more have answered, and is undefined where no answer differs from any other.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 400


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement over the units that two raters or more have answered.

    `alpha` with its interval over units is None where it is undefined. `raw` is the share of equal
    answers among all pairs of answers to the same unit.
    """

    units: int
    raw: float
    alpha: float | None
    low: float | None
    high: float | None


def agreement(
    answers: Mapping[Hashable, Sequence[float]],
    level: Literal["nominal", "ordinal", "interval"],
    seed: int = 0,
) -> Agreement | None:
    """Agreement of answers, listed by unit; None if no unit has two answers."""
    units = [Counter(values) for values in answers.values() if len(values) >= 2]
    if not units:
        return None
    domain = sorted({value for unit in units for value in unit})
    counts = np.array([[unit[value] for value in domain] for unit in units], dtype=np.float64)
    alpha = _alpha(counts, domain, level)
    low, high = _interval(counts, domain, level, seed) if alpha is not None else (None, None)
    return Agreement(len(units), _raw(counts), alpha, low, high)


def _alpha(counts: NDArray[np.float64], domain: Sequence[float], level: str) -> float | None:
    # Here, and not above: only a closed study needs the package.
    import krippendorff

    present = counts.sum(axis=0) > 0
    if present.sum() < 2:
        return None
    value = krippendorff.alpha(
        value_counts=counts[:, present],
        value_domain=np.asarray(domain)[present],
        level_of_measurement=level,
    )
    return float(value)


def _interval(
    counts: NDArray[np.float64], domain: Sequence[float], level: str, seed: int
) -> tuple[float | None, float | None]:
    random = np.random.default_rng(seed)
    drawn = (counts[random.integers(0, len(counts), len(counts))] for _ in range(RESAMPLES))
    values = [alpha for sample in drawn if (alpha := _alpha(sample, domain, level)) is not None]
    # With one unit, or few that differ, resamples say nothing about the spread.
    if len(counts) < 2 or len(values) < RESAMPLES / 2:
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _raw(counts: NDArray[np.float64]) -> float:
    answers = counts.sum(axis=1)
    equal = (counts * (counts - 1)).sum()
    return float(equal / (answers * (answers - 1)).sum())
