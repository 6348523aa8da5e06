"""Where everything in the Data tab stands, and the side where a file is prepared.

Components without listeners; the side where it is looked at is in `panels.py`.
"""

from typing import Any

import gradio as gr

from chatui.data.cleaning import STEPS, Parameters
from chatui.data.prepare import DEFAULT_SEED
from chatui.ui.forms import form
from chatui.ui.state import Page
from chatui.ui.tabs.data import choosing
from chatui.ui.tabs.data.panels import keeping, looking, saving
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import Source

_COLUMNS = (
    ("user", "User", "What the person says or asks."),
    ("assistant", "Reply", "What the model should learn to say."),
    ("system", "System prompt", "If each row has one of its own."),
)
_FILES = [".csv", ".tsv", ".json", ".jsonl", ".parquet", ".xlsx", ".txt", ".zip", ".gz"]


def components(page: Page) -> Parts:
    """All components of the tab, in their places."""
    source, position = gr.State(Source()), gr.State(1)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            picking = _picking()
            with gr.Column(visible=False) as preparing:
                choosing = _choosing_columns() | _cleaning() | _more()
            again = gr.Button("Clean again", visible=False)
        with gr.Column(scale=6, min_width=320):
            shown = looking()
    return Parts(
        selection=page.selection,
        source=source,
        position=position,
        preparing=preparing,
        again=again,
        **picking,
        **choosing,
        **shown,
        **saving(),
        **keeping(),
    )


def _picking() -> dict[str, Any]:
    picker = gr.Dropdown(label="Dataset", elem_id="data-picker")
    file = gr.File(
        label="Drop CSV, TSV, JSON, JSONL, Parquet or XLSX (or a zip)",
        file_types=_FILES,
        height=170,
        elem_id="data-file",
    )
    with gr.Row(elem_classes="chatui-stays chatui-address"):
        address = gr.Textbox(
            label="Or an address, or hf:owner/name",
            placeholder="https://",
            max_lines=1,
            max_length=2000,
            scale=1,
            elem_id="data-address",
        )
        fetch = gr.Button("Fetch", scale=0, min_width=90, elem_id="data-fetch")
    return {
        "picker": picker,
        "file": file,
        "address": address,
        "fetch": fetch,
        "address_status": gr.HTML(visible=False),
        "problem": gr.HTML(visible=False),
        "notes": gr.HTML(visible=False),
        **choosing.fields(),
        "facts": gr.HTML(visible=False),
    }


def _choosing_columns() -> dict[str, Any]:
    with gr.Accordion("Columns", open=False) as box:
        about = gr.HTML()
        # Any value is let through: the choices change with the file, and the core's sentence
        # about a column that is not there is the better one.
        columns = tuple(
            gr.Dropdown(label=label, info=info, allow_custom_value=True, elem_id=f"column-{role}")
            for role, label, info in _COLUMNS
        )
    return {"columns_box": box, "about_columns": about, "columns": columns}


def _cleaning() -> dict[str, Any]:
    gr.HTML('<h3 class="chatui-heading">Clean</h3>')
    drawn: dict[str, Any] = {}
    _steps(drawn, is_default=True)
    with gr.Accordion("More cleaning steps", open=False):
        _steps(drawn, is_default=False)
    switches, examples = zip(*(drawn[step.name] for step in STEPS), strict=True)
    fields = tuple(drawn[name] for name in Parameters.model_fields)
    return {
        "switches": switches,
        "examples": examples,
        "fields": fields,
        "choices": tuple(drawn["choices"]),
        "splits": gr.HTML(),
    }


def _steps(drawn: dict[str, Any], is_default: bool) -> None:
    """A switch, a place for examples and fields, for each step that is on at first, or off."""
    for step in (step for step in STEPS if step.is_default == is_default):
        with gr.Column(elem_classes="chatui-steps"):
            switch = gr.Checkbox(
                is_default, label=step.title, container=False, elem_id=f"step-{step.name}"
            )
            drawn[step.name] = (switch, gr.HTML())
        if step.parameters:
            with gr.Row(visible=False, elem_classes="chatui-fields") as row:
                drawn |= form(Parameters, step.parameters)
            drawn.setdefault("choices", []).append(row)


def _more() -> dict[str, Any]:
    with gr.Accordion("System prompt and split", open=False):
        prompt = gr.Textbox(
            label="System prompt (optional)",
            info="Goes with every conversation through training, scoring and chat.",
            lines=2,
        )
        seed = gr.Number(
            DEFAULT_SEED,
            label="Seed of the split",
            info="Another number splits the same rows otherwise.",
            precision=0,
            minimum=0,
        )
        by_content = gr.Checkbox(
            False,
            label="Rows that are added later leave all others in their splits",
            info="Each question is placed by itself, so sizes come out near 80/10/10, not at it.",
            elem_id="data-by-content",
        )
    with gr.Accordion("Recipe", open=False, elem_id="data-recipe"):
        gr.HTML(
            '<p class="chatui-muted">A recipe holds all choices made here. The same file and the '
            "same recipe give the same dataset again.</p>"
        )
        download = gr.DownloadButton("Download recipe", elem_id="download-recipe")
        file = gr.File(
            label="Use a recipe (JSON)", file_types=[".json"], height=150, elem_id="recipe-file"
        )
        notes = gr.HTML(visible=False)
    return {
        "prompt": prompt,
        "seed": seed,
        "by_content": by_content,
        "download_recipe": download,
        "recipe_file": file,
        "recipe_notes": notes,
    }
