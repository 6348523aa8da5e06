"""The Data tab: a file in, looked at, cleaned and split, and saved as a version."""

from pathlib import Path
from typing import Any

import gradio as gr

from chatui.data.cleaning import STEPS, Parameters
from chatui.data.prepare import DEFAULT_SEED
from chatui.services import Services
from chatui.ui.errors import shows_errors
from chatui.ui.forms import form
from chatui.ui.state import Page
from chatui.ui.tabs.data import large, mixing
from chatui.ui.tabs.data.handlers import Handlers
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import Source

_QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_limit": None,
    "api_visibility": "private",
}
_CSS = (Path(__file__).parent / "data.css").read_text(encoding="utf-8")
_COLUMNS = (
    ("user", "User", "What the person says or asks."),
    ("assistant", "Reply", "What the model should learn to say."),
    ("system", "System prompt", "If each row has one of its own."),
)
_FILES = [".csv", ".tsv", ".json", ".jsonl", ".parquet", ".xlsx", ".txt", ".zip", ".gz"]


def build(services: Services, page: Page) -> None:
    """Pick or drop a dataset, see what cleaning does to it, save it as a version."""
    gr.HTML(f"<style>{_CSS}</style>", visible="hidden")
    parts = _components(page)
    handlers = Handlers(services, parts)
    everything = parts.all()
    chosen = parts.chosen()
    state = [page.selection, parts.source]

    gr.on([page.selection.change, page.blocks.load], handlers.refresh, state, everything, **_QUIET)
    parts.picker.input(handlers.pick, [parts.picker, *state], everything, **_QUIET)
    parts.file.upload(handlers.upload, [parts.file, *state], everything, **_QUIET)
    typed = (parts.seed, parts.prompt, parts.name, *parts.fields)
    gr.on(
        [part.input for part in parts.switches]
        + [part.input for part in (*parts.columns, parts.encoding)]
        + [event for part in typed for event in (part.blur, part.submit)],
        shows_errors(handlers.redraft),
        state,
        everything,
        inputs_kwargs={**chosen, "position": parts.position},
        **_QUIET,
    )
    for button, step in ((parts.previous, -1), (parts.following, 1)):
        button.click(
            handlers.turn_page(step),
            [parts.source, parts.position],
            [parts.position, parts.where, parts.preview],
            **_QUIET,
        )
    parts.save.click(
        shows_errors(handlers.save),
        state,
        everything,
        inputs_kwargs=chosen,
        api_name="save_version",
        trigger_mode="once",
    )
    parts.again.click(handlers.clean_again, state, everything, trigger_mode="once", **_QUIET)
    large.build(services, page)
    mixing.build(services, page)
    _wire_restoring(parts, handlers, state)
    _wire_keeping(parts, handlers, state)


def _wire_restoring(parts: Parts, handlers: Handlers, state: list[Any]) -> None:
    """List what a step removed, bring rows back, and undo it."""
    everything = parts.all()
    parts.removed_by.input(
        handlers.list_removed, [parts.removed_by, parts.source], parts.removed_rows, **_QUIET
    )
    for button, handler, chosen in (
        (parts.restore, handlers.restore, [parts.removed_rows]),
        (parts.restore_all, handlers.restore_all, [parts.removed_by]),
        (parts.undo, handlers.undo, []),
    ):
        button.click(
            shows_errors(handler), [*chosen, *state], everything, trigger_mode="once", **_QUIET
        )


def _wire_keeping(parts: Parts, handlers: Handlers, state: list[Any]) -> None:
    """Rename and delete; deleting asks in place."""
    everything = parts.all()
    rename, delete = shows_errors(handlers.rename), shows_errors(handlers.delete)
    gr.on(
        [parts.rename.click, parts.new_name.submit],
        rename,
        [parts.new_name, *state],
        everything,
        trigger_mode="once",
        **_QUIET,
    )
    asking = [parts.delete, parts.asking, parts.question]
    parts.delete.click(shows_errors(handlers.ask), state, asking, **_QUIET)
    parts.keep.click(handlers.keep, None, asking, **_QUIET)
    parts.confirm.click(delete, state, everything, trigger_mode="once", **_QUIET)


def _components(page: Page) -> Parts:
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
        "encoding": large.encoding_field(),
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
    with gr.Row(elem_classes="chatui-stays chatui-pager"):
        where = gr.HTML()
        previous, following = (
            gr.Button(name, scale=0, min_width=110, size="md", elem_id=f"data-{name.lower()}")
            for name in ("Previous", "Next")
        )
    return {
        "where": where,
        "previous": previous,
        "following": following,
        "preview": gr.HTML(elem_id="data-preview"),
        "account": gr.HTML(elem_id="data-account"),
        **_restoring(),
        "plot": gr.HTML(),
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
            undo = gr.Button("Undo", visible=False, scale=0, min_width=110, elem_id="undo-restore")
    return {
        "restoring": box,
        "removed_by": step,
        "removed_rows": rows,
        "restore": chosen,
        "restore_all": whole,
        "undo": undo,
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
