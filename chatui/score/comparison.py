"""Compare base and tuned on the same items: figures, differences and verdicts.

Numbers in, numbers out: no models, no files. "Better" or "worse" is said only when the interval of
the difference leaves out zero and its p is below .05. The primary metric is chosen before anything
is known, so its p counts as it is; those of all others are adjusted by Holm.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from chatui.model.requests import Likelihood
from chatui.score.catalog import METRICS, TITLES, metric
from chatui.score.config import SYSTEMS, MetricName, System
from chatui.score.metrics.overlap import bleu_of_sums, chrf_of_sums, mean_reference_tokens
from chatui.score.metrics.per_item import averaged, ratio_of_sums
from chatui.score.metrics.perplexity import (
    bits_per_byte_statistics,
    perplexity_of_sums,
    perplexity_statistics,
    token_accuracy_statistics,
)
from chatui.score.report import Difference, Figure, Verdict
from chatui.score.text_figures import Pair, TextFigure
from chatui.score.texts import SWAPS, score_texts
from chatui.statistics import (
    Interval,
    Numbers,
    Statistic,
    bootstrap,
    bootstrap_difference,
    holm,
    randomization_p,
)

Each = TypeVar("Each")
SIGNIFICANT = 0.05
SHORT_REFERENCE = 4  # tokens: below that, corpus BLEU is 0 even for a perfect reply
# What is no matter of texts alone: how the sums of each become its value.
_OF_SUMS: dict[MetricName, Statistic] = {
    "perplexity": perplexity_of_sums,
    "bits_per_byte": ratio_of_sums,
    "token_accuracy": ratio_of_sums,
    "limit_share": ratio_of_sums,
}


@dataclass(frozen=True, slots=True)
class Outputs:
    """What both systems made of the same items, in the same order."""

    references: Sequence[str]
    likelihoods: Mapping[System, Sequence[Likelihood]]
    replies: Mapping[System, Sequence[str]]
    cut: Mapping[System, Sequence[bool]]  # whether a reply ended at the token limit
    prompts: Sequence[str]  # what was asked last


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of a report, and sacrebleu's signatures."""

    base: dict[MetricName, Figure]
    tuned: dict[MetricName, Figure]
    differences: dict[MetricName, Difference]
    signatures: dict[str, str]
    per_item: dict[System, dict[MetricName, Numbers]]  # values, in the order of the items


def primary_metric(references: Sequence[str]) -> MetricName:
    """The metric that the verdict is about, chosen by the references alone."""
    if not references or mean_reference_tokens(references) < SHORT_REFERENCE:
        return "chrf2"
    return "bleu"


def compare(outputs: Outputs, primary: MetricName, seed: int = 0) -> Comparison:
    """Measure both systems and their paired differences."""
    if not outputs.references:
        return _nothing_scored()
    modelled = {system: _modelled(outputs, system) for system in SYSTEMS}
    scored = score_texts(_pairs(outputs), seed)
    texts = scored.systems
    figures = {
        system: {name: _figure(of, modelled[system][name], seed) for name, of in _OF_SUMS.items()}
        | {_name(n): _of_text(each) for n, each in texts[letter].items() if _is_reported(n)}
        for system, letter in zip(SYSTEMS, "ab", strict=True)
    }
    found = _modelled_differences(modelled, seed) | {
        _name(n): Difference(
            _of_text(each), None if each.low is None else each.p, None, "cannot tell"
        )
        for n, each in texts["difference"].items()
        if _is_reported(n)
    }
    return Comparison(
        base=_in_order(figures["base"]),
        tuned=_in_order(figures["tuned"]),
        differences=_judged(_in_order(found), primary),
        signatures={n: each.signature for n, each in texts["a"].items() if _is_reported(n)},
        per_item={
            system: _item_values(sums | modelled[system])
            for system, sums in zip(SYSTEMS, map(dict, scored.per_item), strict=True)
        },
    )


def _pairs(outputs: Outputs) -> list[Pair]:
    replies = zip(*(outputs.replies[system] for system in SYSTEMS), strict=True)
    asked = zip(outputs.references, outputs.prompts, strict=True)
    return [
        Pair(base, (reference,), prompt, reply_b=tuned)
        for (base, tuned), (reference, prompt) in zip(replies, asked, strict=True)
    ]


