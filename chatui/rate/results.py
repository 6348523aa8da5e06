"""From ratings to what may be said about two systems.

Knows answers only: no database, no page. Every case has an answer in numbers that are finite, or in
a sentence: no votes, one item, ten to nothing, nothing but ties.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

from chatui.rate.agreement import Agreement, agreement
from chatui.rate.study import Criterion, System
from chatui.statistics import Interval, sign_test, two_way_bootstrap, wilson

Outcome = Literal["win", "loss", "both_good", "both_bad"]  # for the tuned system
Verdict = Literal["better", "worse", "unclear"]
OUTCOMES: tuple[Outcome, ...] = ("win", "loss", "both_good", "both_bad")
WORTH: dict[Outcome, float] = {"win": 1.0, "loss": 0.0, "both_good": 0.5, "both_bad": 0.5}
# Below six decisive items even a sweep is no evidence: 2 · 0.5⁵ = .0625.
FEWEST_ITEMS = 6


@dataclass(frozen=True, slots=True)
class Vote:
    """Which system one rater preferred on one item, and whether it stood as Reply A."""

    item: str
    rater: str
    outcome: Outcome
    tuned_was_a: bool

    @property
    def is_decisive(self) -> bool:
        return self.outcome in ("win", "loss")

    @property
    def chose_a(self) -> bool:
        """Whether the winner stood as Reply A; of decisive votes only."""
        return (self.outcome == "win") == self.tuned_was_a


@dataclass(frozen=True, slots=True)
class Grade:
    """What one rater gave one reply on one scale, 1 to 5."""

    item: str
    rater: str
    criterion: str
    system: System
    value: int


@dataclass(frozen=True, slots=True)
class ScaleResult:
    """One criterion and system: how many gave 1, 2, …, 5, and their mean over items.

    `mean` has no interval (`None`) where answers do not vary or come from one item.
    """

    criterion: str
    title: str
    system: System
    n: int
    counts: tuple[int, int, int, int, int]
    median: float
    mean: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a study found. `win_rate` counts a tie as half a win; None without votes."""

    n: int
    items: int
    raters: int
    wins: int
    losses: int
    both_good: int
    both_bad: int
    win_rate: Interval | None
    method: str  # how the interval was made
    p: float | None  # exact sign test, where each item has one vote
    verdict: Verdict
    sentence: str
    side_a: Interval | None  # share of decisive votes for Reply A
    side_sentence: str
    agreement: Agreement | None
    agreement_sentence: str
    scales: tuple[ScaleResult, ...]
    scale_agreement: tuple[tuple[str, Agreement], ...]  # by criterion

    @property
    def ties(self) -> int:
        return self.both_good + self.both_bad


def analyse(votes: Sequence[Vote], grades: Sequence[Grade], scales: Sequence[Criterion]) -> Result:
    """Everything that is said about a study, from its valid answers."""
    counts = Counter(vote.outcome for vote in votes)
    rate, method = _share(votes, [WORTH[vote.outcome] for vote in votes])
    decisive = [vote for vote in votes if vote.is_decisive]
    one_each = len({vote.item for vote in votes}) == len(votes)
    p = sign_test(counts["win"], counts["loss"]) if votes and one_each else None
    verdict = _verdict(decisive, rate, p)
    side = _share(decisive, [float(vote.chose_a) for vote in decisive])[0]
    agreed = agreement(_by_item(votes), "nominal")
    return Result(
        n=len(votes),
        items=len({vote.item for vote in votes}),
        raters=len({vote.rater for vote in votes}),
        wins=counts["win"],
        losses=counts["loss"],
        both_good=counts["both_good"],
        both_bad=counts["both_bad"],
        win_rate=rate,
        method=method,
        p=p,
        verdict=verdict,
        sentence=_sentence(votes, rate, p, verdict),
        side_a=side,
        side_sentence=_side_sentence(side, len(decisive)),
        agreement=agreed,
        agreement_sentence=_agreement_sentence(agreed),
        scales=tuple(_scale(grades, scale, system) for scale in scales for system in _SYSTEMS),
        scale_agreement=_scale_agreement(grades, scales),
    )


_SYSTEMS: tuple[System, ...] = ("base", "tuned")


def _share(votes: Sequence[Vote], values: Sequence[float]) -> tuple[Interval | None, str]:
    """A mean of votes with the interval that fits how they were gathered, and its name."""
    if not votes:
        return None, "no votes"
    items, raters = [vote.item for vote in votes], [vote.rater for vote in votes]
    if len(set(items)) == len(items) and len(set(raters)) == len(raters):
        return wilson(sum(values), len(votes)), "Wilson"
    interval = two_way_bootstrap(values, items, raters)
    if interval.low < interval.high:
        return interval, "bootstrap over items and raters"
    # Votes that are all alike give every resample the same mean. The items, each counted once,
    # still say how far the true share may lie from what was seen.
    alike = wilson(interval.value * len(set(items)), len(set(items)))
    return alike, "Wilson over items, since no vote differs"


