"""The right side of the Train tab: the selected run as its folder tells it, and all runs."""

from typing import Any
from uuid import uuid4

import gradio as gr

from chatui.services import Services
from chatui.train.curves import LOSS, METRICS, SMOOTHING
from chatui.ui.errors import shows_errors
from chatui.ui.state import QUIET, Page
from chatui.ui.tabs.train import describe
from chatui.ui.tabs.train.plan_panel import PlanParts
from chatui.ui.tabs.train.watching import NOTHING_SHOWN, Watching

# A button inside the queue hands over its job and what to do with it.
_ARRANGE = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (button) trigger('click', {...button.dataset});
});
"""


def build_run(services: Services, page: Page, plan: PlanParts) -> None:
    """How it stands, what to do with it, its chart, and everything else folded."""
    watching = Watching(services)
    shown, key = gr.State(NOTHING_SHOWN), gr.State("")
    standing = gr.HTML(elem_id="train-standing")
    with gr.Row(elem_classes="chatui-stays"):
        stop = gr.Button("Stop run", visible=False, scale=0, min_width=150, elem_id="stop-run")
        resume = gr.Button("Resume", visible=False, scale=0, min_width=150)
        onward = gr.Button("Continue", visible=False, scale=0, min_width=150)
    with gr.Row(visible=False, elem_classes="chatui-stays") as asking:
        stop_and_keep = gr.Button("Stop and keep", scale=0, min_width=170)
        stop_and_discard = gr.Button("Stop and discard", variant="stop", scale=0, min_width=220)
        carry_on = gr.Button("Carry on", scale=0, min_width=130)
    with gr.Row(visible=False, elem_classes="chatui-stays train-continue") as going_on:
        epochs = gr.Number(3, label="More epochs", precision=0, scale=0, min_width=150)
        continue_now = gr.Button("Start new run", scale=0, min_width=170)
        not_now = gr.Button("Not now", scale=0, min_width=120)
    warning = gr.HTML()
    with gr.Row(visible=False, elem_classes="chatui-stays train-looks") as looks:
        metric = gr.Dropdown(list(METRICS), value=LOSS, label="Chart", min_width=140)
        smoothing = gr.Dropdown(list(SMOOTHING), value="none", label="Smoothing", min_width=140)
        compare = gr.Dropdown(
            [],
            value=[],
            multiselect=True,
            label="Compare with",
            visible=False,
            min_width=180,
            allow_custom_value=True,  # a run that is gone, or is looked at itself, is no error
        )
    chart, figures = gr.HTML(), gr.HTML()
    with gr.Accordion("Sample replies", open=False):
        samples = gr.HTML(elem_id="train-samples")
    with gr.Accordion("Log", open=False):
        log = gr.HTML()
    with gr.Accordion("Queue", open=True, visible=False) as queueing:
        queue = gr.HTML(js_on_load=_ARRANGE, elem_id="train-queue")
    with gr.Accordion("Runs", open=False) as listing:
        runs = gr.Dataframe(
            headers=list(describe.RUN_COLUMNS),
            interactive=False,
            max_chars=40,
            max_height=320,
            column_widths=["60px", "120px", "110px", "130px", "160px"],
            label="Runs",
            show_label=False,
            buttons=[],
        )
        with gr.Row(visible=False, elem_classes="chatui-stays") as manage:
            name = gr.Textbox(label="New name of the selected run", max_length=60, scale=2)
            rename = gr.Button("Rename run", scale=0, min_width=170)
            delete = gr.Button("Delete run", scale=0, min_width=170)
        with gr.Row(visible=False, elem_classes="chatui-stays") as sure:
            delete_now = gr.Button("Delete", variant="stop", scale=0, min_width=380)
            keep = gr.Button("Keep it", scale=0, min_width=120)

    drawn = [standing, warning, chart, figures, samples, log]
    pressed = [stop, asking, resume, onward, going_on, looks, compare, queueing, queue]
    pressed += [listing, runs, manage, sure, plan.start]
    chosen = [metric.input, smoothing.input, compare.input]
    gr.on(
        [page.looks["train"].change, *chosen],
        watching.refresh,
        [page.selection, shown],
        [shown, *drawn, *pressed],
        inputs_kwargs={"metric": metric, "smoothing": smoothing, "compare": compare},
        **QUIET,
    )
    page.blocks.load(lambda: uuid4().hex, None, key, **QUIET)
    gr.on(
        [page.selection.change, plan.copied.focus],
        watching.copyable,
        page.selection,
        plan.copied,
        **QUIET,
    )
    acting: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
    selection = page.selection
    stop.click(watching.ask_to_stop, None, [stop, asking], **acting)
    carry_on.click(watching.carry_on, None, [stop, asking], **acting)
    stop_and_keep.click(shows_errors(watching.stop), selection, asking, **acting)
    stop_and_discard.click(shows_errors(watching.discard), selection, asking, **acting)
    resume.click(shows_errors(watching.resume), [selection, plan.token], **acting)
    onward.click(watching.ask_to_continue, None, [onward, going_on], **acting)
    not_now.click(watching.not_now, None, [onward, going_on], **acting)
    continue_now.click(
        shows_errors(watching.continue_run), [selection, epochs, key], [selection, key], **acting
    )
    queue.click(shows_errors(watching.arrange), None, **acting)
    runs.select(watching.pick, selection, selection, **QUIET)
    rename.click(shows_errors(watching.rename), [selection, name], name, **acting)
    delete.click(watching.ask_to_delete, selection, [delete, sure, delete_now], **acting)
    keep.click(watching.keep, None, [delete, sure], **acting)
    delete_now.click(shows_errors(watching.delete), selection, [selection, delete, sure], **acting)
