"""A finished score: figures of base and tuned, their differences, and what they were made of.

Plain data. Whatever is undefined has no value and says why; no NaN or Infinity gets in or out.
"""

from dataclasses import asdict, dataclass
from typing import Literal, cast

from pydantic import TypeAdapter

from chatui.conversation import Turn
from chatui.score.config import MetricName, System

# Of a metric in which neither way is better: "higher" and "lower".
Verdict = Literal["better", "worse", "higher", "lower", "cannot tell"]
SIGNS: dict[Verdict, str] = {
    "better": "▲",
    "worse": "▼",
    "higher": "↑",
    "lower": "↓",
    "cannot tell": "≈",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one system with its 95 % interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None  # why there is no value, or no interval

    def to_json(self) -> dict[str, object]:
        """`{"value", "low", "high"}`, and the reason where something is missing."""
        figure: dict[str, object] = {"value": self.value, "low": self.low, "high": self.high}
        return figure | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True)
class Difference:
    """Tuned minus base on the same items."""

    figure: Figure
    p: float | None  # approximate randomization
    p_adjusted: float | None  # by Holm over all metrics but the primary one, whose p it is as it is
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """What one system did on one item."""

    reply: str
    ended: str  # "end" or "limit"
    perplexity: float | None
    bleu: float  # of this reply alone, with effective order
    chrf2: float
    token_f1: float | None = None  # of reports from before it was counted


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """One test item with both replies."""

    id: str
    prompt: tuple[Turn, ...]
    reference: str
    base: ItemFigures
    tuned: ItemFigures
    label: str | None = None
    tokens: int | None = None  # of the reference; perplexities are pooled over them


@dataclass(frozen=True, slots=True)
class SkippedItem:
    """A test item that could not be scored, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class CleanFigures:
    """The same figures over those items alone that training has not seen."""

    n: int
    base: dict[MetricName, Figure]
    tuned: dict[MetricName, Figure]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a score found out."""

    score: str
    run: str
    dataset: str
    split: str
    created_at: str
    primary: MetricName
    verdict: str  # a sentence about the primary metric
    base: dict[MetricName, Figure]
    tuned: dict[MetricName, Figure]
    differences: dict[MetricName, Difference]
    n: int  # items scored
    total: int  # items scored and skipped
    seen: dict[str, int]  # scored items whose question, reference or both stand in training
    signature: str
    hashes: dict[str, str]
    versions: dict[str, str]
    decoding: dict[str, float | int]
    seed: int
    items: tuple[ScoredItem, ...]
    skipped: tuple[SkippedItem, ...]
    clean: CleanFigures | None = None  # of reports from before it was counted

    def figures(self, system: System) -> dict[MetricName, Figure]:
        """The figures of base or tuned."""
        return self.base if system == "base" else self.tuned

    def cut(self, system: System) -> int:
        """How many replies of a system ended at the token limit."""
        return sum(getattr(item, system).ended == "limit" for item in self.items)

    def summary(self) -> dict[str, object]:
        """The figures alone, as the command line prints them."""
        return {
            "base": {name: figure.to_json() for name, figure in self.base.items()},
            "tuned": {name: figure.to_json() for name, figure in self.tuned.items()},
            "n": self.n,
            "signature": self.signature,
        }


def to_json(report: Report) -> dict[str, object]:
    """The summary and all the rest, ready to be written."""
    differences = {
        name: {**each.figure.to_json(), **_without(asdict(each), "figure")}
        for name, each in report.differences.items()
    }
    return {"format": 1, **asdict(report), **report.summary(), "differences": differences}


def from_json(value: dict[str, object]) -> Report:
    """Read what `to_json` wrote."""
    parts = ("value", "low", "high", "reason")
    differences = {
        name: {**_without(each, *parts), "figure": {p: each[p] for p in parts if p in each}}
        for name, each in cast(dict[str, dict[str, object]], value["differences"]).items()
    }
    return _REPORT.validate_python({**_without(value, "format"), "differences": differences})


_REPORT = TypeAdapter(Report)


def _without(value: dict[str, object], *names: str) -> dict[str, object]:
    return {name: each for name, each in value.items() if name not in names}
