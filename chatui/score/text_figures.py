"""What scores of texts are: plain data, ready to be printed as JSON.

An undefined value is missing and says why; no NaN or Infinity gets out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chatui.statistics import Interval, Numbers, holm


@dataclass(frozen=True, slots=True)
class Pair:
    """What one system said (and perhaps another one), and what it should have said."""

    reply: str
    references: tuple[str, ...]
    prompt: str | None = None
    label: str | None = None
    reply_b: str | None = None


@dataclass(frozen=True, slots=True)
class TextFigure:
    """One metric of one system, or of the difference of two, with its 95 % interval."""

    value: float | None
    n: int  # items that it rests on
    signature: str
    low: float | None = None
    high: float | None = None
    reason: str | None = None  # why there is no value, or no interval
    p: float | None = None  # of a difference: two-sided, by approximate randomization
    p_adjusted: float | None = None  # by Holm, over all differences that have a p

    def to_json(self) -> dict[str, object]:
        """All of it; a reason and p only where there are any."""
        shown: dict[str, object] = {"value": self.value, "low": self.low, "high": self.high}
        for name in ("p", "p_adjusted", "reason"):
            if (each := getattr(self, name)) is not None:
                shown[name] = each
        return shown | {"n": self.n, "signature": self.signature}


Figures = dict[str, TextFigure]  # by the name of the metric


@dataclass(frozen=True, slots=True)
class TextScores:
    """All figures of one system or two over the same items."""

    n: int
    seed: int
    systems: dict[str, Figures]  # "a", or "a", "b" and "difference" (b − a)
    # Of a, and of b: by metric, the rows whose sum its value is made of, in the order of the items.
    per_item: Sequence[Mapping[str, Numbers]] = field(compare=False)

    def to_json(self) -> dict[str, object]:
        """`{"n", "seed", "a": {metric: figure}, "b"?, "difference"?}`."""
        figures = {
            system: {name: figure.to_json() for name, figure in found.items()}
            for system, found in self.systems.items()
        }
        return {"n": self.n, "seed": self.seed, **figures}


def figure(interval: Interval, n: int, signature: str, undefined: str) -> TextFigure:
    """A figure without NaN; `undefined` is why there is no value, if there is none."""
    if not math.isfinite(interval.value):
        return TextFigure(None, n, signature, reason=undefined)
    if n < 2:
        single = "a single item has no interval"
        return TextFigure(interval.value, n, signature, reason=single)
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        few = "there are too few replies for an interval"
        return TextFigure(interval.value, n, signature, reason=few)
    return TextFigure(interval.value, n, signature, interval.low, interval.high)


def within(found: TextFigure, lowest: float, highest: float) -> TextFigure:
    """The same with its interval cut to the values that there can be."""
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(lowest, found.low), high=min(highest, found.high))


def adjusted(differences: Figures) -> Figures:
    """The same with Holm's p over all that have one."""
    tested = {name: each.p for name, each in differences.items() if each.p is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {
        name: replace(each, p_adjusted=corrected.get(name)) for name, each in differences.items()
    }