def _verdict(decisive: Sequence[Vote], rate: Interval | None, p: float | None) -> Verdict:
    enough = len({vote.item for vote in decisive}) >= FEWEST_ITEMS
    if rate is None or not enough or (p is not None and p >= 0.05):
        return "unclear"
    if rate.low > 0.5:
        return "better"
    return "worse" if rate.high < 0.5 else "unclear"


def _sentence(
    votes: Sequence[Vote], rate: Interval | None, p: float | None, verdict: Verdict
) -> str:
    if rate is None:
        return "Nobody has rated yet, so nothing can be said."
    figures = f"win rate {_two(rate.value)} [{_two(rate.low)}, {_two(rate.high)}]"
    figures += f"{_p_in_words(p)}, n = {len(votes)}"
    if verdict != "unclear":
        return f"Raters find the tuned model {verdict} than the base model: {figures}."
    items = len({vote.item for vote in votes if vote.is_decisive})
    if items < FEWEST_ITEMS:
        return (
            f"Cannot tell yet: {figures}. Only {items} item{'' if items == 1 else 's'} had a "
            f"winner; at least {FEWEST_ITEMS} are needed to say anything."
        )
    return f"Cannot tell yet which model raters prefer: {figures}."


def _p_in_words(p: float | None) -> str:
    if p is None:
        return ""
    return ", p < .001" if p < 0.001 else f", p = {p:.3f}".replace("0.", ".")


def _side_sentence(side: Interval | None, decisive: int) -> str:
    if side is None:
        return "No rating had a winner, so nothing can be said about sides."
    figures = f"{side.value:.0%} [{side.low:.0%}, {side.high:.0%}] of {decisive} decisive ratings"
    if side.low <= 0.5 <= side.high:
        return f"Reply A won {figures}: no sign that its side mattered."
    which = "Reply A" if side.value > 0.5 else "Reply B"
    return (
        f"Reply A won {figures}: raters lean towards {which}. Sides are balanced, so this blurs "
        "the result but does not favour a model."
    )


def _agreement_sentence(agreed: Agreement | None) -> str:
    if agreed is None:
        return "Agreement needs at least one item that two raters have answered."
    raw = f"{agreed.raw:.0%} of pairs of answers are equal"
    units = f"{agreed.units} item{'' if agreed.units == 1 else 's'} with two or more answers"
    if agreed.alpha is None:
        return f"{raw} ({units}); Krippendorff's alpha is undefined, since no answer differs."
    return f"Krippendorff's alpha {agreed.alpha:.2f}{_range(agreed)}; {raw} ({units})."


def _range(agreed: Agreement) -> str:
    if agreed.low is None or agreed.high is None:
        return ""
    return f" [{agreed.low:.2f}, {agreed.high:.2f}]"


def _by_item(votes: Sequence[Vote]) -> dict[Hashable, list[float]]:
    answers: dict[Hashable, list[float]] = defaultdict(list)
    for vote in votes:
        answers[vote.item].append(float(OUTCOMES.index(vote.outcome)))
    return answers


def _scale(grades: Sequence[Grade], scale: Criterion, system: System) -> ScaleResult:
    chosen = [g for g in grades if (g.criterion, g.system) == (scale.name, system)]
    values = [grade.value for grade in chosen]
    counts = Counter(values)
    interval = None
    if len({grade.item for grade in chosen}) > 1 and len(counts) > 1:
        # One "rater" for all: the interval is over items, as the study's scales are few.
        interval = two_way_bootstrap(values, [g.item for g in chosen], ["all"] * len(chosen))
    return ScaleResult(
        criterion=scale.name,
        title=scale.title,
        system=system,
        n=len(values),
        counts=(counts[1], counts[2], counts[3], counts[4], counts[5]),
        median=median(values) if values else 0.0,
        mean=fmean(values) if values else 0.0,
        interval=interval,
    )


def _scale_agreement(
    grades: Sequence[Grade], scales: Sequence[Criterion]
) -> tuple[tuple[str, Agreement], ...]:
    found = []
    for scale in scales:
        units: dict[Hashable, list[float]] = defaultdict(list)
        for grade in grades:
            if grade.criterion == scale.name:
                units[grade.item, grade.system].append(float(grade.value))
        agreed = agreement(units, "ordinal")
        if agreed is not None:
            found.append((scale.title, agreed))
    return tuple(found)


def _two(value: float) -> str:
    return f"{value:.2f}".removeprefix("0") if value < 1 else "1.00"
