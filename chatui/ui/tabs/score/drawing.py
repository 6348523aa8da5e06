"""Pictures of a report's items: how far each moved, and where the model is weak."""

from collections.abc import Sequence
from html import escape

from chatui.score.config import SYSTEMS
from chatui.score.groups import Group, by_label, by_length, by_turn, value_of
from chatui.score.readable import figure_in_words
from chatui.score.report import Report
from chatui.ui.charts import BASE_COLOUR, TUNED_COLOUR, as_details, html_table

_EDGES = (1, 10, 25, 50)  # points at which the next class begins; less than the first is "equal"
_EQUAL_COLOUR = "#7A7A82"
_TOP, _BOTTOM, _HEIGHT = 24, 150, 196  # of the drawing, in pixels
_Bars = Sequence[tuple[str, int, str]]


def movement(report: Report, title: str) -> str:
    """How many items moved how far, from base to tuned; `title` is the primary metric's."""
    scale = 100 if report.primary == "token_f1" else 1
    moved = [
        scale * (value_of(item, "tuned", report) - value_of(item, "base", report))
        for item in report.items
    ]
    if not moved:
        return ""
    bars = _bars(moved)
    higher, lower = (sum(sign * each >= _EDGES[0] for each in moved) for sign in (1, -1))
    said = f"{title} of single replies: tuned is higher in {higher} of {len(moved)}, "
    said += f"base in {lower}, {len(moved) - higher - lower} are equal"
    told = "; ".join(f"{name} points: {count}" for name, count, _ in bars)
    drawn = "".join(_bar(number, bar, bars) for number, bar in enumerate(bars))
    return (
        f'<figure class="chatui-figure"><strong>{escape(said)}</strong>'
        f'<svg class="chatui-chart" role="img" width="100%" height="{_HEIGHT}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(said)}</title>'
        f'<desc>{escape(told)}</desc><g fill="currentColor" font-size="13" '
        f'font-family="ui-sans-serif, system-ui, sans-serif">{drawn}'
        f'<line x1="0" x2="100%" y1="{_BOTTOM}" y2="{_BOTTOM}" stroke="currentColor"/>'
        f'<text x="0" y="{_HEIGHT - 8}">◀ base higher</text>'
        f'<text x="50%" y="{_HEIGHT - 8}" text-anchor="middle">points</text>'
        f'<text x="100%" y="{_HEIGHT - 8}" text-anchor="end">tuned higher ▶</text>'
        "</g></svg></figure>"
    )


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


def _bars(moved: Sequence[float]) -> list[tuple[str, int, str]]:
    """Classes from far below zero to far above, each with its name, its count and its colour."""
    spans = list(zip(_EDGES, [*_EDGES[1:], float("inf")], strict=True))
    names = [f"{low}–{high}" if high < float("inf") else f"≥ {low}" for low, high in spans]

    def count(sign: int, low: float, high: float) -> int:
        return sum(low <= sign * each < high for each in moved)

    below = [(f"−({n})", count(-1, *s), BASE_COLOUR) for n, s in zip(names, spans, strict=True)]
    above = [(f"+({n})", count(1, *s), TUNED_COLOUR) for n, s in zip(names, spans, strict=True)]
    equal = ("0", sum(abs(each) < _EDGES[0] for each in moved), _EQUAL_COLOUR)
    return [*reversed(below), equal, *above]


def _bar(number: int, bar: tuple[str, int, str], bars: _Bars) -> str:
    name, count, colour = bar
    share = 100 / len(bars)
    tall = (_BOTTOM - _TOP) * count / max(1, *(n for _, n, _ in bars))
    middle, top = f"{(number + 0.5) * share:.2f}%", _BOTTOM - tall
    edge = name.strip("+−()").split("–")[0].replace("≥ ", "")
    sign = name[0] if name[0] in "+−" else ""
    counted = f'<text x="{middle}" y="{top - 5:.1f}" text-anchor="middle">{count}</text>'
    return (
        f'<rect x="{number * share + 0.5:.2f}%" width="{share - 1:.2f}%" y="{top:.1f}" '
        f'height="{tall:.1f}" fill="{colour}"><title>{name} points: {count}</title></rect>'
        f"{counted if count else ''}"
        f'<text x="{middle}" y="{_BOTTOM + 18}" text-anchor="middle">{sign}{edge}</text>'
    )
