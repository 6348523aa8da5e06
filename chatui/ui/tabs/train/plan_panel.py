"""The left side of the Train tab: what will be learned, from what and how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from chatui.model.catalog import STARTER, bases_on_offer
from chatui.model.quantization import NF4, QUANTIZATIONS
from chatui.model.templates import OWN, name_in, name_with, quantization_in
from chatui.services import Services
from chatui.train.config import GROUPS, TrainConfig
from chatui.train.hardware import Hardware
from chatui.train.presets import PRESETS, QUICK_LOOK
from chatui.ui.errors import shows_errors
from chatui.ui.forms import form
from chatui.ui.state import QUIET, Page
from chatui.ui.tabs.train.base_facts import TEMPLATE_CHOICES, look
from chatui.ui.tabs.train.going_on import GoingOn
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
    token: gr.Textbox  # of the Hub, for the run that is started or resumed
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
    gpus = Hardware.here().gpus
    processes = gr.Number(
        max(1, gpus),
        precision=0,
        label="Processes",
        info=f"That train together, one for each of {gpus} GPUs: the same result, sooner.",
        visible=gpus > 1,
        elem_id="train-processes",
    )
    facts = gr.HTML(elem_id="train-base-facts")
    token = gr.Textbox(
        label="Hub token",
        info="For a gated or private model: this page and the run know it, no file does.",
        type="password",
        visible=False,
        elem_id="train-hub-token",
    )
    template = gr.Dropdown(
        TEMPLATE_CHOICES,
        value=OWN,
        label="Chat template",
        info="For a base model that brings none; it stands behind the model's name.",
        visible=False,
        elem_id="train-template",
    )
    weights = gr.Dropdown(
        [(title, name) for name, title in QUANTIZATIONS.items()],
        value=NF4,
        label="Weights of the base model",
        info="4 bits take a quarter of the memory; the choice stands behind the model's name.",
        elem_id="train-weights",
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
    with gr.Accordion("Go on from an adapter", open=False, elem_id="train-going-on"):
        adapter = gr.Textbox(
            label="Adapter",
            info="A run such as r1, a folder, or a name on the Hub; empty for a fresh one.",
            elem_id="train-adapter",
        )
        made_with = gr.HTML()
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
        "inputs_kwargs": options | {"adapter": adapter, "processes": processes},
        **QUIET,
    }
    going_on = GoingOn(services)
    gr.on(
        [adapter.submit, adapter.blur],
        going_on.fill,
        [adapter, base],
        [made_with, base, rated, *fields],
        **QUIET,
    ).then(**review)
    # Filled fields are reviewed once all of them are filled; typed ones as they are typed.
    gr.on(
        [chosen.input, reset.click], planning.choose_preset, [base, chosen], fields, **QUIET
    ).then(**review)
    gr.on(
        [base.change, token.submit, token.blur],
        look,
        [base, token],
        [facts, token, template],
        trigger_mode="always_last",
        **QUIET,
    )
    template.input(name_with, [base, template], base, **QUIET)
    weights.input(name_in, [base, weights], base, **QUIET)
    base.change(quantization_in, base, weights, **QUIET)
    base.change(
        planning.choose_base, [base, chosen, rated], [options["learning_rate"], rated], **QUIET
    ).then(**review)
    filled = [note, base, rated, *fields]
    copied.input(keeping.copy, copied, filled, **QUIET).then(**review)
    file.upload(keeping.load, [file, base], filled, **QUIET).then(**review)
    advice.click(
        planning.take, [dataset, base], [base, *fields], inputs_kwargs=options, **QUIET
    ).then(**review)
    typed = [field.input for field in (*fields, processes)]  # type: ignore[attr-defined]
    gr.on([dataset.change, *typed], trigger_mode="always_last", **review)
    measuring.listen(page, (dataset, base), options, command)
    measuring.done.change(**review)  # minutes and memory are known better now
    start.click(
        shows_errors(planning.start_run),
        [dataset, base, key, page.selection],
        [page.selection, key, started],
        inputs_kwargs=options | {"adapter": adapter, "hub_token": token, "processes": processes},
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
    return PlanParts(start, copied, token, dataset, base, options, keeping.copy, filled, review)


def _let_checks_speak(options: dict[str, Block]) -> None:
    """Take the limits off the number fields.

    Gradio refuses a value beyond them with a toast that vanishes, before any listener is asked; the
    checks beside Start say it too, in words, together with everything else.
    """
    for field in options.values():
        if isinstance(field, gr.Number):
            field.minimum = field.maximum = None
