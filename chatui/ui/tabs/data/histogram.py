"""Draw how long texts are: bars as SVG, with title, units, n and a table.

Not `gr.BarPlot`: after a second file it went on showing the first one's bars, and one bar alone
lost its axis. Like the other drawings it has no view box, so text keeps its size on a phone.
"""

from collections.abc import Sequence
from html import escape

from chatui.ui.charts import TRAIN_COLOUR, as_details, html_table

_TOP, _BOTTOM, _HEIGHT = 24, 216, 260  # of the drawing, in pixels

Bars = Sequence[tuple[str, int]]


def histogram_html(bars: Bars, what: str = "Replies", unit: str = "characters") -> str:
    """How many of something ("Replies") have how many of a unit, and the same as a table below."""
    most, total = max(bars, key=lambda bar: bar[1])[0], sum(count for _, count in bars)
    title = f"{what}: most have {most} {unit}"
    told = "; ".join(f"{name} {unit}: {count}" for name, count in bars)
    drawn = "".join(_bar(number, bar, bars) for number, bar in enumerate(bars))
    return (
        f'<figure class="chatui-figure"><strong>{escape(title)}</strong>'
        f'<svg class="chatui-chart" role="img" width="100%" height="{_HEIGHT}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
        f'<desc>{escape(told)}</desc><g fill="currentColor" font-size="13" '
        f'font-family="ui-sans-serif, system-ui, sans-serif">{drawn}'
        f'<line x1="0" x2="100%" y1="{_BOTTOM}" y2="{_BOTTOM}" stroke="currentColor"/>'
        f'<text x="50%" y="{_HEIGHT - 6}" text-anchor="middle">{escape(unit.capitalize())}</text>'
        "</g></svg>"
        f"<figcaption>Height: how many there are, n = {total:,}</figcaption></figure>"
        + as_details("Show as table", html_table([unit.capitalize(), what], bars))
    )


def _bar(number: int, bar: tuple[str, int], bars: Bars) -> str:
    name, count = bar
    share = 100 / len(bars)
    tall = (_BOTTOM - _TOP) * count / max(n for _, n in bars)
    middle = f"{(number + 0.5) * share:.2f}%"
    top = _BOTTOM - tall
    drawn = (
        f'<rect x="{number * share + 0.5:.2f}%" width="{share - 1:.2f}%" y="{top:.1f}" '
        f'height="{tall:.1f}" fill="{TRAIN_COLOUR}"><title>{name}: {count}</title></rect>'
    )
    if count:
        drawn += f'<text x="{middle}" y="{top - 5:.1f}" text-anchor="middle">{count:,}</text>'
    start = name.split("–")[0]  # the whole span would not fit on a phone
    return f'{drawn}<text x="{middle}" y="{_BOTTOM + 18}" text-anchor="middle">{start}</text>'
