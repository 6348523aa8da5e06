"""Draw how long replies are: bars as SVG, with title, units, n and a table.

Not `gr.BarPlot`: after a second file it went on showing the first one's bars, and one bar alone
lost its axis. Like the other drawings it has no view box, so text keeps its size on a phone.
"""

from collections import Counter
from collections.abc import Sequence
from html import escape

from chatui.conversation import Conversation
from chatui.ui.charts import TRAIN_COLOUR, as_details, html_table

_BARS = 12
_TOP, _BOTTOM, _HEIGHT = 24, 236, 280  # of the drawing, in pixels

Bars = Sequence[tuple[str, int]]


def lengths(conversations: Sequence[Conversation]) -> Bars:
    """How long replies are: (characters "0–49", number of replies), in bars of equal width."""
    sizes = [len(c.reference) for c in conversations]
    # Beyond the 99th percentile one bar is enough: a single giant would leave nothing to see.
    limit = sorted(sizes)[int(0.99 * (len(sizes) - 1))] + 1
    width = next(w for w in _widths() if w * _BARS >= limit)
    bars = Counter(min(size, limit) // width for size in sizes)
    shortest, longest = min(bars), max(bars)
    steps = range(shortest, longest + 1)
    named = [(f"{n * width}–{(n + 1) * width - 1}", bars[n]) for n in steps]
    if max(sizes) >= (longest + 1) * width:
        named[-1] = (f"{longest * width}+", named[-1][1])
    return named


def histogram_html(bars: Bars) -> str:
    """The bars with a sentence as title, and the same as a table below."""
    most, total = max(bars, key=lambda bar: bar[1])[0], sum(count for _, count in bars)
    title = f"Most replies have {most} characters"
    told = "; ".join(f"{name} characters: {count}" for name, count in bars)
    drawn = "".join(_bar(number, bar, bars) for number, bar in enumerate(bars))
    return (
        f'<figure class="chatui-figure"><strong>{escape(title)}</strong>'
        f'<svg class="chatui-chart" role="img" width="100%" height="{_HEIGHT}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
        f'<desc>{escape(told)}</desc><g fill="currentColor" font-size="13" '
        f'font-family="ui-sans-serif, system-ui, sans-serif">{drawn}'
        f'<line x1="0" x2="100%" y1="{_BOTTOM}" y2="{_BOTTOM}" stroke="currentColor"/>'
        f'<text x="50%" y="{_HEIGHT - 6}" text-anchor="middle">Characters in a reply</text>'
        "</g></svg>"
        f"<figcaption>Height: number of replies, n = {total:,}</figcaption></figure>"
        + as_details("Show as table", html_table(["Characters", "Replies"], bars))
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


def _widths() -> list[int]:
    return [base * 10**power for power in range(1, 9) for base in (1, 2, 5)]
