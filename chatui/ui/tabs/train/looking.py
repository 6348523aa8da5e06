"""What a run is seen by: its chart, beside those of others, and the replies it gave on the way."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from chatui.conversation import Turn
from chatui.train.by_source import source_lines
from chatui.train.checks import option_label
from chatui.train.config_file import differences
from chatui.train.curves import LOSS, METRICS, SMOOTHING, lines_of, overfitting
from chatui.train.view import RunView
from chatui.ui.charts import as_details, html_table, number
from chatui.ui.frame import conversation_html
from chatui.ui.tabs.train.drawing import of_one_run, of_several, step_chart

_MOST_ROWS = 40  # of a table of points


def chart(run: RunView | None, others: Sequence[RunView], metric: str, smoothing: str) -> str:
    """A metric of a run, or of several, with its values as a table below it."""
    if run is None or not run.curve:
        return ""
    metric = metric if metric in METRICS else LOSS
    weight = SMOOTHING.get(smoothing, 0.0)
    shown = METRICS[metric]
    if not others:
        drawn = of_one_run(lines_of(run, metric, weight))
    else:
        # Train and validation of several runs would be a tangle: the last kind of each tells most.
        each = [lines_of(one, metric, weight)[-1:] for one in (run, *others)]
        drawn = of_several([line for lines in each for line in lines], run.id)
    if not drawn:
        return '<div class="chatui-card chatui-muted">This run has journalled no such figure.</div>'
    measured = metric in (LOSS, "Perplexity") and others
    by_pair = metric == LOSS and run.config.method == "dpo"
    name = "nats per pair of replies" if by_pair else shown.unit
    unit = f"{name}{', on the validation split' if measured else ''}"
    steps = max(one.steps for one in (run, *others))
    table = _points_table(run, metric) if not others else compared(run, others)
    summary = "Show as table" if not others else "Show what differs"
    apart = by_source(run) if not others else ""
    return step_chart(drawn, steps, shown.title, unit) + apart + as_details(summary, table)


def by_source(run: RunView) -> str:
    """Validation perplexity on each source of a mixture; empty where it learns from one."""
    lines = source_lines(run)
    if not lines:
        return ""
    is_pairs = run.config.method == "dpo"
    figure = "Validation loss of" if is_pairs else "Validation perplexity of"
    told = _shown if is_pairs else _perplexity
    headers = (figure, "Rows", "Before", "Kept adapter", "Last")
    cells = [(e.source, e.rows, *map(told, (e.before, e.kept, e.last))) for e in lines]
    return html_table(headers, cells)


def compared(run: RunView, others: Sequence[RunView]) -> str:
    """What came of some runs, and the options that they do not share."""
    runs = [run, *others]
    differ = [differences(run.chosen, other.chosen) for other in others]
    names = list(dict.fromkeys(name for found in differ for name in found))
    rows: list[tuple[Any, ...]] = [
        ("Validation perplexity", *(_shown(one.validation_perplexity) for one in runs)),
        ("Best step", *(_shown(one.best_step) for one in runs)),
        *((option_label(name), *(_shown(one.chosen.get(name)) for one in runs)) for name in names),
    ]
    note = "" if names else '<p class="chatui-muted">They were configured alike.</p>'
    return html_table(("What", *(one.id for one in runs)), rows) + note


def samples(run: RunView | None) -> str:
    """Each fixed question, and what was replied to it as the run went."""
    questions = run.job.of_kind("questions")[-1:] if run is not None else []
    made = {event["step"]: event for event in run.job.of_kind("samples")} if run is not None else {}
    if not questions or not made:
        return '<p class="chatui-muted">The first replies come after the first epoch.</p>'
    asked: Any = questions[0]["asked"]
    references: Any = questions[0]["references"]
    drawn = ""
    for at, messages in enumerate(asked):
        turns = [Turn(message["role"], message["content"]) for message in messages]
        rows = [(_when(step), _reply(event, at)) for step, event in sorted(made.items(), key=_step)]
        rows.append(("reference", references[at]))
        drawn += conversation_html(turns[-1:]) + html_table(("After", "Reply"), rows)
    return drawn


def warning(run: RunView | None) -> str:
    """Over-fitting, told in words; empty where there is none."""
    told = overfitting(run) if run is not None else ""
    return f'<div class="chatui-warning" role="status">{escape(told)}</div>' if told else ""


def _points_table(run: RunView, metric: str) -> str:
    lines = {line.kind: dict(line.points) for line in lines_of(run, metric)}
    if "validation" in lines:
        rows = [
            (step, _shown(lines.get("train", {}).get(step)), _shown(value), _mark(run, step))
            for step, value in lines["validation"].items()
        ]
        return html_table(("Step", "Train", "Validation", "Kept"), rows[-_MOST_ROWS:])
    points = list(lines.get("train", {}).items())
    every = -(-len(points) // _MOST_ROWS) or 1
    return html_table(("Step", metric), [(s, _shown(v)) for s, v in points[::-every][::-1]])


def _mark(run: RunView, step: int) -> str:
    return "✓ best" if step == run.best_step else ""


def _perplexity(loss: float | None) -> str:
    return _shown(None if loss is None else math.exp(min(loss, 700.0)))


def _shown(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    return "–" if value is None else str(value)


def _when(step: object) -> str:
    return "no step" if step == 0 else f"step {step}"


def _reply(event: Any, at: int) -> str:
    replies = event["replies"]
    return str(replies[at]) if at < len(replies) else ""


def _step(item: tuple[Any, object]) -> int:
    return int(item[0])
