"""Compare base and tuned on the same items: figures, differences and verdicts.

Numbers in, numbers out: no models, no files. "Better" or "worse" is said only when the interval of
the difference leaves out zero and the p-value, adjusted over all metrics, is below .05.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chatui.model.requests import Likelihood
from chatui.score.config import SYSTEMS, MetricName, System
from chatui.score.metrics.overlap import (
    bleu_of_sums,
    bleu_statistics,
    chrf_of_sums,
    chrf_statistics,
    mean_reference_tokens,
)
from chatui.score.metrics.per_item import ratio_of_sums
from chatui.score.metrics.perplexity import (
    bits_per_byte_statistics,
    perplexity_of_sums,
    perplexity_statistics,
    token_accuracy_statistics,
)
from chatui.score.report import SIGNS, Difference, Figure, Verdict
from chatui.statistics import (
    Interval,
    Numbers,
    Statistic,
    bootstrap,
    bootstrap_difference,
    holm,
    randomization_p,
)

SIGNIFICANT = 0.05
SHORT_REFERENCE = 4  # tokens: below that, corpus BLEU is 0 even for a perfect reply


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is called, which way is up, and how sums become its value."""

    name: MetricName
    title: str
    higher_is_better: bool
    of_sums: Statistic
    meaning: str
    unit: str = ""


METRICS: tuple[Metric, ...] = (
    Metric(
        "perplexity",
        "Perplexity",
        higher_is_better=False,
        of_sums=perplexity_of_sums,
        meaning="how surprised the model is by the reference; lower is better",
    ),
    Metric(
        "bits_per_byte",
        "Bits per byte",
        higher_is_better=False,
        of_sums=ratio_of_sums,
        meaning="the same for each byte of the reference, whatever the tokens; lower is better",
    ),
    Metric(
        "token_accuracy",
        "Token accuracy",
        higher_is_better=True,
        of_sums=ratio_of_sums,
        meaning="tokens of the reference that were the likeliest, 0 to 1; higher is better",
        unit="0 to 1",
    ),
    Metric(
        "bleu",
        "BLEU",
        higher_is_better=True,
        of_sums=bleu_of_sums,
        meaning="shared phrases with the reference, 0 to 100; higher is better",
        unit="0 to 100",
    ),
    Metric(
        "chrf2",
        "chrF2",
        higher_is_better=True,
        of_sums=chrf_of_sums,
        meaning="shared pieces of words with the reference, 0 to 100; higher is better",
        unit="0 to 100",
    ),
)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What both systems made of the same items, in the same order."""

    references: Sequence[str]
    likelihoods: Mapping[System, Sequence[Likelihood]]
    replies: Mapping[System, Sequence[str]]


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


def compare(outputs: Outputs, seed: int = 0) -> Comparison:
    """Measure both systems and their paired differences."""
    if not outputs.references:
        return _nothing_scored()
    statistics, signatures = _statistics(outputs)
    figures = {
        system: {m.name: _figure(m, statistics[system][m.name], seed) for m in METRICS}
        for system in SYSTEMS
    }
    return Comparison(
        base=figures["base"],
        tuned=figures["tuned"],
        differences=_differences(statistics, seed),
        signatures=signatures,
        per_item={system: _item_values(statistics[system]) for system in SYSTEMS},
    )


def verdict_sentence(metric: MetricName, difference: Difference, n: int) -> str:
    """The verdict in words: `▲ Tuned is better: BLEU +12.3 [8.1, 16.4], p < .001, n = 29.`"""
    said = {
        "better": "Tuned is better",
        "worse": "Tuned is worse",
        "cannot tell": "Cannot tell yet",
    }[difference.verdict]
    title = next(each.title for each in METRICS if each.name == metric)
    figure = difference.figure
    if figure.value is None:
        return f"{SIGNS[difference.verdict]} {said}: {title} is undefined, {figure.reason}."
    between = (
        f" [{signed(figure.low)}, {signed(figure.high)}]"
        if figure.low is not None and figure.high is not None
        else ""
    )
    p = f", {p_in_words(difference.p_adjusted)}" if difference.p_adjusted is not None else ""
    return (
        f"{SIGNS[difference.verdict]} {said}: {title} {signed(figure.value)}{between}{p}, n = {n}."
    )


def signed(value: float) -> str:
    """A difference with its sign and as many digits as it is worth."""
    rounded = f"{value:+.1f}" if abs(value) >= 0.95 else f"{value:+.2f}"
    return rounded.replace("-", "−")


def p_in_words(p: float) -> str:
    """`p < .001`, `p = .042`: as people write it."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def _statistics(
    outputs: Outputs,
) -> tuple[dict[System, dict[MetricName, Numbers]], dict[str, str]]:
    statistics: dict[System, dict[MetricName, Numbers]] = {}
    signatures = {}
    for system in SYSTEMS:
        bleu = bleu_statistics(outputs.replies[system], outputs.references)
        chrf = chrf_statistics(outputs.replies[system], outputs.references)
        statistics[system] = {
            "perplexity": perplexity_statistics(outputs.likelihoods[system]),
            "bits_per_byte": bits_per_byte_statistics(outputs.likelihoods[system]),
            "token_accuracy": token_accuracy_statistics(outputs.likelihoods[system]),
            "bleu": bleu.statistics,
            "chrf2": chrf.statistics,
        }
        signatures = {"bleu": bleu.signature, "chrf2": chrf.signature}
    return statistics, signatures


def _figure(metric: Metric, per_item: Numbers, seed: int) -> Figure:
    return _in_report(bootstrap(metric.of_sums, per_item, seed=seed), len(per_item))


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


def _differences(
    statistics: Mapping[System, Mapping[MetricName, Numbers]], seed: int
) -> dict[MetricName, Difference]:
    found: dict[MetricName, Difference] = {}
    for metric in METRICS:
        base, tuned = (statistics[system][metric.name] for system in SYSTEMS)
        difference = bootstrap_difference(metric.of_sums, base, tuned, seed=seed)
        figure = _in_report(difference, len(base))
        p = None if figure.low is None else randomization_p(metric.of_sums, base, tuned, seed=seed)
        found[metric.name] = Difference(figure, p, None, "cannot tell")
    tested = [name for name, each in found.items() if each.p is not None]
    adjusted = holm([p for each in found.values() if (p := each.p) is not None])
    for name, p in zip(tested, adjusted, strict=True):
        verdict = _verdict(name, found[name].figure, p)
        found[name] = replace(found[name], p_adjusted=p, verdict=verdict)
    return found


def _verdict(name: MetricName, difference: Figure, p: float) -> Verdict:
    low, high = difference.low, difference.high
    if low is None or high is None or low <= 0 <= high or p >= SIGNIFICANT:
        return "cannot tell"
    higher_is_better = next(each.higher_is_better for each in METRICS if each.name == name)
    return "better" if (low > 0) == higher_is_better else "worse"


def _item_values(statistics: Mapping[MetricName, Numbers]) -> dict[MetricName, Numbers]:
    return {
        "perplexity": perplexity_of_sums(statistics["perplexity"]),
        "bleu": bleu_of_sums(statistics["bleu"], effective_order=True),
        "chrf2": chrf_of_sums(statistics["chrf2"]),
    }


def _nothing_scored() -> Comparison:
    nothing = Figure(None, reason="no item could be scored")
    none: dict[MetricName, Figure] = {metric.name: nothing for metric in METRICS}
    undecided = Difference(nothing, None, None, "cannot tell")
    return Comparison(none, none, {m.name: undecided for m in METRICS}, {}, {})
