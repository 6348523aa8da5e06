"""Draw lines over steps as SVG, on axes that keep still while a run goes on.

Gradio's own line plot was tried first: it stays empty when its values come at the moment its tab is
opened. This drawing stretches with the page and its letters do not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from chatui.train.curves import Line, Points
from chatui.ui.charts import TRAIN_COLOUR, TUNED_COLOUR, VALIDATION_COLOUR, number

_MOST_POINTS = 150  # of a line: more can't be told apart on 600 pixels
_OTHER_COLOUR = "#7A7A82"  # of the runs that the chosen one is compared with
_DASHES = ("7 4", "2 4", "12 4 2 4", "5 2")  # so that they are told apart without colours
_LABEL = "position: absolute; font-size: 13px; line-height: 16px; white-space: nowrap"
_STILL = ' vector-effect="non-scaling-stroke"'  # the stroke keeps its width when stretched


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line with its looks."""

    name: str
    points: Points
    colour: str
    dashes: str = ""
    has_dots: bool = False


def of_one_run(lines: Sequence[Line]) -> list[Drawn]:
    """Train and validation of a run, in their colours."""
    return [
        Drawn("validation", line.points, VALIDATION_COLOUR, "7 4", has_dots=True)
        if line.kind == "validation"
        else Drawn("train", thinned(line.points), TRAIN_COLOUR)
        for line in lines
    ]


def of_several(lines: Sequence[Line], chosen: str) -> list[Drawn]:
    """One line of each run: the chosen one blue and whole, the others grey, each dashed its way."""
    drawn, others = [], 0
    for line in lines:
        has_dots = line.kind == "validation"
        points = line.points if has_dots else thinned(line.points)
        if line.name == chosen:
            drawn.append(Drawn(line.name, points, TUNED_COLOUR, has_dots=has_dots))
        else:
            dashes = _DASHES[others % len(_DASHES)]
            drawn.append(Drawn(line.name, points, _OTHER_COLOUR, dashes, has_dots=has_dots))
            others += 1
    return drawn


def step_chart(lines: Sequence[Drawn], steps: int, title: str, unit: str) -> str:
    """Lines by step; nothing if there is no point yet. `steps` is how far the axis goes."""
    lines = [line for line in lines if line.points]
    if not lines:
        return ""
    values = [value for line in lines for _, value in line.points]
    ticks = nice_ticks(min(values), max(values))
    last = max(steps, *(line.points[-1][0] for line in lines), 1)
    drawn = "".join(_line(line, last, ticks) for line in lines)
    return (
        '<figure class="chatui-card" style="margin: 0; padding: 12px 16px">'
        f'<div style="font-weight: 600; margin-bottom: 4px">{escape(title)}</div>'
        f'<div class="chatui-muted" style="font-size: 13px">{escape(unit)}</div>'
        '<div style="position: relative; height: 190px; margin: 8px 8px 20px 44px">'
        f"{_grid(ticks)}"
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
        'style="position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible">'
        f"<title>{escape(title.partition(':')[0])}</title><desc>{escape(_told(lines))}</desc>"
        f"{drawn}</svg>{_step_labels(last)}</div>{_legend(lines)}</figure>"
    )


def thinned(points: Points) -> Points:
    """At most so many points, each the mean of its neighbours; the last step stays the last."""
    size = -(-len(points) // _MOST_POINTS) if points else 1
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return tuple((group[-1][0], sum(v for _, v in group) / len(group)) for group in groups)


def nice_ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers, the first below `low` and the last above `high`."""
    span = max(high - low, 0.05 * abs(high), 1e-9)
    unit = 10.0 ** math.floor(math.log10(span / 3))
    step = next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= 6)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return [float(f"{n * step:.6g}") for n in range(first, last + 1)]


def _line(line: Drawn, last: int, ticks: list[float]) -> str:
    places = [
        (100 * step / last, 100 * (ticks[-1] - value) / (ticks[-1] - ticks[0]))
        for step, value in line.points
    ]
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in places)
    drawn = (
        f'<polyline points="{path}" fill="none" stroke="{line.colour}" '
        f'stroke-width="2"{_dashed(line)}{_STILL}/>'
    )
    # A line of no length with round ends is a dot, and stays round however it is stretched.
    dots = "".join(
        f'<path d="M{x:.2f} {y:.2f}h0" stroke="{line.colour}" stroke-width="8" '
        f'stroke-linecap="round"{_STILL}/>'
        for x, y in (places if line.has_dots else [])
    )
    return drawn + dots


def _dashed(line: Drawn) -> str:
    return f' stroke-dasharray="{line.dashes}"' if line.dashes else ""


def _grid(ticks: list[float]) -> str:
    lines = ""
    for tick in ticks:
        top = 100 * (ticks[-1] - tick) / (ticks[-1] - ticks[0])
        lines += (
            f'<div style="position: absolute; left: 0; right: 0; top: {top:.2f}%; '
            'border-top: 1px solid var(--border-color-primary)"></div>'
            f'<div class="chatui-muted" style="{_LABEL}; right: calc(100% + 6px); top: '
            f'calc({top:.2f}% - 8px)">{_tick(tick)}</div>'
        )
    return lines


def _tick(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def _step_labels(last: int) -> str:
    whole = sorted({round(last * share / 4) for share in range(5)})
    return "".join(
        f'<div class="chatui-muted" style="{_LABEL}; top: calc(100% + 4px); '
        f'left: {100 * step / last:.2f}%; transform: translateX(-50%)">'
        f"{'step ' if step == 0 else ''}{step:,}</div>"
        for step in whole
    )


def _legend(lines: Sequence[Drawn]) -> str:
    entries = "".join(
        '<span style="display: inline-flex; align-items: center; gap: 6px">'
        f'<svg width="30" height="10" aria-hidden="true"><line x1="0" y1="5" x2="30" y2="5" '
        f'stroke="{line.colour}" stroke-width="2"{_dashed(line)}/></svg>'
        f"{escape(line.name)} {number(line.points[-1][1])}</span>"
        for line in lines
    )
    return (
        f'<div style="display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 14px; '
        f'margin-top: 8px">{entries}</div>'
    )


def _told(lines: Sequence[Drawn]) -> str:
    return "; ".join(
        f"{line.name} from {number(line.points[0][1])} at step {line.points[0][0]} to "
        f"{number(line.points[-1][1])} at step {line.points[-1][0]}"
        for line in lines
    )
