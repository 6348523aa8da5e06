"""Put runs into words, tables and points of a curve: from views to safe HTML."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

from chatui.jobs import JobView
from chatui.train.config import TrainConfig
from chatui.train.privacy import told
from chatui.train.problem import Problem
from chatui.train.view import RunView
from chatui.ui.charts import number
from chatui.ui.errors import error_card
from chatui.ui.frame import job_card

RUN_COLUMNS = ("Run", "Name", "State", "Perplexity", "Version")
_NONE_YET = (
    '<div class="chatui-card" style="min-height: 132px; box-sizing: border-box">'
    "<b>No run of this version yet.</b>"
    '<div class="chatui-muted">Start training shows its progress here: loss by step, speed, '
    "time left, and how well it does on the validation split.</div></div>"
)
_PRE = (
    '<pre class="chatui-card" style="white-space: pre-wrap; margin: 0; max-height: 320px; '
    'overflow: auto" tabindex="0">{}</pre>'
)


def minutes(seconds: float | None) -> str:
    """About how long a run takes, for choosing a preset."""
    if seconds is None:
        return "time known after a first run"
    if seconds < 50:
        return "under 1 min"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def checks(problems: Sequence[Problem], ready: str, warning: str = "") -> str:
    """Everything that keeps a run from starting, or that it can, and what to know before."""
    if not problems:
        told = f'<div class="chatui-note" role="status">✓ {escape(ready)}</div>'
        if not warning:
            return told
        return f'{told}<div class="chatui-warning" role="status">{escape(warning)}</div>'
    return "".join(error_card(problem.sentence) for problem in problems)


def command(line: str) -> str:
    """The exact command, to copy."""
    return (
        f'<pre class="chatui-card" style="white-space: pre-wrap; margin: 0" tabindex="0">'
        f"<code>{escape(line)}</code></pre>"
        '<p class="chatui-muted">Run it in the folder of chatui; add --wait to follow it there.</p>'
    )


def standing(run: RunView | None) -> str:
    """How the selected run stands: the job card, and a card for what it came to."""
    if run is None:
        return _NONE_YET
    title = f"{run.name} ({run.id})" if run.name != run.id else run.id
    heading = f"{title} is {_doing(run)}"
    job = replace(run.job, last_event=_last_words(run))
    if job.is_active:
        return job_card(job, heading, _pace(run))
    if run.state == "failed":
        return job_card(job, heading) + error_card(job.reason or "")
    return (
        '<div class="chatui-card" role="status"><div style="font-weight: 600">'
        f"{escape(run.sentence)}</div>"
        f'<div class="chatui-muted">Learned from {escape(run.dataset)}, base model '
        f"{escape(run.base)}.</div></div>"
    )


def figures(run: RunView | None) -> str:
    """Loss, perplexity, then speed and memory; a dash where nothing is known yet."""
    if run is None or not run.curve:
        return ""
    cells = (
        *(_of_preferences(run) if run.config.method == "dpo" else _of_replies(run)),
        ("Speed", _number(run.tokens_per_second), "tokens per second"),
        ("Peak memory", _memory(run.peak_memory_mb), "of the worker"),
        *_spent(run),
    )
    boxes = "".join(
        f'<div style="flex: 1 1 110px"><div class="chatui-muted" style="font-size: 14px">{name}'
        f'</div><div style="font-size: 22px; font-weight: 600; line-height: 1.3">{value}</div>'
        f'<div class="chatui-muted" style="font-size: 13px">{escape(unit)}</div></div>'
        for name, value, unit in cells
    )
    return (
        f'<div class="chatui-card" style="display: flex; flex-wrap: wrap; gap: 8px 16px">'
        f"{boxes}</div>"
    )


def _of_replies(run: RunView) -> tuple[tuple[str, str, str], ...]:
    return (
        ("Train loss", _number(run.train_loss), "nats per token"),
        ("Validation perplexity", _number(run.validation_perplexity), _best(run)),
    )


def _of_preferences(run: RunView) -> tuple[tuple[str, str, str], ...]:
    accuracy = "–" if run.reward_accuracy is None else f"{run.reward_accuracy:.0%}"
    where = "" if run.best_step is None else f"at step {run.best_step}; "
    margin = f"{where}reward margin {_number(run.reward_margin)}"
    return (
        ("Train loss", _number(run.train_loss), "nats per pair"),
        ("Prefers the chosen", accuracy, margin),
    )


def log(run: RunView | None) -> str:
    """The last lines of the journal that were written for people, then what the worker printed."""
    told = _lines(run.log() if run is not None else []) or "Nothing yet."
    printed = _lines(run.job.printed() if run is not None else [])
    if not printed:
        return _PRE.format(told)
    title = '<p class="chatui-muted" style="margin: 8px 0 4px">Printed by the worker:</p>'
    return _PRE.format(told) + title + _PRE.format(printed)


def _lines(lines: Sequence[str]) -> str:
    return escape("\n".join(lines))


def queue(waiting: Sequence[JobView]) -> str:
    """The jobs that wait, in order, each with what can be done about it."""
    items = "".join(
        f"<li><span>{number}. {escape(job.name)}</span>"
        f"{_act('sooner', job, 'Sooner') if number > 1 else ''}"
        f"{_act('later', job, 'Later') if number < len(waiting) else ''}"
        f"{_act('cancel', job, 'Take off the queue')}</li>"
        for number, job in enumerate(waiting, start=1)
    )
    return f'<ol class="train-queue">{items}</ol>'


def run_rows(runs: Sequence[RunView]) -> list[list[Any]]:
    """All runs, newest first."""
    return [
        [
            run.id,
            run.name if run.name != run.id else _trial_of(run),
            run.state_in_words,
            _number(run.validation_perplexity),
            run.dataset,
        ]
        for run in reversed(runs)
    ]


def accordion(group: str, names: Sequence[str], config: TrainConfig, start: TrainConfig) -> str:
    """The title of a group of options, with how many differ from the preset's."""
    changed = sum(getattr(config, name) != getattr(start, name) for name in names)
    return f"{group} · {changed} changed" if changed else group


