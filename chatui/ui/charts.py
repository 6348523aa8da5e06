"""Draw comparisons as SVG and tables as HTML; every value a user could have written is escaped.

The drawings have no view box: lengths across are percentages and text keeps its size, so the same
drawing is readable on a phone and on a desk. Lines and letters take the text's colour, so it is
readable in the light and in the dark. Base and tuned differ in shape as well as in colour.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from chatui.statistics import Interval

BASE_COLOUR = "#C25400"
TUNED_COLOUR = "#1F77D0"
TRAIN_COLOUR = "#00876C"
VALIDATION_COLOUR = "#9B59D0"

_ROW_HEIGHT = 118
_TOP, _AXIS = 24, 190  # of bars, in pixels
_MIDDLE, _ENDS = ("50%", "middle"), (("0", "start"), ("100%", "end"))
_BELOW = {0: (), 1: (_MIDDLE,), 3: (_ENDS[0], _MIDDLE, _ENDS[1])}  # where so many texts stand
# Where an interval starts, ends and has its value, across the drawing.
_Places = tuple[float, float, float]
_SPLIT_COLOURS = {"train": "#00876C", "validation": "#9B59D0", "test": "#7A7A82"}


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One metric, measured for base and for tuned."""

    name: str
    unit: str
    base: Interval
    tuned: Interval
    direction: str  # in words, such as "higher is better"
    verdict: str  # in words, such as "▲ better"


def interval_plot(rows: Sequence[IntervalRow], caption: str) -> str:
    """Base and tuned with their 95 % intervals, each metric on a scale of its own."""
    drawn = "".join(_interval_row(row, i * _ROW_HEIGHT) for i, row in enumerate(rows))
    told = "; ".join(
        f"{row.name}: base {_span(row.base)}, tuned {_span(row.tuned)}, {row.verdict}"
        for row in rows
    )
    legend = "".join(
        f'<span><svg width="34" height="14" aria-hidden="true">{mark((0, 34, 17), 7, "")}</svg>'
        f" {name}</span>"
        for name, mark in (("base", _mark_base), ("tuned", _mark_tuned))
    )
    legend += "<span>lines: 95 % intervals, own scale a row</span>"
    drawing = _svg("Base and tuned with 95 % intervals", told, drawn, _ROW_HEIGHT * len(rows))
    return _figure(drawing, legend, caption)


def win_bar(  # noqa: PLR0917 - three counts that are always read in this order
    wins: int, ties: int, losses: int, interval: Interval | None, caption: str
) -> str:
    """How often raters preferred tuned, neither, or base; `interval` is tuned's win rate."""
    parts = (
        ("tuned better", wins, TUNED_COLOUR),
        ("no difference", ties, "#7A7A82"),
        ("base better", losses, BASE_COLOUR),
    )
    told = ", ".join(f"{name} {count}" for name, count, _ in parts)
    if interval is not None:
        share = ", ".join(f"{100 * v:.0f}" for v in (interval.low, interval.high))
        told += f"; win rate of tuned {100 * interval.value:.0f} % [{share}]"
    drawn = _stack(parts) if wins + ties + losses else ""
    return _figure(_svg("Wins, ties and losses of tuned", told, drawn, 40), _keys(parts), caption)


def split_bar(splits: Mapping[str, int], caption: str = "") -> str:
    """How many conversations are in each split."""
    parts = tuple((name, n, _SPLIT_COLOURS.get(name, "#7A7A82")) for name, n in splits.items())
    told = ", ".join(f"{name} {count}" for name, count, _ in parts)
    drawn = _stack(parts) if sum(splits.values()) else ""
    return _figure(_svg("Conversations in each split", told, drawn, 40), _keys(parts), caption)


@dataclass(frozen=True, slots=True)
class Bar:
    """How many there are of something; `edge` is where its span begins, as it stands below."""

    name: str
    count: int
    edge: str
    colour: str = TRAIN_COLOUR


