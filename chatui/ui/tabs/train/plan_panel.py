"""The left side of the Train tab: what will be learned, from what and how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from chatui.model.catalog import STARTER, bases_on_offer
from chatui.services import Services
from chatui.train.config import GROUPS, TrainConfig
from chatui.train.presets import PRESETS, QUICK_LOOK
from chatui.ui.errors import shows_errors
from chatui.ui.forms import form
from chatui.ui.state import QUIET, Page
from chatui.ui.tabs.train.keeping import Keeping
from chatui.ui.tabs.train.lesson import TAKE
from chatui.ui.tabs.train.lessons import Lessons
from chatui.ui.tabs.train.measuring import MeasuringPanel
from chatui.ui.tabs.train.planning import Planning


@dataclass(frozen=True, slots=True)
class PlanParts:
    """What the right side writes to when runs come and go."""

    start: gr.Button
    copied: gr.Dropdown  # the runs whose options can be copied
    dataset: gr.Dropdown
    base: gr.Dropdown
    options: Mapping[str, Block]  # the fields of the form
    copy: Callable[..., Any]  # from `copied` to `filled`
    filled: list[Any]
    review: Mapping[str, Any]  # the listener that checks what the form holds


def build_plan(services: Services, page: Page) -> PlanParts:
    """Version, base model, preset, checks and Start; everything else is folded."""
    keeping = Keeping(services)
    planning = Planning(services, keeping)
    shown, key, started = gr.State(""), gr.State(""), gr.Textbox(visible=False, label="Run")
    rated = gr.State(STARTER)
    dataset = gr.Dropdown(label="Dataset version")
    base = gr.Dropdown(
        [(each.title, each.name) for each in bases_on_offer()],  # and what they need, once known
        value=STARTER,
        label="Base model",
        info="Or type a folder on this machine, or a name on the Hugging Face Hub.",
        allow_custom_value=True,
    )
    chosen = gr.Radio(list(PRESETS), value=QUICK_LOOK, label="Preset", elem_classes="train-presets")
    checks = gr.HTML(elem_id="train-checks")
    start = gr.Button("Start training", variant="primary", interactive=False, elem_id="start-run")
    measuring = MeasuringPanel(services)
    advice = gr.HTML(elem_id="train-advice", js_on_load=TAKE)
    with gr.Accordion("What it learns", open=False, elem_id="train-lesson") as lesson:
        learned = gr.HTML()
        count = gr.Button("Count all", visible=False)
    options: dict[str, Block] = {}
    groups = []
    for title, names in GROUPS.items():
        with gr.Accordion(title, open=False) as group:
            options |= form(TrainConfig, names)
        groups.append(group)
    _let_checks_speak(options)
    reset = gr.Button("Reset options to the preset", visible=False, size="md")
    with gr.Accordion("Copy, load or save options", open=False, elem_id="train-keeping"):
        copied = gr.Dropdown([], label="Copy from run", value=None)
        file = gr.File(
            label="Load a file (YAML)",
            file_types=[".yaml", ".yml"],
            height=150,
            elem_id="train-file",
        )
        download = gr.DownloadButton("Save as file", elem_id="download-config")
        note = gr.HTML()
    with gr.Accordion("What will run", open=False):
        command = gr.HTML()

    fields = [options[name] for name in TrainConfig.model_fields]
    page.looks["train"].change(
        planning.offer,
        [page.selection, shown],
        [shown, dataset],
        **QUIET,
    )
    page.blocks.load(planning.new_key, None, key, **QUIET)
    dataset.input(planning.choose_version, [page.selection, dataset], page.selection, **QUIET)
    review: dict[str, Any] = {
        "fn": planning.review,
        "inputs": [dataset, base, chosen],
        "outputs": [chosen, checks, advice, command, download, start, *groups, reset],
        "inputs_kwargs": options,
        **QUIET,
    }
    # Filled fields are reviewed once all of them are filled; typed ones as they are typed.
    gr.on(
        [chosen.input, reset.click], planning.choose_preset, [base, chosen], fields, **QUIET
    ).then(**review)
    base.change(
        planning.choose_base, [base, chosen, rated], [options["learning_rate"], rated], **QUIET
    ).then(**review)
    filled = [note, base, rated, *fields]
    copied.input(keeping.copy, copied, filled, **QUIET).then(**review)
    file.upload(keeping.load, [file, base], filled, **QUIET).then(**review)
    advice.click(
        planning.take, [dataset, base], [base, *fields], inputs_kwargs=options, **QUIET
    ).then(**review)
    typed = [field.input for field in fields]  # type: ignore[attr-defined]
    gr.on([dataset.change, *typed], trigger_mode="always_last", **review)
    measuring.listen(page, (dataset, base), options, command)
    measuring.done.change(**review)  # minutes and memory are known better now
    start.click(
        shows_errors(planning.start_run),
        [dataset, base, key, page.selection],
        [page.selection, key, started],
        inputs_kwargs=options,
        api_name="start_run",
        trigger_mode="once",
    )
    lessons = Lessons(services)
    looked_at = [dataset, base, options["max_length"]]
    gr.on(
        [dataset.change, base.change, options["max_length"].change],  # type: ignore[attr-defined]
        lessons.at_once,
        looked_at,
        [lesson, learned, count],
        trigger_mode="always_last",
        **QUIET,
    )
    once: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
    count.click(lessons.all_of_them, looked_at, [lesson, learned, count], **once)
    return PlanParts(start, copied, dataset, base, options, keeping.copy, filled, review)


def _let_checks_speak(options: dict[str, Block]) -> None:
    """Take the limits off the number fields.

    Gradio refuses a value beyond them with a toast that vanishes, before any listener is asked; the
    checks beside Start say it too, in words, together with everything else.
    """
    for field in options.values():
        if isinstance(field, gr.Number):
            field.minimum = field.maximum = None
