"""What every metric gives: a row of numbers per item, and how it was counted."""

from dataclasses import dataclass

import numpy as np

from chatui.statistics import Numbers


@dataclass(frozen=True, slots=True)
class PerItem:
    """Per-item statistics of one metric, with its signature."""

    statistics: Numbers  # a row per item; their sum is what the corpus value is made of
    signature: str


def ratio_of_sums(sums: Numbers) -> Numbers:
    """First sum through second, one row per sample: a mean, a share or a pooled ratio.

    Undefined (NaN) where the second is 0: nothing was counted.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], np.nan)


def averaged(values: list[float | None]) -> Numbers:
    """Rows for a mean over items; an item without a value takes no part, as if it were not."""
    rows = [(0.0, 0.0) if value is None else (value, 1.0) for value in values]
    return np.array(rows, dtype=np.float64)
