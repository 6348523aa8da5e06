"""The handlers of recipes and downloads: a recipe out, a recipe in, a version as a file."""

import hashlib
import json
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import cast

import gradio as gr

from chatui.data.exporting import Format, export
from chatui.data.recipe import fitted, read_recipe, recipe_of
from chatui.errors import ChatUIError, NotExportable
from chatui.services import Services
from chatui.ui.errors import error_card
from chatui.ui.state import Selection
from chatui.ui.tabs.data import describe
from chatui.ui.tabs.data.drawing import Changes, Drawing, told
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import Source, of_cleaning_again

MOST_BYTES = 50 * 2**20  # of a version on disk; what is larger is written by the command line
_ENDINGS = {"parquet": "parquet"}  # others are lines of JSON


class RecipeHandlers:
    """What happens with recipes, and with files to take away."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._store = services.datasets
        self._parts = parts
        self._drawing = Drawing(services, parts)
        # Gradio serves a copy of what lies here; this folder goes when the app ends.
        self._folder = Path(tempfile.mkdtemp(prefix="chatui-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def offer(self, source: Source, form: str) -> Changes:
        """Make the files ready that the buttons hand out: a click serves what was set before."""
        parts = self._parts
        return {
            parts.download_recipe: self._recipe(source),
            **self._version(source, form),
        }

    def use(self, path: str | None, selected: Selection, source: Source) -> Changes:
        """Take all choices from a recipe that was dropped, and say what of it does not fit."""
        parts = self._parts
        if not path:
            return {parts.recipe_notes: told("")}
        try:
            recipe = read_recipe(Path(path))
            if not source.is_file:
                source = of_cleaning_again(self._store, self._store.view(source.version or ""))
            options, notes = fitted(recipe, Path(source.path), source.file)
        except ChatUIError as error:
            return {parts.recipe_notes: told(error_card(str(error))), parts.recipe_file: None}
        shown = self._drawing.show(source.changed(options), selected)
        done = f'<p class="chatui-note" role="status">{_used(len(options.steps))}</p>'
        notes_html = describe.notes_html(notes)
        return shown | {parts.recipe_notes: told(done + notes_html), parts.recipe_file: None}

    def _recipe(self, source: Source) -> gr.DownloadButton:
        try:
            recipe = (
                recipe_of(source.draft())
                if source.is_file
                else self._store.recipe(source.version or "")
            )
        except ChatUIError:  # nothing usable is shown, and the page says so already
            return gr.DownloadButton(interactive=False)
        text = json.dumps(recipe.as_json(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        file = self._place(text, "recipe.json")
        file.write_text(text, encoding="utf-8")
        return gr.DownloadButton(value=str(file), interactive=True)

    def _version(self, source: Source, form: str) -> Changes:
        parts = self._parts
        changes: Changes = {parts.download_problem: told("")}
        if source.is_file and not source.is_saved:
            label = "Save a version to download it"
            return changes | {parts.download: gr.DownloadButton(label, interactive=False)}
        try:
            view = self._store.view(source.version or "")
            if view.bytes > MOST_BYTES:
                raise NotExportable(
                    view.id, "a download", f"it has {describe.in_bytes(view.bytes)}"
                )
            ending = _ENDINGS.get(form, "jsonl")
            file = self._place(f"{view.id} {view.sha256} {form}", f"{view.id}.{ending}")
            export(self._store, view.id, cast(Format, form), file)
        except ChatUIError as error:  # a format that has no place for something in it
            button = gr.DownloadButton("Download", interactive=False)
            return {parts.download_problem: told(error_card(str(error))), parts.download: button}
        label = f"Download {view.kept:,} conversations"
        button = gr.DownloadButton(label, value=str(file), interactive=True)
        return changes | {parts.download: button}

    def _place(self, content: str, name: str) -> Path:
        """A path of its own for each content, so that nobody is handed another's file."""
        folder = self._folder / hashlib.sha256(content.encode()).hexdigest()[:16]
        folder.mkdir(exist_ok=True)
        return folder / name


def _used(steps: int) -> str:
    count = "one cleaning step" if steps == 1 else f"{steps} cleaning steps"
    return (
        f"The recipe is in use: {count}, with its columns, seed and parameters. Undo takes it back."
    )
