"""Diversity figures of one system or two, with their intervals and p-values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from chatui.score.metrics.diversity import SELF_BLEU_REPLIES, Distinct, SelfBleu, Words
from chatui.score.text_figures import Figures, figure, within
from chatui.statistics import Interval, Marks, Numbers, half_samples, swap_test

SWAPS = 1_000  # each one counts all n-grams again
FEWEST = 10  # items: of fewer there are too few different halves to tell a spread


class _Counts(Protocol):
    """What a diversity metric can say of marked outputs."""

    lengths: Numbers

    def of(self, marks: Marks) -> Numbers: ...

    def of_two(self, first: Marks, second: Marks) -> Numbers: ...


@dataclass(frozen=True, slots=True)
class _Measure:
    """Counted outputs: all of a, then all of b if there are two systems."""

    names: tuple[str, ...]  # of two systems there may be a second figure, at an equal length
    counts: _Counts
    items: int
    signature: str
    undefined: str

    def halves(self, marks: Marks) -> Numbers:
        """Columns, for each name: a; or a, b and b − a."""
        if len(self.counts.lengths) == self.items:
            return self.counts.of(marks)[:, None]
        none = np.zeros_like(marks)
        found = self.counts.of_two(np.hstack([marks, none]), np.hstack([none, marks]))
        parts = [_with_difference(found[:, i : i + 2]) for i in range(0, found.shape[1], 2)]
        return np.hstack(parts)

    def swapped(self, marks: Marks) -> Numbers:
        """b − a for each name, where the marked items have their outputs swapped."""
        first, second = np.hstack([~marks, marks]), np.hstack([marks, ~marks])
        found = self.counts.of_two(first, second)
        return found[:, 1::2] - found[:, ::2]

    def n(self, system: str) -> int:
        """Replies that have what is counted; for a difference, the items that are compared."""
        if system == "difference":
            return self.items
        begin = self.items if system == "b" else 0
        return int((self.counts.lengths[begin : begin + self.items] > 0).sum())


def variety(systems: Sequence[Words], tokens: str, seed: int = 0) -> dict[str, Figures]:
    """Figures of "a", or of "a", "b" and "difference"; the words of each system item by item.

    The items should be in no order: self-BLEU takes the first 200. Two systems are compared by
    distinct-n twice, once at an equal number of n-grams.
    """
    names = ("a", "b", "difference") if len(systems) == 2 else ("a",)
    found: dict[str, Figures] = {name: {} for name in names}
    for measure in _measures(systems, tokens):
        for place, interval in enumerate(_intervals(measure, seed)):
            system, name = names[place % len(names)], measure.names[place // len(names)]
            signature = measure.signature + ("|rarefied" if name.endswith("tokens") else "")
            each = figure(interval, measure.n(system), signature, measure.undefined)
            lowest = -1.0 if system == "difference" else 0.0
            found[system][name] = within(each, lowest, 1.0)
        if len(systems) == 2:
            p_values = swap_test(measure.swapped, measure.items, seed=seed, resamples=SWAPS)
            for name, p in zip(measure.names, p_values, strict=False):
                each = found["difference"][name]
                found["difference"][name] = each if each.value is None else replace(each, p=p)
    return found


def _measures(systems: Sequence[Words], tokens: str) -> list[_Measure]:
    outputs = [words for system in systems for words in system]
    items = len(systems[0])
    measures = []
    for order, wanted in ((1, "a token"), (2, "two tokens")):
        name = f"distinct_{order}"
        signature, undefined = f"n:{order}|pooled|{tokens}", f"no reply has {wanted}"
        names = (name, f"{name}_equal_tokens") if len(systems) == 2 else (name,)
        measures.append(_Measure(names, Distinct(outputs, order), items, signature, undefined))
    sampled = min(items, SELF_BLEU_REPLIES)
    chosen = SelfBleu([words for system in systems for words in system[:sampled]])
    signature = f"refs:the others of {sampled}|mean|eff:yes|smooth:exp|{tokens}"
    undefined = "fewer than two replies have tokens"
    return [*measures, _Measure(("self_bleu",), chosen, sampled, signature, undefined)]


def _with_difference(pair: Numbers) -> Numbers:
    return np.column_stack([pair, pair[:, 1] - pair[:, 0]])


def _intervals(measure: _Measure, seed: int) -> list[Interval]:
    if measure.items >= FEWEST:
        return half_samples(measure.halves, measure.items, seed=seed)
    whole = measure.halves(np.ones((1, measure.items), dtype=bool))[0]
    return [Interval(float(value), math.nan, math.nan) for value in whole]