def bar_chart(
    title: str, bars: Sequence[Bar], unit: str, *, below: Sequence[str] = (), caption: str = ""
) -> str:
    """Bars side by side, under a sentence; `below` stands at the left, in the middle, at the right.

    Not `gr.BarPlot`: after a second file it went on showing the first one's bars, and one bar alone
    lost its axis.
    """
    told = [f"{bar.name} {unit}: {bar.count}" for bar in bars]
    most, share = max(1, *(bar.count for bar in bars)), 100 / len(bars)
    drawn = "".join(
        f"<g>{_bar(bar, place * share, share, bar.count / most)}<title>{escape(said)}</title></g>"
        for place, (bar, said) in enumerate(zip(bars, told, strict=True))
    )
    drawn += f'<line x1="0" x2="100%" y1="{_AXIS}" y2="{_AXIS}" stroke="currentColor"/>'
    for (x, anchor), text in zip(_BELOW[len(below)], below, strict=True):
        drawn += f'<text x="{x}" y="{_AXIS + 38}" text-anchor="{anchor}">{escape(text)}</text>'
    drawing = _svg(title, "; ".join(told), f'<g font-size="13">{drawn}</g>', _AXIS + 44)
    said = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="chatui-figure"><strong>{escape(title)}</strong>{drawing}{said}</figure>'


