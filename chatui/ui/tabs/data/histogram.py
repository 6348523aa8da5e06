"""Draw how long texts are: bars with title, units, n and a table."""

from collections.abc import Sequence

from chatui.ui.charts import Bar, as_details, bar_chart, html_table

Bars = Sequence[tuple[str, int]]


def histogram_html(bars: Bars, what: str = "Replies", unit: str = "characters") -> str:
    """How many of something ("Replies") have how many of a unit, and the same as a table below."""
    most, total = max(bars, key=lambda bar: bar[1])[0], sum(count for _, count in bars)
    # The whole span would not fit below a bar on a phone.
    drawn = [Bar(name, count, name.split("–")[0]) for name, count in bars]
    return bar_chart(
        f"{what}: most have {most} {unit}",
        drawn,
        unit,
        below=[unit.capitalize()],
        caption=f"Height: how many there are, n = {total:,}",
    ) + as_details("Show as table", html_table([unit.capitalize(), what], bars))
