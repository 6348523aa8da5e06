"""Where everything in the Data tab stands: components without a listener, made once."""

from typing import Any

import gradio as gr

from chatui.data.cleaning import STEPS, Parameters
from chatui.data.prepare import DEFAULT_SEED
from chatui.model.catalog import STARTER, bases_on_offer
from chatui.train.config import TrainConfig
from chatui.ui.forms import form
from chatui.ui.state import Page
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import Source

_COLUMNS = (
    ("user", "User", "What the person says or asks."),
    ("assistant", "Reply", "What the model should learn to say."),
    ("system", "System prompt", "If each row has one of its own."),
)
_ACTIONS = {
    "edit": "Edit",
    "leave": "Leave out",
    "flag": "Flag",
    "undo": "Undo",
    "redo": "Redo",
}
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
            looking = _looking()
    return Parts(
        selection=page.selection,
        source=source,
        position=position,
        preparing=preparing,
        again=again,
        **picking,
        **choosing,
        **looking,
        **_saving(),
        **_keeping(),
    )


def _picking() -> dict[str, Any]:
    return {
        "picker": gr.Dropdown(label="Dataset", elem_id="data-picker"),
        "file": gr.File(
            label="Drop CSV, TSV, JSON, JSONL, Parquet or XLSX (or a zip of one)",
            file_types=_FILES,
            height=170,
            elem_id="data-file",
        ),
        "problem": gr.HTML(visible=False),
        "notes": gr.HTML(visible=False),
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
    with gr.Accordion("System prompt and seed", open=False):
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
    return {"prompt": prompt, "seed": seed}


def _looking() -> dict[str, Any]:
    with gr.Row(elem_classes="chatui-stays chatui-which"):
        which = gr.Dropdown(["all"], label="Look at", elem_id="data-which", scale=2, min_width=180)
        go_to = gr.Number(
            1, label="Row", precision=0, minimum=1, scale=1, min_width=110, elem_id="data-row"
        )
    with gr.Row(elem_classes="chatui-stays chatui-pager"):
        where = gr.HTML()
        previous, following = (
            gr.Button(name, scale=0, min_width=110, size="md", elem_id=f"data-{name.lower()}")
            for name in ("Previous", "Next")
        )
    preview = gr.HTML(elem_id="data-preview")
    with gr.Row(elem_classes="chatui-stays chatui-actions"):
        edit, leave, flag, undo, redo = (
            gr.Button(name, scale=0, min_width=90, size="md", elem_id=f"row-{id_}")
            for id_, name in _ACTIONS.items()
        )
    with gr.Column() as editor:
        editing = gr.State(None)
    return {
        "where": where,
        "previous": previous,
        "following": following,
        "preview": preview,
        "edit": edit,
        "leave": leave,
        "flag": flag,
        "undo": undo,
        "redo": redo,
        "editor": editor,
        "editing": editing,
        "which": which,
        "go_to": go_to,
        "account": gr.HTML(elem_id="data-account"),
        **_restoring(),
        "health": gr.HTML(elem_id="data-health"),
        **_measuring(),
    }


def _measuring() -> dict[str, Any]:
    with gr.Accordion("What is in it", open=False, elem_id="data-measured"):
        with gr.Row():
            base = gr.Dropdown(
                [(each.title, each.name) for each in bases_on_offer()],
                value=STARTER,
                label="Base model",
                info="Whose tokens are counted; a local folder will do too.",
                allow_custom_value=True,
                elem_id="measured-by",
            )
            limit = gr.Number(
                TrainConfig().max_length,
                label="Max length",
                info="Tokens that training reads.",
                precision=0,
                minimum=16,
            )
        return {
            "base": base,
            "limit": limit,
            "count": gr.Button("Count all", visible=False, elem_id="count-all"),
            "measuring_problem": gr.HTML(visible=False),
            "measured": gr.HTML(),
        }


def _restoring() -> dict[str, Any]:
    with gr.Accordion("Bring removed rows back", open=False, elem_id="data-restoring") as box:
        step = gr.Dropdown(label="Removed by", elem_id="removed-by")
        rows = gr.Dropdown(
            label="Rows",
            info="What comes back is mended like the others, but no step removes it again.",
            multiselect=True,
            elem_id="removed-rows",
        )
        with gr.Row():
            chosen = gr.Button("Restore", scale=0, min_width=130, elem_id="restore")
            whole = gr.Button("Restore all of this step", scale=0, min_width=260)
    return {
        "restoring": box,
        "removed_by": step,
        "removed_rows": rows,
        "restore": chosen,
        "restore_all": whole,
    }


def _saving() -> dict[str, Any]:
    with gr.Row(visible=False, elem_classes="chatui-save") as saving:
        name = gr.Textbox(
            label="Name of the dataset", max_lines=1, max_length=60, elem_id="data-name"
        )
        with gr.Column(scale=1, min_width=240):
            save = gr.Button("Save version", variant="primary", elem_id="save-version")
            status = gr.HTML()
    return {"saving": saving, "name": name, "save": save, "status": status}


def _keeping() -> dict[str, Any]:
    with gr.Accordion("Rename or delete", open=False) as keeping:
        with gr.Row():
            new_name = gr.Textbox(label="New name", max_lines=1, max_length=60)
            rename = gr.Button("Rename version", scale=0, min_width=190)
        delete = gr.Button("Delete version", scale=0, min_width=190, elem_id="delete-version")
        with gr.Row(visible=False, elem_classes="chatui-stays") as asking:
            question = gr.HTML()
            confirm = gr.Button("Delete it", variant="stop", scale=0, min_width=130)
            keep = gr.Button("Keep it", scale=0, min_width=130)
    return {
        "keeping": keeping,
        "new_name": new_name,
        "rename": rename,
        "delete": delete,
        "asking": asking,
        "question": question,
        "confirm": confirm,
        "keep": keep,
    }
