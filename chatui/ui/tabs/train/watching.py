"""What the right side of the Train tab does: show how a run stands, stop it, keep the list."""

from dataclasses import replace
from typing import Any

import gradio as gr

from chatui.errors import ChatUIError
from chatui.services import Services
from chatui.train.view import RunView
from chatui.ui.state import Selection
from chatui.ui.tabs.train import describe

Shown = tuple[str, str]  # the state and the events that are shown, as keys
NOTHING_SHOWN: Shown = ("", "")
_PRESSED = 8  # components that change with the state of runs alone
_OUTPUTS = 1 + 4 + _PRESSED
_SAME = gr.skip()


class Watching:
    """The listeners of the run that is looked at, and of the list of runs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def refresh(self, selected: Selection, shown: Shown) -> tuple[Any, ...]:
        """Show the selected run as its folder tells it; only what has changed is drawn anew."""
        unchanged = (_SAME,) * _OUTPUTS
        if selected.tab != "train":
            return unchanged
        try:
            runs = self._services.runs.all()
            run = next((each for each in runs if each.id == selected.run), None)
        except (ChatUIError, FileNotFoundError):  # deleted between two looks
            return unchanged
        keys = _state_key(selected, runs, run), _events_key(run)
        if keys == tuple(shown):
            return unchanged
        # What can be pressed changes with the state only: a question that is being asked must not
        # vanish because a step was made.
        pressed = self._pressed(runs, run) if keys[0] != shown[0] else (_SAME,) * _PRESSED
        return (keys, *self._drawn(run), *pressed)

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

    def resume(self, selected: Selection) -> None:
        """Go on with the selected run from its last checkpoint."""
        if selected.run:
            self._services.runs.resume(selected.run)

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

    def _drawn(self, run: RunView | None) -> tuple[Any, ...]:
        """Standing, curve, figures, log."""
        return (
            describe.standing(run),
            describe.curve(run),
            describe.figures(run),
            describe.log(run),
        )

    def _pressed(self, runs: list[RunView], run: RunView | None) -> tuple[Any, ...]:
        """Stop, its question, Resume, the list with its title, buttons and question, Start."""
        is_active = run is not None and run.job.is_active
        is_at_rest = run is not None and not is_active and run.state != "finished"
        stopping = run is not None and is_active and _is_stopping(run)
        return (
            gr.Button(
                "Stopping …" if stopping else "Stop run",
                visible=is_active,
                interactive=not stopping,
            ),
            gr.Row(visible=False),
            gr.Button(f"Resume {run.id}" if run else "Resume", visible=is_at_rest),
            gr.Accordion(label=f"Runs ({len(runs)})"),
            describe.run_rows(runs),
            gr.Row(visible=run is not None),
            gr.Row(visible=False),
            gr.Button(variant="secondary" if _is_done(run) else "primary"),
        )


def _is_done(run: RunView | None) -> bool:
    """Whether Start has been pressed with effect: the way on is the filled button then."""
    return run is not None and (run.job.is_active or run.adapter is not None)


def _is_stopping(run: RunView) -> bool:
    return (run.job.folder / "stop").exists()


def _state_key(selected: Selection, runs: list[RunView], run: RunView | None) -> str:
    listed = [(each.id, each.name, each.state) for each in runs]
    return repr((selected.run, listed, run is not None and _is_stopping(run), _is_done(run)))


def _events_key(run: RunView | None) -> str:
    return repr((run.id, run.state, len(run.job.events))) if run else "no run"
