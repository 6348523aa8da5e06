"""Draw the loss curve as SVG: lines over steps, on axes that keep still while a run goes on.

Gradio's own line plot was tried first: it stays empty when its values come at the moment its tab is
opened. This drawing stretches with the page and its letters do not.
"""

import math
from collections.abc import Sequence
from html import escape

from chatui.train.view import Point
from chatui.ui.charts import TRAIN_COLOUR, VALIDATION_COLOUR

_MOST_POINTS = 150  # of the train line: more can't be told apart on 600 pixels
_STYLE = {"train": (TRAIN_COLOUR, ""), "validation": (VALIDATION_COLOUR, ' stroke-dasharray="7 4"')}
_LABEL = "position: absolute; font-size: 13px; line-height: 16px; white-space: nowrap"
_STILL = ' vector-effect="non-scaling-stroke"'  # the stroke keeps its width when stretched


def loss_curve(points: Sequence[Point], steps: int) -> str:
    """Train and validation loss by step; nothing if there is no point yet."""
    if not points:
        return ""
    lines = {kind: [p for p in points if p.kind == kind] for kind in _STYLE}
    lines["train"] = thinned(lines["train"])
    ticks = nice_ticks(
        min(p.loss for line in lines.values() for p in line),
        max(p.loss for line in lines.values() for p in line),
    )
    last = max(steps, *(p.step for p in points), 1)
    drawn = "".join(_line(kind, line, last, ticks) for kind, line in lines.items() if line)
    return (
        '<figure class="chatui-card" style="margin: 0; padding: 12px 16px">'
        '<div style="font-weight: 600; margin-bottom: 4px">Loss by step: lower is better</div>'
        '<div class="chatui-muted" style="font-size: 13px">loss, nats per reply token</div>'
        '<div style="position: relative; height: 190px; margin: 8px 8px 20px 36px">'
        f"{_grid(ticks)}"
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
        'style="position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible">'
        f"<title>Loss by step</title><desc>{escape(_told(lines))}</desc>{drawn}</svg>"
        f"{_step_labels(last)}</div>{_legend(lines)}</figure>"
    )


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most so many points, each the mean of its neighbours; the last step stays the last."""
    size = -(-len(points) // _MOST_POINTS) if points else 1
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [
        Point(group[-1].step, "train", sum(p.loss for p in group) / len(group)) for group in groups
    ]


def nice_ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers, the first below `low` and the last above `high`."""
    span = max(high - low, 0.1)
    unit = 10.0 ** math.floor(math.log10(span / 3))
    step = next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= 6)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return [round(n * step, 6) for n in range(first, last + 1)]


def _line(kind: str, points: Sequence[Point], last: int, ticks: list[float]) -> str:
    colour, dashes = _STYLE[kind]
    places = [
        (100 * p.step / last, 100 * (ticks[-1] - p.loss) / (ticks[-1] - ticks[0])) for p in points
    ]
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in places)
    line = (
        f'<polyline points="{path}" fill="none" stroke="{colour}" '
        f'stroke-width="2"{dashes}{_STILL}/>'
    )
    # A line of no length with round ends is a dot, and stays round however it is stretched.
    dots = "".join(
        f'<path d="M{x:.2f} {y:.2f}h0" stroke="{colour}" stroke-width="8" '
        f'stroke-linecap="round"{_STILL}/>'
        for x, y in (places if kind == "validation" else [])
    )
    return line + dots


def _grid(ticks: list[float]) -> str:
    lines = ""
    for tick in ticks:
        top = 100 * (ticks[-1] - tick) / (ticks[-1] - ticks[0])
        lines += (
            f'<div style="position: absolute; left: 0; right: 0; top: {top:.2f}%; '
            'border-top: 1px solid var(--border-color-primary)"></div>'
            f'<div class="chatui-muted" style="{_LABEL}; right: calc(100% + 6px); top: '
            f'calc({top:.2f}% - 8px)">{tick:g}</div>'
        )
    return lines


def _step_labels(last: int) -> str:
    whole = sorted({round(last * share / 4) for share in range(5)})
    return "".join(
        f'<div class="chatui-muted" style="{_LABEL}; top: calc(100% + 4px); '
        f'left: {100 * step / last:.2f}%; transform: translateX(-50%)">'
        f"{'step ' if step == 0 else ''}{step:,}</div>"
        for step in whole
    )


def _legend(lines: dict[str, list[Point]]) -> str:
    entries = "".join(
        '<span style="display: inline-flex; align-items: center; gap: 6px">'
        f'<svg width="30" height="10" aria-hidden="true"><line x1="0" y1="5" x2="30" y2="5" '
        f'stroke="{_STYLE[kind][0]}" stroke-width="2"{_STYLE[kind][1]}/></svg>'
        f"{kind} {line[-1].loss:.2f}</span>"
        for kind, line in lines.items()
        if line
    )
    return (
        f'<div style="display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 14px; '
        f'margin-top: 8px">{entries}</div>'
    )


def _told(lines: dict[str, list[Point]]) -> str:
    return "; ".join(
        f"{kind} from {line[0].loss:.2f} at step {line[0].step} to {line[-1].loss:.2f} "
        f"at step {line[-1].step}"
        for kind, line in lines.items()
        if line
    )