def _trial_of(run: RunView) -> str:
    return f"{run.trial[0]}, trial {run.trial[1] + 1}" if run.trial else ""


def _act(act: str, job: JobView, label: str) -> str:
    name = escape(job.name)
    return (
        f'<button type="button" data-act="{act}" data-job="{name}" '
        f'aria-label="{label}: {name}">{label}</button>'
    )


def _doing(run: RunView) -> str:
    return {
        "queued": "waiting for the job before it",
        "running": "training" if run.steps else "starting",
        "failed": "not going on: it has failed",
    }.get(run.state, run.state)


def _last_words(run: RunView) -> str | None:
    """The last line that says more than the progress bar does."""
    if run.downloading:
        return f"Downloading the base model: {run.downloading}"
    lines = run.log(1)
    return lines[-1] if lines else run.job.last_event


def _pace(run: RunView) -> str:
    parts = []
    if run.tokens_per_second:
        parts.append(f"{run.tokens_per_second:,.0f} tokens/s")
    return " · ".join(parts)


def _best(run: RunView) -> str:
    before = f"{number(run.base_perplexity)} before training" if run.base_perplexity else ""
    if run.best_step is None:
        return before
    return f"at step {run.best_step}; {before}"


def _spent(run: RunView) -> list[tuple[str, str, str]]:
    """What a private run has given away so far; nothing where it promises nothing."""
    if run.spent is None:
        return []
    of = f"of {run.config.privacy_epsilon:g}, at δ {run.spent.delta:.2g}"
    return [("Privacy spent", f"ε {told(run.spent.epsilon)}", of)]


def _number(value: float | None) -> str:
    return "–" if value is None else number(value)


def _memory(megabytes: int | None) -> str:
    if megabytes is None:
        return "–"
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"
