"""A report as Markdown, for people who get it by mail.

Texts of the dataset and of models stand in indented blocks, where Markdown and HTML are inert.
"""

from collections.abc import Iterable

from chatui.conversation import Turn
from chatui.score.catalog import METRICS, TITLES, Metric
from chatui.score.report import SIGNS, Difference, Figure, Report, ScoredItem
from chatui.score.verdict import p_in_words, signed


def as_markdown(report: Report) -> str:
    """The verdict, the figures, what they rest on, and all items."""
    return "\n".join(
        (
            f"# Score {report.score}: base against {report.run}",
            "",
            report.verdict,
            "",
            *_table(report),
            "",
            f"95 % bootstrap intervals over {report.n} items; p by approximate randomization, "
            "adjusted by Holm for all metrics but the first, which was chosen beforehand.",
            account(report),
            memory(report),
            "",
            "## How it was made",
            "",
            *_block(report.signature.split("; ")),
            "",
            *_block(f"{name}: {value}" for name, value in report.hashes.items()),
            "",
            "## Items",
            *(line for item in report.items for line in _item(item)),
            *_skipped(report),
            "",
        )
    )


def figure_in_words(figure: Figure) -> str:
    """`12.3 [10.1, 14.2]`, or why there is none."""
    if figure.value is None:
        return f"undefined: {figure.reason}"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.2f} ({figure.reason})"
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def difference_in_words(difference: Difference) -> str:
    """`+12.3 [+10.1, +14.2], p < .001`, or why there is none."""
    figure = difference.figure
    if figure.value is None or figure.low is None or figure.high is None:
        return figure_in_words(figure)
    between = f"{signed(figure.value)} [{signed(figure.low)}, {signed(figure.high)}]"
    return f"{between}, {p_in_words(difference.p_adjusted or 0.0)}"


def account(report: Report) -> str:
    """How many items were scored, skipped, and cut at the token limit."""
    said = f"{report.n} of {report.total} items scored, {len(report.skipped)} skipped."
    longest = report.decoding["max_new_tokens"]
    cut = report.cut("base"), report.cut("tuned")
    if any(cut):
        said += f" Cut at {longest} tokens: {cut[0]} replies of base, {cut[1]} of tuned."
    return said


def memory(report: Report) -> str:
    """What memory of the training data could explain; empty if nothing could."""
    clean = _clean(report)
    if not report.seen["reference"]:
        return clean
    return clean + (
        f"{report.seen['reference']} of {report.n} references also stand in the training data, "
        f"word for word ({report.seen['both']} with the same question): for them the figures "
        "show what was remembered, and new questions may go worse."
    )


def _clean(report: Report) -> str:
    """The primary metric over the items that training has not seen, if that is not all of them."""
    clean, name = report.clean, report.primary
    if clean is None or clean.n == report.n:
        return ""
    if not clean.n:
        return "No item is unknown to the training data. "
    return (
        f"Over the {clean.n} of {report.n} items that training has not seen: {TITLES[name]} base "
        f"{figure_in_words(clean.base[name])}, tuned {figure_in_words(clean.tuned[name])}. "
    )


def measured(report: Report) -> list[Metric]:
    """The metrics that a report has (an old one lacks the newer ones), the primary one first."""
    found = [metric for metric in METRICS if metric.name in report.differences]
    return sorted(found, key=lambda metric: metric.name != report.primary)


def _table(report: Report) -> list[str]:
    rows = ["| metric | base | tuned | tuned − base | verdict |", "|---|---|---|---|---|"]
    for metric in measured(report):
        difference = report.differences[metric.name]
        cells = (
            metric.title,
            figure_in_words(report.base[metric.name]),
            figure_in_words(report.tuned[metric.name]),
            difference_in_words(difference),
            f"{SIGNS[difference.verdict]} {difference.verdict}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _item(item: ScoredItem) -> list[str]:
    figures = f"chrF2 {item.base.chrf2:.1f} → {item.tuned.chrf2:.1f}"
    return [
        "",
        f"### Item {item.id} ({figures})",
        "",
        *_block(_said(turn) for turn in item.prompt),
        *_block((f"base: {item.base.reply}",)),
        *_block((f"tuned: {item.tuned.reply}",)),
        *_block((f"reference: {item.reference}",)),
    ]


def _said(turn: Turn) -> str:
    return f"{turn.speaker}: {turn.text}"


def _skipped(report: Report) -> list[str]:
    if not report.skipped:
        return []
    lines = (f"{item.id}: {item.reason}" for item in report.skipped)
    return ["", "## Skipped items", "", *_block(lines)]


def _block(texts: Iterable[str]) -> list[str]:
    return [f"    {line}" for text in texts for line in text.splitlines() or [""]]
