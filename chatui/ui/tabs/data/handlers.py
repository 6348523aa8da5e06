"""The handlers of the Data tab: ask the core, let `drawing.py` show the answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from chatui.data.cleaning import RemovedRow
from chatui.data.prepare import recognise_file
from chatui.data.revising import bring_back, restore
from chatui.errors import ChatUIError, DatasetInUse
from chatui.services import Services
from chatui.ui.errors import error_card
from chatui.ui.state import Selection
from chatui.ui.tabs.data import choosing, describe, large, restoring
from chatui.ui.tabs.data.drawing import Changes, Drawing, told
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import (
    FILE,
    SAMPLE,
    Source,
    of_cleaning_again,
    of_upload,
    of_version,
    options_of,
)


class Handlers:
    """What happens in the Data tab."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._services = services
        self._store = services.datasets
        self._parts = parts
        self._drawing = Drawing(services, parts)

    def refresh(self, selected: Selection, source: Source) -> Changes:
        """Show the selected version, unless it is what is shown, or was left for a file."""
        if selected.dataset is None and self._store.all():
            return self._nothing()  # the page is loading: what it selects comes in a moment
        if source != Source() and source.version == selected.dataset:
            return {self._parts.picker: self._drawing.picker(source)}
        return self._drawing.other(self._selected_source(selected), selected)

    def pick(self, picked: str, selected: Selection, source: Source) -> Changes:
        """Show a version that was picked from the list."""
        if picked == FILE:
            return self._nothing()
        view = self._store.view(picked)
        return self._drawing.other(of_version(view), replace(selected, dataset=picked))

    def upload(self, path: str | None, selected: Selection, source: Source) -> Changes:
        """Show a dropped file, or say what is wrong with it and stay."""
        parts = self._parts
        if not path:
            return self._nothing()
        try:
            recognise_file(Path(path))
        except ChatUIError as error:
            return {parts.problem: told(error_card(str(error))), parts.file: None}
        shown = self._drawing.other(of_upload(path, selected.dataset), selected)
        return shown | {parts.file: None}

    def redraft(
        self, selected: Selection, source: Source, position: int, **chosen: object
    ) -> Changes:
        """Prepare the file again with other choices."""
        if not source.is_file:
            return self._nothing()
        changed = self._with_choices(source, chosen)
        if changed == source:
            return self._nothing()
        shown = self._drawing.show(changed, selected, position)
        # What is being typed is not overwritten.
        parts = self._parts
        typed = (parts.name, parts.prompt, parts.seed, *parts.fields)
        return {part: value for part, value in shown.items() if part not in typed}

    def turn_page(self, step: int) -> Callable[[Source, int, str], Changes]:
        """The handler that shows another row of the kind that is looked at, `step` further."""

        def turn(source: Source, position: int, kind: str) -> Changes:
            return self._drawing.page(source, position, kind, step)

        return turn

    def look_at(self, source: Source, kind: str) -> Changes:
        """Show the first row of a kind."""
        return self._drawing.page(source, 0, kind)

    def go_to(self, source: Source, number: float | None) -> Changes:
        """Show the row of a number."""
        return self._drawing.page(source, int(number)) if number else self._nothing()

    def save(self, selected: Selection, source: Source, **chosen: object) -> Changes:
        """Save what is shown as a version of the named dataset."""
        source = self._with_choices(source, chosen)
        draft = source.draft()
        if draft.part_of is not None:
            large.start(self._services, source)
            return self._nothing()
        view = self._store.save(draft, source.name)
        gr.Info(escape(f"Saved as {view.id}."), duration=4)
        return self._drawing.show(
            replace(source, version=view.id), replace(selected, dataset=view.id)
        )

    def clean_again(self, selected: Selection, source: Source) -> Changes:
        """Prepare the conversations of the shown version for the next one."""
        view = self._store.view(source.version or "")
        return self._drawing.other(of_cleaning_again(self._store, view), selected)

    def list_removed(self, step: str | None, source: Source) -> gr.Dropdown:
        """The rows that a step removed, to choose among."""
        return restoring.rows_of(self._removed(source), step)

    def restore(self, rows: list[int] | None, selected: Selection, source: Source) -> Changes:
        """Bring the chosen removed rows back: into the file that is prepared, or a new version."""
        return self._restored(rows, selected, source) if rows else self._nothing()

    def restore_all(self, step: str | None, selected: Selection, source: Source) -> Changes:
        """Bring back all that one step removed."""
        gone = restoring.restorable(self._removed(source))
        return self._restored([r.row for r in gone if r.step == step], selected, source)

    def _restored(self, rows: list[int], selected: Selection, source: Source) -> Changes:
        if source.is_file:
            options = bring_back(source.draft(), rows)
            return self._drawing.show(source.changed(options), selected)
        view = restore(self._store, source.version or "", rows)
        gr.Info(escape(f"Saved as {view.id}."), duration=4)
        return self._drawing.show(of_version(view), replace(selected, dataset=view.id))

    def _removed(self, source: Source) -> Sequence[RemovedRow]:
        if source.is_file:
            return source.draft().removed
        return self._store.removed_rows(source.version or "")

    def rename(self, name: str, selected: Selection, source: Source) -> Changes:
        """Give the selected version another name."""
        version = source.version or ""
        self._store.rename(version, name)
        if not source.is_file or self._store.view(version).sample:
            source = replace(source, name=name.strip())
        return self._drawing.show(source, selected)

    def ask(self, selected: Selection, source: Source) -> tuple[Any, Any, str]:
        """Ask in place before a version is deleted."""
        view = self._store.view(source.version or "")
        runs = [run for run in self._services.runs.all() if run.dataset == view.id]
        if busy := [run.id for run in runs if run.job.is_active]:
            raise DatasetInUse(view.id, busy[0])
        after = ""
        if runs:
            names = ", ".join(run.id for run in runs)
            after = f" {names} learned from it and could no longer be scored."
        size = describe.in_bytes(view.bytes)
        question = f"Delete {escape(view.name)} ({view.id}) for good? It frees {size}.{after}"
        return gr.Button(visible=False), gr.Row(visible=True), question

    def keep(self) -> tuple[Any, Any, str]:
        """Do not delete after all."""
        return gr.Button(visible=True), gr.Row(visible=False), ""

    def delete(self, selected: Selection, source: Source) -> Changes:
        """Delete the selected version, and show the newest of the others."""
        self._store.delete(source.version or "")
        left = replace(selected, dataset=None, run=None, score=None, study=None)
        views = self._store.all()
        if views:
            left = replace(left, dataset=views[-1].id)
        return self._drawing.other(self._selected_source(left), left)

    def _selected_source(self, selected: Selection) -> Source:
        known = {str(view.id): view for view in self._store.all()}
        if selected.dataset is not None and selected.dataset in known:
            return of_version(known[selected.dataset])
        return replace(SAMPLE, version=selected.dataset)

    def _with_choices(self, source: Source, chosen: dict[str, object]) -> Source:
        known = source.options
        chosen = choosing.settled(source, chosen)
        options = options_of(chosen, None)
        found = recognise_file(Path(source.path), source.file, replace(source, options=options).how)
        options = options_of(chosen, found.chosen)
        # What has no field here stays as a recipe has brought it.
        options = replace(options, stratify_by=known.stratify_by)
        if (options.member, options.sheet) == (known.member, known.sheet):  # its rows are the same
            options = replace(options, restored=known.restored, edits=known.edits)
        return replace(source.changed(options), name=str(chosen.get("name") or "").strip())

    def _nothing(self) -> Changes:
        return {self._parts.source: gr.skip()}
