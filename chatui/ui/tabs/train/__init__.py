"""The Train tab: choose a version and a base model, start a run, watch it learn."""

from typing import Any

import gradio as gr
from gradio.blocks import Block

from chatui.model.catalog import STARTER, bases_on_offer
from chatui.services import Services
from chatui.train.config import GROUPS, PRESETS, QUICK_LOOK, TrainConfig
from chatui.ui.errors import shows_errors
from chatui.ui.forms import form
from chatui.ui.state import QUIET, Page
from chatui.ui.tabs.train import describe
from chatui.ui.tabs.train.planning import Planning
from chatui.ui.tabs.train.watching import NOTHING_SHOWN, Watching


def build(services: Services, page: Page) -> None:
    """The plan on the left, the run on the right."""
    with gr.Row():
        with gr.Column(scale=5):
            start = _build_plan(services, page)
        with gr.Column(scale=6):
            _build_run(services, page, start)


def _build_plan(services: Services, page: Page) -> gr.Button:
    """What will be learned, from what and how; returns Start."""
    planning = Planning(services)
    shown, key, started = gr.State(""), gr.State(""), gr.Textbox(visible=False, label="Run")
    dataset = gr.Dropdown(label="Dataset version")
    base = gr.Dropdown(
        [(_on_offer(each.title, each.memory_mb), each.name) for each in bases_on_offer()],
        value=STARTER,
        label="Base model",
        info="Or type a folder on this machine, or a name on the Hugging Face Hub.",
        allow_custom_value=True,
    )
    chosen = gr.Radio(list(PRESETS), value=QUICK_LOOK, label="Preset", elem_classes="train-presets")
    checks = gr.HTML(elem_id="train-checks")
    start = gr.Button("Start training", variant="primary", interactive=False, elem_id="start-run")
    options: dict[str, Block] = {}
    groups = []
    for title, names in GROUPS.items():
        with gr.Accordion(title, open=False) as group:
            options |= form(TrainConfig, names)
        groups.append(group)
    _let_checks_speak(options)
    reset = gr.Button("Reset options to the preset", visible=False, size="md")
    with gr.Accordion("What will run", open=False):
        command = gr.HTML()

    reviewed = [chosen, checks, command, start, *groups, reset]
    fields = [options[name] for name in TrainConfig.model_fields]
    page.looks["train"].change(
        planning.offer,
        [page.selection, shown],
        [shown, dataset],
        **QUIET,
    )
    page.blocks.load(planning.new_key, None, key, **QUIET)
    dataset.input(planning.choose_version, [page.selection, dataset], page.selection, **QUIET)
    review = {
        "fn": planning.review,
        "inputs": [dataset, base, chosen],
        "outputs": reviewed,
        "inputs_kwargs": options,
        **QUIET,
    }
    # Filled fields are reviewed once all of them are filled; typed ones as they are typed.
    gr.on(
        [chosen.input, reset.click], planning.choose_preset, [base, chosen], fields, **QUIET
    ).then(**review)
    base.change(planning.choose_base, [base, chosen], options["learning_rate"], **QUIET).then(
        **review
    )
    typed = [field.input for field in fields]  # type: ignore[attr-defined]
    gr.on([dataset.change, *typed], trigger_mode="always_last", **review)
    start.click(
        shows_errors(planning.start_run),
        [dataset, base, key, page.selection],
        [page.selection, key, started],
        inputs_kwargs=options,
        api_name="start_run",
        trigger_mode="once",
    )
    return start


def _build_run(services: Services, page: Page, start: gr.Button) -> None:
    """The selected run, as its folder tells it, and the list of all runs."""
    watching = Watching(services)
    shown = gr.State(NOTHING_SHOWN)
    standing = gr.HTML(elem_id="train-standing")
    with gr.Row(elem_classes="chatui-stays"):
        stop = gr.Button("Stop run", visible=False, scale=0, min_width=150, elem_id="stop-run")
        resume = gr.Button("Resume", visible=False, scale=0, min_width=150)
    with gr.Row(visible=False, elem_classes="chatui-stays") as asking:
        stop_and_keep = gr.Button("Stop and keep", scale=0, min_width=190)
        carry_on = gr.Button("Carry on", scale=0, min_width=130)
    curve, figures = gr.HTML(), gr.HTML()
    with gr.Accordion("Log", open=False):
        log = gr.HTML()
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

    drawn = [shown, standing, curve, figures, log]
    pressed = [stop, asking, resume, listing, runs, manage, sure, start]
    page.looks["train"].change(
        watching.refresh,
        [page.selection, shown],
        [*drawn, *pressed],
        **QUIET,
    )
    acting: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
    stop.click(watching.ask_to_stop, None, [stop, asking], **acting)
    carry_on.click(watching.carry_on, None, [stop, asking], **acting)
    stop_and_keep.click(shows_errors(watching.stop), page.selection, asking, **acting)
    resume.click(shows_errors(watching.resume), page.selection, **acting)
    runs.select(watching.pick, page.selection, page.selection, **QUIET)
    rename.click(shows_errors(watching.rename), [page.selection, name], name, **acting)
    delete.click(watching.ask_to_delete, page.selection, [delete, sure, delete_now], **acting)
    keep.click(watching.keep, None, [delete, sure], **acting)
    delete_now.click(
        shows_errors(watching.delete), page.selection, [page.selection, delete, sure], **acting
    )


def _let_checks_speak(options: dict[str, Block]) -> None:
    """Take the limits off the number fields.

    Gradio refuses a value beyond them with a toast that vanishes, before any listener is asked; the
    checks beside Start say it too, in words, together with everything else.
    """
    for field in options.values():
        if isinstance(field, gr.Number):
            field.minimum = field.maximum = None


def _on_offer(title: str, memory_mb: int | None) -> str:
    return f"{title} · needs {memory_mb / 1024:.1f} GB" if memory_mb else title
