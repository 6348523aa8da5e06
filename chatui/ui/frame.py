"""What surrounds every tab: the strip, the Next bar's logic, and the cards that several tabs show.

Functions from services and a selection to HTML; `app.py` puts them on the page. Everything a user
or a dataset wrote is escaped here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import psutil

from chatui.conversation import Turn
from chatui.errors import NotFound
from chatui.jobs import JobView
from chatui.score.store import ScoreStore
from chatui.services import Services
from chatui.train.hardware import Hardware
from chatui.train.runs import RunStore
from chatui.ui.state import Selection

_GIB = 1024**3
SPEAKERS = {"system": "System prompt", "user": "User", "assistant": "Reply"}
# The tab on which a job of a kind is watched.
_TAB_OF_KIND = {"score": "score", "replies": "rate", "clean": "data"}  # others: train


# What a list of one kind is called, and the tab on which one of them is looked at.
_LISTED = {
    "dataset": ("Versions", "data"),
    "run": ("Runs", "train"),
    "score": ("Scores", "score"),
    "study": ("Studies", "rate"),
}


@dataclass(frozen=True, slots=True)
class NextStep:
    """The way on from a tab; `reason` says why it is not open yet."""

    label: str
    enabled: bool
    reason: str
    tab: str


def address(selection: Selection) -> str:
    """The selection as the query of an address: "?tab=score&run=r3"."""
    fields = ("tab", "dataset", "run", "score", "study")
    chosen = {name: getattr(selection, name) for name in fields}
    return "?" + urlencode({name: value for name, value in chosen.items() if value})


def strip(services: Services, selection: Selection) -> str:
    """Two lines: the chain that is looked at, and what the machine is doing."""
    chips = '<span class="chatui-arrow" aria-hidden="true">→</span>'.join(
        [
            _chip("data", "version", _dataset_name(services, selection)),
            _chip("train", "run", _run_name(services, selection)),
            _chip("score", "score", selection.score),
            _chip("rate", "study", selection.study),
        ]
    )
    return (
        f'<nav class="chatui-strip-line" aria-label="What you look at" '
        f'data-address="{escape(address(selection))}">{chips}</nav>'
        f'<div class="chatui-strip-line chatui-device"><span>{_device()}</span>'
        f"<span>{_memory()}</span><span>{_job_line(services)}</span>"
        f"{_failures(services, selection)}</div>"
    )


def next_step(services: Services, selection: Selection) -> NextStep:
    """The way on from the open tab, or why it is not open yet."""
    step = {"data": _after_data, "train": _after_train, "score": _after_score, "rate": _after_rate}
    if selection.tab in step:
        return step[selection.tab](services, selection)
    return NextStep("Go to Data", True, "", "data")


def job_card(view: JobView, title: str, note: str = "", unit: str = "step") -> str:
    """A job in four lines of fixed height; `note` is a figure worth a glance, `title` a sentence.

    Progress is what the journal says, in its own units; the time left is a range.
    """
    done = f"{unit} {view.step} of {view.steps}" if view.steps else _state_in_words(view)
    value = f' value="{view.step}" max="{view.steps}"' if view.steps else ' value="0" max="1"'
    timing = [f"{duration(view.seconds)} gone" if view.is_active else duration(view.seconds)]
    if left := view.seconds_left():
        timing.append(f"{duration(left[0])}–{duration(left[1])} left")
    if note:
        timing.append(note)
    last = view.reason or (f"last: {view.last_event}" if view.last_event else "")
    kind = "chatui-card chatui-job" + (" chatui-failed-job" if view.state == "failed" else "")
    return (
        f'<div class="{kind}"><div class="chatui-job-title">{escape(title)}</div>'
        f'<progress{value} aria-label="{escape(title)}"></progress>'
        f"<div>{escape(done)} · {escape(' · '.join(timing))}</div>"
        f'<div class="chatui-muted" title="{escape(last)}">{escape(last)}</div></div>'
    )


def conversation_html(turns: Iterable[Turn]) -> str:
    """A conversation as bubbles; texts are shown as written, never rendered."""
    bubbles = "".join(
        f'<div class="chatui-turn chatui-{turn.speaker}"><span class="chatui-speaker">'
        f"{SPEAKERS[turn.speaker]}</span>{escape(turn.text)}</div>"
        for turn in turns
    )
    return f'<div class="chatui-conversation">{bubbles}</div>'


def workspace_list(services: Services, selection: Selection) -> str:
    """Everything in the workspace, newest first; each entry selects what it names."""
    groups = (
        ("dataset", [(v.id, v.name) for v in services.datasets.all()]),
        ("run", [(v.id, v.job.state) for v in services.runs.all()]),
        ("score", [(v.id, f"of {v.run}") for v in services.scores.all()]),
        ("study", [(v.id, f"of {v.run}") for v in services.studies.all()]),
    )
    return "".join(_listed(selection, *group) for group in groups)


def reason_html(step: NextStep) -> str:
    """Why the way on is not open, announced once; empty when it is."""
    return f'<div class="chatui-reason" role="status">{escape(step.reason)}</div>'


def duration(seconds: float) -> str:
    """Seconds as a clock: "0:38", "12:05", "1:02:30"."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _after_data(services: Services, selection: Selection) -> NextStep:
    is_saved = selection.dataset and not selection.unsaved
    reason = "" if is_saved else "Save a version first."
    return NextStep("Go to Train", not reason, reason, "train")


