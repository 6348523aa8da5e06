"""What the right side of the Train tab does: show a run, stop it, go on, keep the list."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import gradio as gr

from chatui.errors import BadSetting, ChatUIError
from chatui.jobs import JobView
from chatui.jobs.secrets import lending
from chatui.services import Services
from chatui.train.curves import LOSS
from chatui.train.view import RunView
from chatui.ui.state import Selection
from chatui.ui.tabs.train import describe, looking
from chatui.ui.tabs.train.base_facts import secrets_of

Shown = tuple[str, str]  # the state and the events that are shown, as keys
NOTHING_SHOWN: Shown = ("", "")
_DRAWN, _PRESSED = 6, 14  # components that change with events; those that change with states alone
_SAME = gr.skip()


class Watching:
    """The listeners of the run that is looked at, and of the list of runs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def refresh(
        self,
        selected: Selection,
        shown: Shown,
        *,
        metric: str = LOSS,
        smoothing: str = "none",
        compare: list[str] | None = None,
    ) -> tuple[Any, ...]:
        """Show the selected run as its folder tells it; only what has changed is drawn anew."""
        unchanged = (_SAME,) * (1 + _DRAWN + _PRESSED)
        if selected.tab != "train":
            return unchanged
        try:
            runs = self._services.runs.all()
            waiting = [job for job in self._services.jobs.active() if job.state == "queued"]
        except (ChatUIError, FileNotFoundError):  # deleted between two looks
            return unchanged
        run = next((each for each in runs if each.id == selected.run), None)
        others = [each for each in runs if each.id in (compare or []) and each.id != selected.run]
        looks = [run, *others]
        keys = (
            _state_key(selected, runs, run, waiting),
            repr((metric, smoothing, [_events_key(each) for each in looks])),
        )
        if keys == tuple(shown):
            return unchanged
        # What can be pressed changes with the state only: a question that is being asked must not
        # vanish because a step was made.
        is_new = keys[0] != shown[0]
        pressed = self._pressed(runs, run, waiting) if is_new else (_SAME,) * _PRESSED
        drawn = (
            describe.standing(run),
            looking.warning(run),
            looking.chart(run, others, metric, smoothing),
            describe.figures(run),
            looking.samples(run),
            describe.log(run),
        )
        return (keys, *drawn, *pressed)

    def ask_to_stop(self) -> tuple[Any, Any]:
        """Ask before stopping, where Stop was pressed."""
        return gr.Button(visible=False), gr.Row(visible=True)

    def carry_on(self) -> tuple[Any, Any]:
        """Do not stop."""
        return gr.Button(visible=True), gr.Row(visible=False)

    def stop(self, selected: Selection) -> Any:
        """Stop the selected run; it saves what it has learned. The next tick says so."""
        if selected.run:
            self._services.runs.stop(selected.run)
        return gr.Row(visible=False)

    def discard(self, selected: Selection) -> Any:
        """Stop the selected run and keep nothing of it."""
        if selected.run:
            self._services.runs.discard(selected.run)
        return gr.Row(visible=False)

    def resume(self, selected: Selection, hub_token: str = "") -> None:
        """Go on with the selected run from its last checkpoint, or with its download."""
        if selected.run:
            with lending(secrets_of(hub_token)):
                self._services.runs.resume(selected.run)

    def ask_to_continue(self) -> tuple[Any, Any]:
        """Ask for how many epochs, where Continue was pressed."""
        return gr.Button(visible=False), gr.Row(visible=True)

    def not_now(self) -> tuple[Any, Any]:
        """Do not continue."""
        return gr.Button(visible=True), gr.Row(visible=False)

    def continue_run(
        self, selected: Selection, epochs: float | None, key: str
    ) -> tuple[Selection, str]:
        """Start a new run that begins with the adapter of the selected one; and the next key."""
        if not selected.run:
            return selected, key
        if not epochs or epochs < 1:
            raise BadSetting("more_epochs", "it needs at least 1")
        changes = {"epochs": int(epochs), "max_steps": 0}
        run = self._services.runs.continue_run(selected.run, changes, key=key or None)
        return replace(selected, run=run, score=None, study=None), uuid4().hex

    def arrange(self, event: gr.EventData) -> None:
        """Move a job that waits, or take it off the queue."""
        link: dict[str, str] = event._data or {}
        for job in self._services.jobs.active():
            if job.name == link.get("job") and job.state == "queued":
                if link.get("act") == "cancel":
                    self._services.jobs.stop(job.folder)
                else:
                    self._services.jobs.move(job.folder, -1 if link.get("act") == "sooner" else 1)

    def pick(self, selected: Selection, event: gr.SelectData) -> Selection:
        """Look at the run of a row, wherever sorting has put it."""
        return replace(selected, run=str((event.row_value or [""])[0]), score=None, study=None)

    def rename(self, selected: Selection, name: str) -> str:
        """Call the selected run something else."""
        if selected.run:
            self._services.runs.rename(selected.run, name)
        return ""

    def ask_to_delete(self, selected: Selection) -> tuple[Any, Any, Any]:
        """Ask before deleting, naming what will be gone."""
        if selected.run is None:
            return _SAME, _SAME, _SAME
        size = self._services.runs.disk_use(selected.run) / 1e6
        label = f"Delete {selected.run} with its adapter ({size:.1f} MB)"
        return gr.Button(visible=False), gr.Row(visible=True), gr.Button(label)

    def keep(self) -> tuple[Any, Any]:
        """Do not delete."""
        return gr.Button(visible=True), gr.Row(visible=False)

    def delete(self, selected: Selection) -> tuple[Selection, Any, Any]:
        """Delete the selected run for good."""
        if selected.run:
            self._services.runs.delete(selected.run)
        chain = replace(selected, run=None, score=None, study=None)
        return chain, gr.Button(visible=True), gr.Row(visible=False)

    def _pressed(
        self, runs: list[RunView], run: RunView | None, waiting: list[JobView]
    ) -> tuple[Any, ...]:
        """Stop, its question, Resume, Continue and its question, the looks, the queue, the list."""
        is_active = run is not None and run.job.is_active
        is_at_rest = run is not None and not is_active and run.state != "finished"
        can_continue = run is not None and not is_active and run.adapter is not None
        stopping = run is not None and is_active and _is_stopping(run)
        names = [(f"{each.name} · {each.state}", each.id) for each in reversed(runs)]
        others = [(name, each) for name, each in names if run is None or each != run.id]
        return (
            gr.Button(
                "Stopping …" if stopping else "Stop run",
                visible=is_active,
                interactive=not stopping,
            ),
            gr.Row(visible=False),
            gr.Button(f"Resume {run.id}" if run else "Resume", visible=is_at_rest),
            gr.Button(f"Continue {run.id}" if run else "Continue", visible=can_continue),
            gr.Row(visible=False),
            gr.Row(visible=run is not None),
            gr.Dropdown(others, visible=bool(others)),
            gr.Accordion(f"Queue ({len(waiting)} waiting)", visible=bool(waiting)),
            describe.queue(waiting),
            gr.Accordion(label=f"Runs ({len(runs)})"),
            describe.run_rows(runs),
            gr.Row(visible=run is not None),
            gr.Row(visible=False),
            gr.Button(variant="secondary" if _is_done(run) else "primary"),
        )

    def copyable(self, selected: Selection) -> Any:
        """The runs whose options can be copied into the form."""
        if selected.tab != "train":
            return _SAME
        names = [(each.name, each.id) for each in reversed(self._services.runs.all())]
        return gr.Dropdown(names)


def _is_done(run: RunView | None) -> bool:
    """Whether Start has been pressed with effect: the way on is the filled button then."""
    return run is not None and (run.job.is_active or run.adapter is not None)


def _is_stopping(run: RunView) -> bool:
    return (run.job.folder / "stop").exists()


def _state_key(
    selected: Selection, runs: list[RunView], run: RunView | None, waiting: list[JobView]
) -> str:
    listed = [(each.id, each.name, each.state) for each in runs]
    queue = [job.name for job in waiting]
    stopping = run is not None and _is_stopping(run)
    return repr((selected.run, listed, queue, stopping, _is_done(run)))


def _events_key(run: RunView | None) -> str:
    return repr((run.id, run.state, len(run.job.events))) if run else "no run"
