"""The components of the Data tab, by name; made once, written by handlers."""

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from chatui.data.cleaning import STEP_NAMES, Parameters
from chatui.data.mapping import ROLES


@dataclass(frozen=True, slots=True)
class Parts:
    """What handlers write to; a handler returns a dict of those it changes."""

    selection: gr.State
    source: gr.State
    position: gr.State
    picker: gr.Dropdown
    file: gr.File
    address: gr.Textbox
    fetch: gr.Button
    address_status: gr.HTML
    problem: gr.HTML
    notes: gr.HTML
    member: gr.Dropdown  # of an archive
    sheet: gr.Dropdown  # of a workbook
    encoding: gr.Dropdown
    facts: gr.HTML
    preparing: gr.Column
    columns_box: gr.Accordion
    about_columns: gr.HTML
    columns: tuple[gr.Dropdown, ...]  # user, assistant, system
    switches: tuple[gr.Checkbox, ...]  # in the order of the steps
    examples: tuple[gr.HTML, ...]
    fields: tuple[Any, ...]  # in the order of the parameters
    choices: tuple[gr.Row, ...]  # around them, in the order of the steps that have some
    download_recipe: gr.DownloadButton
    recipe_file: gr.File
    recipe_notes: gr.HTML
    splits: gr.HTML
    prompt: gr.Textbox
    seed: gr.Number
    by_content: gr.Checkbox
    again: gr.Button
    where: gr.HTML
    previous: gr.Button
    following: gr.Button
    which: gr.Dropdown  # kind of rows
    go_to: gr.Number
    preview: gr.HTML
    edit: gr.Button
    leave: gr.Button
    flag: gr.Button
    undo: gr.Button
    redo: gr.Button
    editor: gr.Column
    editing: gr.State  # of an Editing, or None
    account: gr.HTML
    restoring: gr.Accordion
    removed_by: gr.Dropdown
    removed_rows: gr.Dropdown
    restore: gr.Button
    restore_all: gr.Button
    health: gr.HTML
    base: gr.Dropdown  # whose tokens are counted
    limit: gr.Number  # tokens that training reads
    count: gr.Button
    measuring_problem: gr.HTML
    measured: gr.HTML
    saving: gr.Row
    name: gr.Textbox
    save: gr.Button
    status: gr.HTML
    form: gr.Dropdown  # that a version is downloaded in
    download: gr.DownloadButton
    download_problem: gr.HTML
    keeping: gr.Accordion
    new_name: gr.Textbox
    rename: gr.Button
    delete: gr.Button
    asking: gr.Row
    question: gr.HTML
    confirm: gr.Button
    keep: gr.Button

    def all(self) -> list[Any]:
        """Everything that a handler may write to."""
        found: list[Any] = []
        for field in fields(self):
            value = getattr(self, field.name)
            found += value if isinstance(value, tuple) else [value]
        return found

    def chosen(self) -> dict[str, Any]:
        """What the visitor chooses, by the name that handlers take it by."""
        return {
            **dict(zip(STEP_NAMES, self.switches, strict=True)),
            **dict(zip(ROLES, self.columns, strict=True)),
            **dict(zip(Parameters.model_fields, self.fields, strict=True)),
            "seed": self.seed,
            "split_by_content": self.by_content,
            "prompt": self.prompt,
            "name": self.name,
            "encoding": self.encoding,
            "sheet": self.sheet,
            "member": self.member,
        }