def _modelled(outputs: Outputs, system: System) -> dict[MetricName, Numbers]:
    likelihoods = outputs.likelihoods[system]
    return {
        "perplexity": perplexity_statistics(likelihoods),
        "bits_per_byte": bits_per_byte_statistics(likelihoods),
        "token_accuracy": token_accuracy_statistics(likelihoods),
        "limit_share": averaged([float(cut) for cut in outputs.cut[system]]),
    }


def _name(name: str) -> MetricName:
    return cast(MetricName, name)


def _is_reported(name: str) -> bool:
    """The scores of texts alone know more: variants for other scripts and at equal lengths."""
    return name in TITLES


def _in_order(found: Mapping[MetricName, Each]) -> dict[MetricName, Each]:
    return {each.name: found[each.name] for each in METRICS}


def _of_text(found: TextFigure) -> Figure:
    return Figure(found.value, found.low, found.high, found.reason)


def _figure(of_sums: Statistic, per_item: Numbers, seed: int) -> Figure:
    return _in_report(bootstrap(of_sums, per_item, seed=seed), len(per_item))


def _in_report(interval: Interval, n: int) -> Figure:
    if math.isnan(interval.value):
        return Figure(None, reason="there is nothing to divide by")
    if not math.isfinite(interval.value):
        return Figure(None, reason="the value is beyond what a number can hold")
    if n < 2:
        return Figure(interval.value, reason="a single item has no interval")
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return Figure(interval.value, reason="the interval is beyond what a number can hold")
    return Figure(interval.value, interval.low, interval.high)


def _modelled_differences(
    statistics: Mapping[System, Mapping[MetricName, Numbers]], seed: int
) -> dict[MetricName, Difference]:
    found: dict[MetricName, Difference] = {}
    for name, of_sums in _OF_SUMS.items():
        base, tuned = (statistics[system][name] for system in SYSTEMS)
        figure = _in_report(bootstrap_difference(of_sums, base, tuned, seed=seed), len(base))
        swaps = {"seed": seed, "resamples": SWAPS}
        p = None if figure.low is None else randomization_p(of_sums, base, tuned, **swaps)
        found[name] = Difference(figure, p, None, "cannot tell")
    return found


def _judged(
    found: Mapping[MetricName, Difference], primary: MetricName
) -> dict[MetricName, Difference]:
    """The same with adjusted p and verdicts."""
    p_values = {name: each.p for name, each in found.items() if each.p is not None}
    others = [name for name in p_values if name != primary]
    adjusted = dict(zip(others, holm([p_values[name] for name in others]), strict=True))
    p_values |= adjusted
    return {
        name: replace(each, p_adjusted=p, verdict=_verdict(name, each.figure, p))
        if (p := p_values.get(name)) is not None
        else each
        for name, each in found.items()
    }


def _verdict(name: MetricName, difference: Figure, p: float) -> Verdict:
    low, high = difference.low, difference.high
    if low is None or high is None or low <= 0 <= high or p >= SIGNIFICANT:
        return "cannot tell"
    higher_is_better = metric(name).higher_is_better
    if higher_is_better is None:
        return "higher" if low > 0 else "lower"
    return "better" if (low > 0) == higher_is_better else "worse"


def _item_values(sums: Mapping[str, Numbers]) -> dict[MetricName, Numbers]:
    """What single items have, of the rows that the figures are made of."""
    return {
        "perplexity": perplexity_of_sums(sums["perplexity"]),
        "bleu": bleu_of_sums(sums["bleu"], effective_order=True),
        "chrf2": chrf_of_sums(sums["chrf2"]),
        "token_f1": ratio_of_sums(sums["token_f1"]),
    }


def _nothing_scored() -> Comparison:
    nothing = Figure(None, reason="no item could be scored")
    none: dict[MetricName, Figure] = {each.name: nothing for each in METRICS}
    undecided = Difference(nothing, None, None, "cannot tell")
    return Comparison(none, none, {each.name: undecided for each in METRICS}, {}, {})
