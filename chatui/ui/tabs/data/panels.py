"""The side of the Data tab where a dataset is looked at and saved: components only."""

from typing import Any

import gradio as gr

from chatui.model.catalog import STARTER, bases_on_offer
from chatui.train.config import TrainConfig

_ACTIONS = {
    "edit": "Edit",
    "leave": "Leave out",
    "flag": "Flag",
    "undo": "Undo",
    "redo": "Redo",
}
_FORMS = {
    "messages": "Messages (JSON lines)",
    "pairs": "Questions and replies (JSON lines)",
    "sharegpt": "ShareGPT (JSON lines)",
    "alpaca": "Alpaca (JSON lines)",
    "parquet": "Parquet",
}


def looking() -> dict[str, Any]:
    """The rows one by one, their account, and what is in them."""
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


def saving() -> dict[str, Any]:
    """Save a version, and take it away as a file."""
    with gr.Row(visible=False, elem_classes="chatui-save") as saving:
        name = gr.Textbox(
            label="Name of the dataset", max_lines=1, max_length=60, elem_id="data-name"
        )
        with gr.Column(scale=1, min_width=240):
            save = gr.Button("Save version", variant="primary", elem_id="save-version")
            status = gr.HTML()
    with gr.Accordion("Download the version", open=False, elem_id="data-download"):
        with gr.Row():
            form = gr.Dropdown(
                [(title, name) for name, title in _FORMS.items()],
                value="messages",
                label="Format",
                elem_id="download-format",
            )
            download = gr.DownloadButton(
                "Save a version to download it", interactive=False, elem_id="download-version"
            )
        problem = gr.HTML(visible=False)
    return {
        "saving": saving,
        "name": name,
        "save": save,
        "status": status,
        "form": form,
        "download": download,
        "download_problem": problem,
    }


def keeping() -> dict[str, Any]:
    """Rename and delete a version."""
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
