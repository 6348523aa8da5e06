"""What a difference means, in words that a sceptic would accept."""

import math

from chatui.score.catalog import TITLES
from chatui.score.config import MetricName
from chatui.score.report import SIGNS, Difference
from chatui.statistics import Interval, items_needed

_MANY = 100_000  # nobody has so many test items: the systems are as good as equal


def verdict_sentence(metric: MetricName, difference: Difference, n: int) -> str:
    """The verdict in words: `▲ Tuned is better: BLEU +12.3 [+8.1, +16.4], p < .001, n = 29.`

    Where it cannot tell, it says how many items probably could.
    """
    said = {
        "better": "Tuned is better",
        "worse": "Tuned is worse",
        "higher": "Tuned is higher",
        "lower": "Tuned is lower",
        "cannot tell": "Cannot tell yet",
    }[difference.verdict]
    sign, title, figure = SIGNS[difference.verdict], TITLES[metric], difference.figure
    if figure.value is None:
        return f"{sign} {said}: {title} is undefined, {figure.reason}."
    between = (
        f" [{signed(figure.low)}, {signed(figure.high)}]"
        if figure.low is not None and figure.high is not None
        else ""
    )
    p = f", {p_in_words(difference.p_adjusted)}" if difference.p_adjusted is not None else ""
    sentence = f"{sign} {said}: {title} {signed(figure.value)}{between}{p}, n = {n}."
    return f"{sentence} {_what_would_tell(difference, n)}".rstrip()


def signed(value: float) -> str:
    """A difference with its sign and as many digits as it is worth."""
    rounded = f"{value:+.1f}" if abs(value) >= 0.95 else f"{value:+.2f}"
    return rounded.replace("-", "−")


def p_in_words(p: float) -> str:
    """`p < .001`, `p = .042`: as people write it."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def _what_would_tell(difference: Difference, n: int) -> str:
    figure = difference.figure
    if difference.verdict != "cannot tell" or None in (figure.value, figure.low, figure.high):
        return ""
    interval = Interval(figure.value or 0.0, figure.low or 0.0, figure.high or 0.0)
    wanted = items_needed(interval, n)
    if wanted is None or wanted > _MANY:
        return "More items would hardly help: the two are as good as equal."
    digits = -math.floor(math.log10(wanted)) + 1
    rounded = math.ceil(wanted * 10.0**digits) / 10.0**digits
    return f"About {max(rounded, n + 1):,.0f} items like these would do."
