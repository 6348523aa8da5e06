"""Pictures of a report's items: how far each moved, and where the model is weak."""

import math
from collections.abc import Sequence

from chatui.score.config import SYSTEMS
from chatui.score.groups import Group, by_label, by_length, by_turn, value_of
from chatui.score.readable import figure_in_words
from chatui.score.report import Report
from chatui.ui.charts import BASE_COLOUR, TUNED_COLOUR, Bar, as_details, bar_chart, html_table

_EDGES = (1, 10, 25, 50)  # points at which the next class begins; less than the first is "equal"
_EQUAL_COLOUR = "#7A7A82"
_BELOW = ("◀ base higher", "points", "tuned higher ▶")


def movement(report: Report, title: str) -> str:
    """How many items moved how far, from base to tuned; `title` is the primary metric's."""
    scale = 100 if report.primary == "token_f1" else 1
    moved = [
        scale * (value_of(item, "tuned", report) - value_of(item, "base", report))
        for item in report.items
    ]
    if not moved:
        return ""
    higher, lower = (sum(sign * each >= _EDGES[0] for each in moved) for sign in (1, -1))
    said = f"{title} of single replies: tuned is higher in {higher} of {len(moved)}, "
    said += f"base in {lower}, {len(moved) - higher - lower} are equal"
    return bar_chart(said, _bars(moved), "points", below=_BELOW)


def where(report: Report, title: str) -> str:
    """The items by label, by length of the reference and by turn, folded."""
    folded = "".join(
        as_details(f"By {name}", _group_table(name, groups, title))
        for name, groups in (
            ("label", by_label(report)),
            ("length of the reference", by_length(report)),
            ("turn", by_turn(report)),
        )
        if groups
    )
    return f"<b>Where it is strong or weak</b>{folded}" if folded else ""


def _group_table(name: str, groups: Sequence[Group], title: str) -> str:
    rows = [
        (
            group.name,
            group.n,
            *(group.mean[system] for system in SYSTEMS),
            figure_in_words(group.difference),
            *(group.perplexity[system] for system in SYSTEMS),
        )
        for group in groups
    ]
    head = (name.capitalize(), "Items", f"{title}, base", "tuned", "tuned − base")
    return html_table((*head, "Perplexity, base", "tuned "), rows)


def _bars(moved: Sequence[float]) -> list[Bar]:
    """Classes of points from far below zero to far above."""
    spans = list(zip(_EDGES, [*_EDGES[1:], math.inf], strict=True))

    def bar(sign: int, low: float, high: float) -> Bar:
        count = sum(low <= sign * each < high for each in moved)
        mark, colour = ("+", TUNED_COLOUR) if sign > 0 else ("−", BASE_COLOUR)
        name = f"{mark}{low} to {mark}{high}" if high < math.inf else f"{mark}{low} and more"
        return Bar(name, count, f"{mark}{low}", colour)

    equal = Bar("0", sum(abs(each) < _EDGES[0] for each in moved), "0", _EQUAL_COLOUR)
    below, above = ([bar(sign, *span) for span in spans] for sign in (-1, 1))
    return [*reversed(below), equal, *above]
