"""Measure the time: five steps of what the form holds, beside the page, and what came of them."""

from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr
from gradio.blocks import Block

from chatui.errors import CannotTrain, ChatUIError
from chatui.jobs import JobView
from chatui.model.catalog import STARTER, bases_on_offer, find_base
from chatui.services import Services
from chatui.train.checks import read_options
from chatui.train.config import TrainConfig
from chatui.train.fitting import gigabytes
from chatui.train.measurements import Measured
from chatui.ui.charts import number
from chatui.ui.errors import error_card, shows_errors
from chatui.ui.frame import job_card
from chatui.ui.state import QUIET, Page, Selection
from chatui.ui.tabs.train import describe

_SAME = gr.skip()


class MeasuringPanel:
    """A button, what it has found, and which base models fit; built first and wired later."""

    def __init__(self, services: Services) -> None:
        self._measuring = Measuring(services)
        with gr.Row(elem_classes="chatui-stays"):
            self.start = gr.Button("Measure the time", scale=0, min_width=230, elem_id="measure")
            self.cancel = gr.Button("Cancel", visible=False, scale=0, min_width=120)
        self.card = gr.HTML(elem_id="train-measured")
        self.shown, self.done = gr.State(""), gr.State("")

    def listen(
        self,
        page: Page,
        plan: tuple[gr.Dropdown, gr.Dropdown],
        options: Mapping[str, Block],
        command: gr.HTML,
    ) -> None:
        """`plan` is the dataset version and the base model; `command` changes as the form does."""
        _, base = plan
        gr.on(
            [page.looks["train"].change, command.change],
            self._measuring.look,
            [page.selection, self.shown, *plan],
            [self.shown, self.done, base, self.card, self.start, self.cancel],
            inputs_kwargs=dict(options),
            **QUIET,
        )
        acting: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
        self.start.click(
            shows_errors(self._measuring.begin),
            [*plan],
            self.start,
            inputs_kwargs=dict(options),
            **acting,
        )
        self.cancel.click(shows_errors(self._measuring.stop), None, self.cancel, **acting)


class Measuring:
    """The listeners of "Measure the time"."""

    def __init__(self, services: Services) -> None:
        self._runs = services.runs
        self._jobs = services.jobs

    def look(
        self, selected: Selection, shown: str, dataset: str | None, base: str, **values: object
    ) -> tuple[Any, ...]:
        """Show what was measured for the form, or the measurement that runs; and what fits."""
        unchanged = (_SAME,) * 6
        if selected.tab != "train":
            return unchanged
        config, _ = read_options(values)
        bases = bases_on_offer()
        try:
            fits = self._runs.forecast.fits(dataset, config, bases)
            found = self._found(dataset, config, base)
        except ChatUIError:  # told beside Start already
            return unchanged
        offered = [
            (f"{each.title} · {fit.label}" if fit else each.title, each.name)
            for each, fit in zip(bases, fits, strict=True)
        ]
        active = self._runs.forecast.measurements.active()
        card = self._card(active, found, config)
        key = repr((offered, card))
        if key == shown:
            return unchanged
        return (
            key,
            repr(found[1]),
            gr.Dropdown(offered),
            card,
            gr.Button(interactive=active is None),
            gr.Button(visible=active is not None),
        )

    def begin(self, dataset: str, base: str, **values: object) -> Any:
        """Queue five steps of what the form holds."""
        config, problems = read_options(values)
        if problems:
            raise CannotTrain([problem.sentence for problem in problems])
        self._runs.measure(dataset, config, (base or STARTER).strip())
        return gr.Button(interactive=False)

    def stop(self) -> Any:
        """Cancel the measurement; nothing of it is kept."""
        if job := self._runs.forecast.measurements.active():
            self._runs.forecast.measurements.stop(job.name)
        return gr.Button(visible=False)

    def _found(
        self, dataset: str | None, config: TrainConfig, base: str
    ) -> tuple[JobView | None, Measured | None]:
        if not dataset:
            return None, None
        return self._runs.forecast.measurements.of(dataset, config, find_base(base or STARTER))

    def _card(
        self,
        active: JobView | None,
        found: tuple[JobView | None, Measured | None],
        config: TrainConfig,
    ) -> str:
        if active is not None:
            return job_card(active, f"Five steps {self._standing(active)}")
        job, measured = found
        if measured is not None:
            return measured_html(measured, config)
        if job is not None and job.state == "failed":
            return error_card(f"The time was not measured. {job.reason or ''}")
        return ""

    def _standing(self, active: JobView) -> str:
        if active.state != "queued":
            return "are measured"
        before = ", ".join(job.name for job in self._jobs.on_the_device())
        return f"wait: {before or 'another job'} is running and has the device"


def measured_html(measured: Measured, config: TrainConfig) -> str:
    """What a whole run takes, from what a few of its steps took."""
    seconds = measured.seconds_of(config)
    told = (
        f"Measured with {measured.steps} steps: the whole run takes "
        f"{describe.minutes(seconds)} and {gigabytes(measured.memory_mb)} of memory at its peak."
    )
    how = (
        f"{number(measured.tokens_per_second)} tokens per second, "
        f"{number(measured.startup_seconds)} s to load, {number(measured.evaluation_seconds)} s "
        "for each measurement on the validation split. Nothing that was learned is kept."
    )
    return (
        f'<div class="chatui-card" role="status"><b>{escape(told)}</b>'
        f'<div class="chatui-muted">{escape(how)}</div></div>'
    )
