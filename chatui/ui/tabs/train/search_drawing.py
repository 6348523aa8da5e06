"""Draw a search: its trials as lines through their options, and which options mattered.

Lines are stretched with the page and letters are not, as in `drawing.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from chatui.train.checks import option_label
from chatui.train.search_view import SearchView, Trial
from chatui.ui.charts import TRAIN_COLOUR, TUNED_COLOUR, as_details, html_table, number

_OTHER_COLOUR = "#7A7A82"
_LOSS = "Validation loss"
_STILL = 'vector-effect="non-scaling-stroke"'
_SMALL = "position: absolute; font-size: 13px; line-height: 16px; white-space: nowrap"
_STATES = {"complete": "✓ complete", "pruned": "✂ pruned", "failed": "✗ failed"}


@dataclass(frozen=True, slots=True)
class _Axis:
    """A vertical line; `places` are those of the trials on it, from 0 (below) to 1."""

    name: str
    low: str
    high: str
    places: tuple[float, ...]


def trials_chart(search: SearchView) -> str:
    """Parallel coordinates: one line a trial, the last axis is its loss; empty before any ended."""
    trials = [trial for trial in search.trials if trial.loss is not None]
    if not trials:
        return ""
    axes = _axes(search, trials)
    best = search.best
    # The best one is drawn last, on top of the others.
    order = sorted(range(len(trials)), key=lambda at: trials[at] == best)
    lines = "".join(_line(trials[at], at, axes, is_best=trials[at] == best) for at in order)
    posts = "".join(
        f'<line x1="{_across(n, axes):.2f}" x2="{_across(n, axes):.2f}" y1="0" y2="100" '
        f'stroke="currentColor" opacity=".5" {_STILL}/>'
        for n in range(len(axes))
    )
    told = "; ".join(f"{trial.title}: {trial.state}, loss {trial.loss:.4f}" for trial in trials)
    return (
        '<figure class="chatui-card" style="margin: 0; padding: 12px 16px">'
        '<div style="font-weight: 600">Each trial by its options: low on the right is good</div>'
        '<div class="chatui-muted" style="font-size: 13px">loss in nats per reply token</div>'
        '<div class="train-parallel">'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
        'style="position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible">'
        f"<title>Trials of {escape(search.id)}</title><desc>{escape(told)}</desc>{posts}{lines}"
        f"</svg>{''.join(_labels(axis, n, axes) for n, axis in enumerate(axes))}</div>"
        f"{_legend(search)}</figure>"
    )


def importance_chart(search: SearchView) -> str:
    """How much each option decided; empty before a few trials are complete."""
    if not search.importances:
        return ""
    rows = sorted(search.importances.items(), key=lambda item: -item[1])
    drawn, told = "", []
    for at, (name, share) in enumerate(rows):
        top, label = at * 44, option_label(name)
        told.append(f"{label} {100 * share:.0f} %")
        drawn += (
            f'<text x="0" y="{top + 15}">{escape(label)}</text>'
            f'<text x="100%" y="{top + 15}" text-anchor="end">{100 * share:.0f} %</text>'
            f'<rect x="0" y="{top + 21}" width="100%" height="12" fill="currentColor" '
            'opacity=".12"/>'
            f'<rect x="0" y="{top + 21}" width="{100 * share:.2f}%" height="12" '
            f'fill="{TRAIN_COLOUR}"/>'
        )
    complete = sum(trial.state == "complete" for trial in search.trials)
    return (
        '<figure class="chatui-card" style="margin: 0; padding: 12px 16px">'
        '<div style="font-weight: 600; margin-bottom: 8px">Which options decided</div>'
        f'<svg class="chatui-chart" role="img" width="100%" height="{44 * len(rows)}">'
        f"<title>Which options decided</title><desc>{escape('; '.join(told))}</desc>"
        f'<g fill="currentColor" font-size="14">{drawn}</g></svg>'
        '<figcaption class="chatui-muted" style="font-size: 13px">Share of what sets the best '
        f"three in ten apart (PED-ANOVA), n = {complete} complete trials: a hint, no proof."
        "</figcaption></figure>"
    )


def trials_table(search: SearchView) -> str:
    """All trials, folded."""
    if not search.trials:
        return ""
    names = [dimension.option for dimension in search.record.space]
    rows = [
        (
            trial.number + 1,
            trial.run,
            _STATES.get(trial.state, trial.state),
            trial.loss,
            *(_shown(trial.values[name]) for name in names),
            trial.reason or "",
        )
        for trial in search.trials
    ]
    headers = ("Trial", "Run", "State", "Loss", *(option_label(name) for name in names), "Why")
    if not any(trial.reason for trial in search.trials):
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    return as_details("Show as table", html_table(headers, rows))


def _axes(search: SearchView, trials: Sequence[Trial]) -> list[_Axis]:
    axes = []
    for dimension in search.record.space:
        values = [trial.values[dimension.option] for trial in trials]
        ends = (
            (dimension.choices[0], dimension.choices[-1])
            if dimension.choices
            else (dimension.low, dimension.high)
        )
        low, high = (_shown(end) for end in ends)
        places = tuple(dimension.place(value) for value in values)
        axes.append(_Axis(option_label(dimension.option), low, high, places))
    return [*axes, _loss_axis(trials)]


def _loss_axis(trials: Sequence[Trial]) -> _Axis:
    """No higher than twice the median: one trial that went astray hides no other."""
    losses = sorted(trial.loss or 0.0 for trial in trials)
    low, high = losses[0], min(losses[-1], max(2 * losses[len(losses) // 2], losses[0] * 1.05))
    span = (high - low) or 1.0
    places = tuple(min(1.0, ((trial.loss or 0.0) - low) / span) for trial in trials)
    more = "≥ " if losses[-1] > high else ""
    return _Axis(_LOSS, number(low), f"{more}{number(high)}", places)


def _line(trial: Trial, at: int, axes: Sequence[_Axis], *, is_best: bool) -> str:
    points = " ".join(
        f"{_across(n, axes):.2f},{100 - 100 * axis.places[at]:.2f}" for n, axis in enumerate(axes)
    )
    dashes = ' stroke-dasharray="4 4"' if trial.state == "pruned" else ""
    looks = (
        f'stroke="{TUNED_COLOUR}" stroke-width="3.5"'
        if is_best
        else f'stroke="{_OTHER_COLOUR}" stroke-width="1.5" opacity=".7"'
    )
    values = ", ".join(f"{name} {_shown(value)}" for name, value in trial.values.items())
    said = f"{trial.title} ({trial.run}), loss {trial.loss:.4f}: {values}"
    return (
        f'<polyline points="{points}" fill="none" {looks}{dashes} {_STILL}>'
        f"<title>{escape(said)}</title></polyline>"
    )


def _labels(axis: _Axis, at: int, axes: Sequence[_Axis]) -> str:
    left = _across(at, axes)
    shift = "0" if at == 0 else "-100%" if at == len(axes) - 1 else "-50%"
    place = f"left: {left:.2f}%; transform: translateX({shift})"
    # Names of neighbours stand on two lines in turn, so that a phone has room for them.
    name_top = -58 if at % 2 == 0 else -40
    return (
        f'<div style="{_SMALL}; {place}; top: {name_top}px; font-weight: 600">'
        f"{escape(axis.name)}</div>"
        f'<div class="chatui-muted" style="{_SMALL}; {place}; top: -20px">{escape(axis.high)}</div>'
        f'<div class="chatui-muted" style="{_SMALL}; {place}; top: calc(100% + 4px)">'
        f"{escape(axis.low)}</div>"
    )


def _legend(search: SearchView) -> str:
    best = search.best
    named = f"best: {best.title} ({best.run}), loss {best.loss:.4f}" if best else "best: none yet"
    entries = (
        (named, f'stroke="{TUNED_COLOUR}" stroke-width="3.5"'),
        ("complete", f'stroke="{_OTHER_COLOUR}" stroke-width="1.5"'),
        ("pruned", f'stroke="{_OTHER_COLOUR}" stroke-width="1.5" stroke-dasharray="4 4"'),
    )
    drawn = "".join(
        '<span style="display: inline-flex; align-items: center; gap: 6px">'
        f'<svg width="30" height="10" aria-hidden="true"><line x1="0" y1="5" x2="30" y2="5" '
        f"{looks}/></svg>{escape(name)}</span>"
        for name, looks in entries
    )
    return (
        '<div style="display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 14px; '
        f'margin-top: 8px">{drawn}</div>'
    )


def _across(at: int, axes: Sequence[_Axis]) -> float:
    return 100 * at / max(1, len(axes) - 1)


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
