"""The fold "Balance, mix, augment" of the Data tab: versions made of the one that is shown."""

from typing import Any

import gradio as gr

from chatui.services import Services
from chatui.ui.errors import shows_errors
from chatui.ui.state import Page
from chatui.ui.tabs.data.mixing_handlers import (
    AUGMENTING,
    BALANCING,
    CAP,
    MIXING,
    PARAPHRASING,
    REPEAT,
    Making,
    MixingParts,
)

_QUIET: dict[str, Any] = {"api_visibility": "private"}


def build(services: Services, page: Page, is_saved: gr.State) -> None:
    """Show how common labels are; balance, mix or augment into a new version.

    `is_saved` changes with the version that is looked at, and with whether it is saved as it is.
    """
    parts = _components(page)
    handlers = Making(services, parts)
    everything = parts.all()
    is_saved.change(
        handlers.refresh,
        page.selection,
        everything,
        show_progress="hidden",
        concurrency_limit=None,
        **_QUIET,
    )
    parts.box.expand(shows_errors(handlers.open), page.selection, everything, **_QUIET)
    # Each button takes what stands above it and no more: a field of another part can't stop it.
    for button, handler, output, names in (
        (parts.show_balance, handlers.show_balance, parts.balance, BALANCING),
        (parts.save_balance, handlers.save_balance, parts.selection, BALANCING),
        (parts.show_mixture, handlers.show_mixture, parts.mixture, MIXING),
        (parts.save_mixture, handlers.save_mixture, parts.selection, MIXING),
        (parts.show_copies, handlers.show_copies, parts.copies, AUGMENTING),
        (parts.save_copies, handlers.save_copies, parts.selection, AUGMENTING),
        (parts.translate, handlers.translate, parts.selection, AUGMENTING),
        (parts.paraphrase, handlers.paraphrase, parts.selection, PARAPHRASING),
    ):
        button.click(
            shows_errors(handler),
            page.selection,
            [output],
            inputs_kwargs={name: getattr(parts, name) for name in names},
            trigger_mode="once",
            **_QUIET,
        )


def _components(page: Page) -> MixingParts:
    with gr.Accordion(
        "Balance, mix, augment", open=False, visible=False, elem_id="data-mixing"
    ) as box:
        origin = gr.HTML()
        balancing, mixing, augmenting = _balancing(), _mixing(), _augmenting()
    return MixingParts(
        selection=page.selection, box=box, origin=origin, **balancing, **mixing, **augmenting
    )


def _balancing() -> dict[str, Any]:
    gr.HTML('<h3 class="chatui-heading">Balance labels</h3>')
    labels = gr.HTML(elem_id="label-bars")
    with gr.Row():
        how = gr.Radio([CAP, REPEAT], value=CAP, label="How")
        cap = gr.Number(
            100,
            label="Cap",
            info="Training rows of a label that stay, at most.",
            precision=0,
            minimum=1,
        )
        times = gr.Number(
            5,
            label="Times",
            info="How often a row of a rare label is seen, at most.",
            precision=0,
            minimum=2,
        )
    show, save = _buttons("Show what is dropped", "Save balanced version")
    return {
        "labels": labels,
        "how": how,
        "cap": cap,
        "times": times,
        "show_balance": show,
        "save_balance": save,
        "balance": gr.HTML(),
    }


def _mixing() -> dict[str, Any]:
    gr.HTML('<h3 class="chatui-heading">Mix with other versions</h3>')
    with gr.Row():
        sources = gr.Dropdown(label="Versions", multiselect=True, elem_id="mix-sources")
        weights = gr.Textbox(
            label="Weights",
            info="In the order of the versions, such as 2, 1. Empty: all the same.",
            max_lines=1,
        )
    with gr.Row():
        name = gr.Textbox(label="Name of the mixture", max_lines=1, max_length=60)
        rows = gr.Number(
            0, label="Training rows", info="0: as many as there are.", precision=0, minimum=0
        )
    show, save = _buttons("Show the mixture", "Save mixture")
    return {
        "sources": sources,
        "weights": weights,
        "mixture_name": name,
        "rows": rows,
        "show_mixture": show,
        "save_mixture": save,
        "mixture": gr.HTML(),
    }


def _augmenting() -> dict[str, Any]:
    gr.HTML('<h3 class="chatui-heading">Add training rows in other words</h3>')
    share = gr.Slider(
        1, 100, 10, step=1, label="Share, %", info="Rows to add, of the training rows, at most."
    )
    show, save = _buttons("Show typing errors", "Add typing errors")
    copies = gr.HTML()
    translate = gr.Button(
        "Add back-translations", interactive=False, scale=0, min_width=240, elem_id="translate"
    )
    models = gr.HTML()
    with gr.Row():
        server = gr.Textbox(
            label="Server for paraphrases",
            info="Address of an OpenAI-compatible one. Each question is sent there.",
            placeholder="http://127.0.0.1:8000/v1",
            max_lines=1,
            max_length=2000,
            elem_id="paraphrase-server",
        )
        model = gr.Textbox(
            label="Its model", info="Empty: its first one.", max_lines=1, max_length=200
        )
    paraphrase = gr.Button("Add paraphrases", scale=0, min_width=240, elem_id="paraphrase")
    return {
        "share": share,
        "show_copies": show,
        "save_copies": save,
        "translate": translate,
        "models": models,
        "server": server,
        "server_model": model,
        "paraphrase": paraphrase,
        "copies": copies,
    }


def _buttons(show: str, save: str) -> tuple[gr.Button, gr.Button]:
    with gr.Row():
        return (
            gr.Button(show, scale=0, min_width=240),
            gr.Button(save, scale=0, min_width=240),
        )
