"""Large files in the Data tab: made into versions by a job.

The card shows the newest cleaning of the workspace until somebody puts it away.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from chatui.data.cleanings import CleaningJob, CleaningView
from chatui.data.recipe import recipe_by
from chatui.errors import ChatUIError
from chatui.services import Services
from chatui.ui.errors import shows_errors
from chatui.ui.frame import job_card
from chatui.ui.state import QUIET, Page, Selection
from chatui.ui.tabs.data.source import Source

_DOING = {"reading": "reads and cleans", "comparing": "compares rows", "writing": "writes"}


def build(services: Services, page: Page) -> None:
    """The card of the newest cleaning, and what can be done with it."""
    watching = _Watching(services)
    shown = gr.State("")
    with gr.Column(visible=False, elem_id="data-cleaning") as box:
        card = gr.HTML()
        with gr.Row(elem_classes="chatui-stays"):
            stop = gr.Button("Stop", scale=0, min_width=110, elem_id="stop-cleaning")
            again = gr.Button("Try again", visible=False, scale=0, min_width=130)
            look = gr.Button("Look at it", visible=False, scale=0, min_width=130)
            away = gr.Button("Put away", visible=False, scale=0, min_width=130)
    outputs = [shown, box, card, stop, again, look, away]
    page.looks["data"].change(watching.refresh, [page.selection, shown], outputs, **QUIET)
    acting: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
    stop.click(shows_errors(watching.stop), None, stop, **acting)
    again.click(shows_errors(watching.resume), None, None, **acting)
    look.click(shows_errors(watching.look), page.selection, page.selection, **acting)
    away.click(shows_errors(watching.put_away), None, box, **acting)


def start(services: Services, source: Source) -> str:
    """Begin to make a version of the whole of a large file; returns the job's id."""
    path = Path(source.path).resolve()
    is_version = path.is_relative_to(services.workspace.root)
    job = CleaningJob(
        path=str(path) if is_version else None,
        file=source.file,
        name=source.name,
        recipe=recipe_by(source.options),
        parent=source.version if is_version else None,
    )
    started = services.cleanings.start(job, upload=None if is_version else path)
    gr.Info("All of the file is read and cleaned now, in a job of its own.", duration=4)
    return started


class _Watching:
    """The listeners of the card."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def refresh(self, selected: Selection, shown: str) -> tuple[Any, ...]:
        """Show how the newest cleaning stands; only what has changed is drawn anew."""
        unchanged = tuple(gr.skip() for _ in range(7))
        if selected.tab != "data":
            return unchanged
        try:
            view = self._newest()
        except (ChatUIError, FileNotFoundError):  # put away between two looks
            return unchanged
        if view is None:
            return "", gr.Column(visible=False), *unchanged[2:]
        job = view.job
        key = repr((view.id, job.state, len(job.events)))
        if key == shown:
            return unchanged
        is_lost = job.state == "interrupted"
        return (
            key,
            gr.Column(visible=True),
            card_html(view),
            gr.Button("Stop", visible=job.is_active, interactive=job.is_active),
            gr.Button(visible=is_lost),
            gr.Button(visible=view.dataset is not None, variant="primary"),
            gr.Button(visible=not job.is_active),
        )

    def stop(self) -> gr.Button:
        """Stop the newest cleaning; the next tick says so."""
        if view := self._newest():
            self._services.cleanings.stop(view.id)
        return gr.Button("Stopping …", interactive=False)

    def resume(self) -> None:
        """Begin again what was interrupted."""
        if view := self._newest():
            self._services.cleanings.resume(view.id)

    def look(self, selected: Selection) -> Selection:
        """Select the version that was made."""
        view = self._newest()
        return replace(selected, dataset=view.dataset) if view and view.dataset else selected

    def put_away(self) -> gr.Column:
        """Forget a cleaning that has ended."""
        if view := self._newest():
            self._services.cleanings.delete(view.id)
        return gr.Column(visible=False)

    def _newest(self) -> CleaningView | None:
        views = self._services.cleanings.all()
        running = [view for view in views if view.job.is_active]
        return next(iter([*running, *reversed(views)]), None)


def card_html(view: CleaningView) -> str:
    """How a cleaning stands, in words of the data."""
    done = f"{view.rows:,} rows"
    match view.job.state:
        case "queued":
            said = f"{view.file} waits for the job before it"
        case "running":
            said = f"{view.file}: {_DOING.get(view.doing, 'looks at the file')}"
        case "finished":
            said = f"{view.file} is saved as {view.dataset}"
        case "stopped":
            said = f"{view.file} was stopped: nothing was saved"
        case "interrupted":
            said = f"{view.file} was interrupted: nothing was saved"
        case _:
            said = f"{view.file} was not saved"
    return job_card(view.job, said, note=done, unit="part")