def html_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table that becomes cards on a phone; numbers are aligned right, None is a dash."""
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in headers)
    body = "".join(
        "<tr>" + "".join(_cell(h, v) for h, v in zip(headers, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        '<div class="chatui-table-frame"><table class="chatui-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def as_details(summary: str, html: str) -> str:
    """Fold `html` (already safe) under a summary."""
    return (
        f'<details class="chatui-details"><summary>{escape(summary)}</summary>'
        f"<div>{html}</div></details>"
    )


def diff_html(before: str, after: str) -> str:
    """What changed between two texts, word by word; white space counts as words."""
    old, new = _words(before), _words(after)
    pieces = []
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(escape("".join(old[i:j])))
            continue
        if i < j:
            pieces.append(f"<del>{escape(_visible(''.join(old[i:j])))}</del>")
        if k < m:
            pieces.append(f"<ins>{escape(_visible(''.join(new[k:m])))}</ins>")
    return f'<div class="chatui-diff">{"".join(pieces)}</div>'


def number(value: float) -> str:
    """A number as people read it: three digits that count, thousands apart; two of small ones."""
    size = abs(value)
    if size < 0.1:
        return f"{value:.2g}"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _interval_row(row: IntervalRow, top: int) -> str:
    low = min(row.base.low, row.tuned.low)
    high = max(row.base.high, row.tuned.high)
    width = (high - low) or 1.0

    def at(interval: Interval) -> _Places:
        low_end, high_end, value = (
            2 + 96 * (v - low) / width for v in (interval.low, interval.high, interval.value)
        )
        return low_end, high_end, value

    unit = f"{row.unit}, {row.direction}" if row.unit else row.direction
    base, tuned = row.base, row.tuned
    return (
        f'<text x="0" y="{top + 16}"><tspan font-weight="600">{escape(row.name)}</tspan>'
        f'<tspan dx="6" font-size="13" opacity=".8">{escape(unit)}</tspan></text>'
        f'<text x="100%" y="{top + 16}" text-anchor="end" font-weight="600">'
        f"{escape(row.verdict)}</text>"
        f'<text x="0" y="{top + 36}" font-size="13">'
        f"base {_span(base)} · tuned {_span(tuned)}</text>"
        f"{_mark_base(at(base), top + 54)}"
        f"{_mark_tuned(at(tuned), top + 74)}"
        f'<line x1="2%" x2="98%" y1="{top + 87}" y2="{top + 87}" stroke="currentColor" '
        'opacity=".35"/>'
        f'<text x="2%" y="{top + 101}" font-size="12" opacity=".8">{number(low)}</text>'
        f'<text x="98%" y="{top + 101}" font-size="12" opacity=".8" text-anchor="end">'
        f"{number(high)}</text>"
    )


def _mark_base(places: _Places, y: int, unit: str = "%") -> str:
    low, high, value = places
    return (
        f'<line x1="{low:.2f}{unit}" x2="{high:.2f}{unit}" y1="{y}" y2="{y}" '
        f'stroke="{BASE_COLOUR}" stroke-width="2.5" stroke-dasharray="5 4"/>'
        f'<circle class="chatui-hollow" cx="{value:.2f}{unit}" cy="{y}" r="5.5" '
        f'stroke="{BASE_COLOUR}" stroke-width="2.5"/>'
    )


def _mark_tuned(places: _Places, y: int, unit: str = "%") -> str:
    low, high, value = places
    return (
        f'<line x1="{low:.2f}{unit}" x2="{high:.2f}{unit}" y1="{y}" y2="{y}" '
        f'stroke="{TUNED_COLOUR}" stroke-width="2.5"/>'
        f'<rect x="{value:.2f}{unit}" y="{y - 6}" width="12" height="12" '
        f'transform="translate(-6 0)" fill="{TUNED_COLOUR}"/>'
    )


def _stack(parts: Sequence[tuple[str, int, str]]) -> str:
    total = sum(count for _, count, _ in parts)
    drawn, left = "", 0.0
    for name, count, colour in parts:
        share = 100 * count / total
        if count:
            drawn += (
                f'<rect x="{left:.2f}%" y="4" width="{share:.2f}%" height="30" fill="{colour}" '
                f'stroke="var(--background-fill-primary, #fff)" stroke-width="2">'
                f"<title>{escape(name)} {count}</title></rect>"
            )
        if share >= 8:
            drawn += (
                f'<text x="{left + share / 2:.2f}%" y="24" text-anchor="middle" fill="#fff" '
                f'font-weight="600">{count}</text>'
            )
        left += share
    return drawn


def _bar(bar: Bar, left: float, width: float, share: float) -> str:
    tall = (_AXIS - _TOP) * share
    middle, top = f"{left + width / 2:.2f}%", _AXIS - tall
    drawn = (
        f'<rect x="{left + 0.5:.2f}%" width="{width - 1:.2f}%" y="{top:.1f}" '
        f'height="{tall:.1f}" fill="{bar.colour}"/>'
        f'<text x="{middle}" y="{_AXIS + 18}" text-anchor="middle">{escape(bar.edge)}</text>'
    )
    if not bar.count:
        return drawn
    return f'{drawn}<text x="{middle}" y="{top - 5:.1f}" text-anchor="middle">{bar.count:,}</text>'


def _keys(parts: Sequence[tuple[str, int, str]]) -> str:
    return " ".join(
        f'<span><svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" '
        f'fill="{colour}"/></svg> {escape(name)} {count}</span>'
        for name, count, colour in parts
    )


def _svg(title: str, description: str, drawn: str, height: int) -> str:
    return (
        f'<svg class="chatui-chart" role="img" width="100%" height="{height}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
        f'<desc>{escape(description)}</desc><g fill="currentColor" font-size="14" '
        f'font-family="ui-sans-serif, system-ui, sans-serif">{drawn}</g></svg>'
    )


def _figure(drawing: str, legend: str, caption: str) -> str:
    told = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    legend = f'<div class="chatui-legend">{legend}</div>'
    return f'<figure class="chatui-figure">{drawing}{legend}{told}</figure>'


def _cell(header: str, value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = "–" if value is None else number(value) if isinstance(value, float) else str(value)
    kind = ' class="chatui-number"' if is_number else ""
    return f'<td data-label="{escape(header)}"{kind}>{escape(text)}</td>'


def _span(interval: Interval) -> str:
    return f"{number(interval.value)} [{number(interval.low)}, {number(interval.high)}]"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|\s|[^\w\s]", text)


def _visible(text: str) -> str:
    """White space alone would be a change that nobody sees."""
    if text.strip():
        return text
    return text.replace(" ", "␣").replace("\n", "⏎\n").replace("\t", "⇥")