def _after_train(services: Services, selection: Selection) -> NextStep:
    reason = "Start a run first."
    if selection.run:
        run = services.runs.view(selection.run)
        reason = ""
        if run.job.is_active:
            done = f", step {run.job.step} of {run.job.steps}" if run.job.steps else ""
            reason = f"{selection.run} is {run.job.state}{done}."
        elif run.adapter is None:
            reason = f"{selection.run} is {run.job.state} and has no adapter: resume it."
    return NextStep("Go to Score", not reason, reason, "score")


def _after_score(services: Services, selection: Selection) -> NextStep:
    reason = "Start scoring first."
    if selection.score:
        score = services.scores.view(selection.score)
        if score.report is not None:
            reason = ""
        elif score.job.is_active:
            reason = f"{selection.score} is {score.job.state}."
        else:
            reason = f"{selection.score} is {score.job.state} and has no report: score again."
    return NextStep("Go to Rate", not reason, reason, "rate")


def _after_rate(services: Services, selection: Selection) -> NextStep:
    reason = "Start a study first."
    if selection.study:
        study = services.studies.view(selection.study)
        reason = "" if study.done or study.closed_at else "Rate at least one item first."
    return NextStep("Go to Chat", not reason, reason, "chat")


def _listed(selection: Selection, kind: str, entries: list[tuple[str, str]]) -> str:
    title, tab = _LISTED[kind]
    if not entries:
        return f'<div class="chatui-list-title">{title}</div><p class="chatui-muted">none yet</p>'
    lines = ""
    for name, note in reversed(entries):
        current = ' aria-current="true"' if getattr(selection, kind) == name else ""
        query = escape(urlencode({"tab": tab, kind: name}))
        lines += (
            f'<li><a href="?{query}" data-open="{tab}" data-kind="{kind}" '
            f'data-name="{escape(name)}"{current}>{escape(name)}<small>{escape(note)}</small></a></li>'
        )
    return f'<div class="chatui-list-title">{title}</div><ul class="chatui-list">{lines}</ul>'


def _chip(tab: str, kind: str, name: str | None) -> str:
    made = "chatui-chip" if name else "chatui-chip chatui-unmade"
    text = f"<small>{kind}</small> {escape(name)}" if name else f"no {kind} yet"
    return f'<a class="{made}" href="?tab={tab}" data-open="{tab}">{text}</a>'


def _dataset_name(services: Services, selection: Selection) -> str | None:
    if selection.dataset is None:
        return None
    try:
        name = services.datasets.view(selection.dataset).name
    except NotFound:
        return selection.dataset
    return name if name == selection.dataset else f"{name} ({selection.dataset})"


def _run_name(services: Services, selection: Selection) -> str | None:
    if selection.run is None:
        return None
    try:
        job = services.runs.view(selection.run).job
    except NotFound:
        return selection.run
    return selection.run if job.state == "finished" else f"{selection.run} {job.state}"


def _device() -> str:
    # Asked of the kernel and not of torch, which the page does not load.
    for card in Path("/proc/driver/nvidia/gpus").glob("*/information"):
        for line in card.read_text(errors="replace").splitlines():
            if line.startswith("Model:"):
                return escape(line.removeprefix("Model:").strip())
    return f"CPU, {Hardware.here().cores} cores"


def _memory() -> str:
    memory = psutil.virtual_memory()
    used = (memory.total - memory.available) / _GIB
    return f"memory {used:.1f} of {memory.total / _GIB:.1f} GB"


def _job_line(services: Services) -> str:
    active = services.jobs.active()
    if not active:
        return "no job"
    running = [job for job in active if job.state != "queued"] or active[:1]
    waiting = len(active) - len(running)
    after = f" · {waiting} waiting" if waiting else ""
    return " · ".join(map(_job_link, running)) + after


def _job_link(job: JobView) -> str:
    text = job.name
    if job.state == "queued" or not job.steps:
        text += f": {'waits' if job.state == 'queued' else 'starting'}"
    else:
        text += f": step {job.step} of {job.steps}"
        if left := job.seconds_left():
            text += f", about {duration(left[1])} left"
    tab = _TAB_OF_KIND.get(job.kind, "train")
    return f'<a href="?tab={tab}" data-open="{tab}">{escape(text)}</a>'


def _failures(services: Services, selection: Selection) -> str:
    """What of the chain has failed, until its own tab, which says why, is open."""
    failed: list[tuple[str, RunStore | ScoreStore, str]] = []
    if selection.run and selection.tab != "train":
        failed.append(("train", services.runs, selection.run))
    if selection.score and selection.tab != "score":
        failed.append(("score", services.scores, selection.score))
    return "".join(
        f'<a class="chatui-failed" href="?tab={tab}" data-open="{tab}">{escape(name)} failed: '
        "see why</a>"
        for tab, store, name in failed
        if _has_failed(store, name)
    )


def _has_failed(store: RunStore | ScoreStore, name: str) -> bool:
    try:
        return store.view(name).job.state == "failed"
    except NotFound:  # deleted between two looks
        return False


def _state_in_words(view: JobView) -> str:
    return "starting" if view.state == "running" else view.state
