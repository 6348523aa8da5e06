"""Where a model is strong or weak: the items of a report by label, by length and by turn."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chatui.score.config import SYSTEMS, System
from chatui.score.metrics.per_item import ratio_of_sums
from chatui.score.metrics.words import plain_words
from chatui.score.report import Figure, Report, ScoredItem
from chatui.statistics import bootstrap

FEWEST = 5  # items: of fewer an interval says nothing
_LENGTHS = (10, 25, 50, 100)  # words of the reference at which the next class begins
_TURNS = 3  # and more


@dataclass(frozen=True, slots=True)
class Group:
    """Some items of a report."""

    name: str
    n: int
    perplexity: dict[System, float | None]  # pooled over the tokens of the group
    mean: dict[System, float]  # of the primary metric's values of single items
    difference: Figure  # of those means, tuned − base, with its 95 % interval


def value_of(item: ScoredItem, system: System, report: Report) -> float:
    """The primary metric of one reply."""
    return float(getattr(getattr(item, system), report.primary))


def by_label(report: Report) -> list[Group]:
    """A group for each label, the largest first; none if the dataset has no labels."""
    if not any(item.label for item in report.items):
        return []
    groups = _groups(report, lambda item: item.label or "(no label)")
    return sorted(groups, key=lambda group: (-group.n, group.name))


def by_length(report: Report) -> list[Group]:
    """Groups by the number of words in the reference, the shortest first."""
    edges = [0, *_LENGTHS]
    names = [f"{a} to {b - 1} words" for a, b in zip(edges, _LENGTHS, strict=False)]
    names.append(f"{_LENGTHS[-1]} words or more")

    def name(item: ScoredItem) -> str:
        words = len(plain_words(item.reference))
        return names[sum(words >= edge for edge in _LENGTHS)]

    return sorted(_groups(report, name), key=lambda group: names.index(group.name))


def by_turn(report: Report) -> list[Group]:
    """Groups by how often the user has spoken, in order; none if all items are of one kind."""
    names = [f"turn {n}" for n in range(1, _TURNS)] + [f"turn {_TURNS} or later"]

    def name(item: ScoredItem) -> str:
        asked = sum(turn.speaker == "user" for turn in item.prompt)
        return names[max(1, min(asked, _TURNS)) - 1]

    groups = sorted(_groups(report, name), key=lambda group: names.index(group.name))
    return groups if len(groups) > 1 else []


def _groups(report: Report, name: Callable[[ScoredItem], str]) -> list[Group]:
    found: dict[str, list[ScoredItem]] = {}
    for item in report.items:
        found.setdefault(name(item), []).append(item)
    return [_group(title, items, report) for title, items in found.items()]


def _group(name: str, items: Sequence[ScoredItem], report: Report) -> Group:
    values = {s: np.array([value_of(item, s, report) for item in items]) for s in SYSTEMS}
    moved = values["tuned"] - values["base"]
    return Group(
        name=name,
        n=len(items),
        perplexity={system: _perplexity(items, system) for system in SYSTEMS},
        mean={system: float(values[system].mean()) for system in SYSTEMS},
        difference=_mean(moved, report.seed),
    )


def _mean(moved: "np.ndarray[tuple[int], np.dtype[np.float64]]", seed: int) -> Figure:
    if len(moved) < FEWEST:
        return Figure(float(moved.mean()), reason=f"fewer than {FEWEST} items")
    found = bootstrap(ratio_of_sums, np.column_stack([moved, np.ones_like(moved)]), seed=seed)
    return Figure(found.value, found.low, found.high)


def _perplexity(items: Sequence[ScoredItem], system: System) -> float | None:
    """Pooled; None in a report from before tokens were kept, or beyond what a number can hold."""
    nats = tokens = 0.0
    for item in items:
        perplexity = getattr(item, system).perplexity
        if perplexity is None or not item.tokens:
            return None
        nats += item.tokens * math.log(perplexity)
        tokens += item.tokens
    return math.exp(nats / tokens)
