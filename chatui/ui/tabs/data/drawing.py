"""Draw a draft or a saved version into the components of the Data tab.

Each method returns the components it changes; what is shown is made again from the source, never
kept beside it.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from chatui.conversation import Conversation
from chatui.data.cleaning import STEPS, RemovedRow
from chatui.data.mapping import ROLES, Recognition
from chatui.data.prepare import Draft, recognise_file
from chatui.data.store import DatasetStore, DatasetView, below
from chatui.errors import ChatUIError
from chatui.services import Services
from chatui.ui.errors import error_card
from chatui.ui.state import Selection
from chatui.ui.tabs.data import choosing, describe, looking, restoring
from chatui.ui.tabs.data.looking import ALL, Row
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import FILE, SAMPLE, Source

Changes = dict[Any, Any]
_MAX_COLUMNS = 500
_LISTED = 20_000  # conversations of a version; more would take the page's memory


def told(html: str) -> gr.HTML:
    """What is only there when there is something to say."""
    return gr.HTML(html, visible=bool(html))


class Drawing:
    """What a source looks like."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._store = services.datasets
        self._parts = parts

    def other(self, source: Source, selected: Selection) -> Changes:
        """Another dataset than before: its rows are others, so no form stays open."""
        return self.show(source, selected) | {self._parts.editing: None}

    def show(
        self, source: Source, selected: Selection, position: int = 1, kind: str = ALL
    ) -> Changes:
        """Everything about a source, with one of its rows."""
        parts = self._parts
        changes: Changes = {
            parts.source: source,
            parts.picker: self.picker(source),
            parts.problem: told(""),
            parts.preparing: gr.Column(visible=source.is_file),
            parts.saving: gr.Row(visible=source.is_file),
            parts.again: gr.Button(visible=not source.is_file),
            parts.undo: gr.Button(interactive=bool(source.past)),
            parts.redo: gr.Button(interactive=bool(source.future)),
            **self._keeping(source),
        }
        if source.is_file:
            return changes | self._file(source, selected, position, kind)
        return changes | self._version(source, selected, position)

    def _version(self, source: Source, selected: Selection, position: int) -> Changes:
        parts = self._parts
        view = self._store.view(source.version or "")
        removed = self._store.removed_rows(view.id)
        return {
            parts.selection: replace(selected, unsaved=False),
            parts.notes: told(_only_first(view)),
            **{part: choosing.hidden() for part in (parts.member, parts.sheet, parts.encoding)},
            parts.facts: told(describe.facts_html(view) + describe.splits_html(view.splits, None)),
            parts.account: describe.account_html(
                view.rows_read, view.kept, removed, view.joined, added=view.added
            ),
            **self._restoring(removed, ()),
            parts.which: gr.Dropdown(visible=False),
            **self.page(source, position),
        }

    def _file(self, source: Source, selected: Selection, position: int, kind: str) -> Changes:
        parts = self._parts
        found = recognise_file(Path(source.path), source.file, source.how)
        changes: Changes = {
            parts.facts: told(""),
            parts.name: source.name,
            parts.prompt: source.options.system or "",
            parts.seed: source.options.seed,
            parts.by_content: source.options.split_by_content,
            parts.member: choosing.member_shown(source),
            parts.sheet: choosing.sheet_shown(source),
            parts.encoding: choosing.encoding_shown(source),
        }
        try:
            draft = source.draft()
        except ChatUIError as error:
            return changes | self._nothing_usable(source, found, str(error), selected)
        saved, sentence = self._saved(draft, source)
        if not sentence:
            draft = self._store.locked(draft, source.name)
        selected = replace(selected, unsaved=saved is None)
        source = replace(source, is_saved=saved is not None)
        if saved is not None:  # going on from here means going on with that version
            source = replace(source, version=saved.id)
            selected = replace(selected, dataset=saved.id)
        return changes | {
            parts.source: source,
            parts.selection: selected,
            parts.picker: self.picker(source),
            **self._keeping(source),
            parts.notes: told(describe.notes_html(draft.notes)),
            parts.splits: describe.splits_html(draft.splits, source.options.seed),
            parts.account: describe.account_html(
                draft.rows_read, len(draft.kept), draft.removed, len(draft.joined)
            ),
            **self._restoring(draft.removed, source.options.restored),
            parts.status: describe.status_html(saved, sentence),
            parts.save: gr.Button(
                variant="secondary" if saved else "primary", interactive=not sentence
            ),
            **self._columns(found, dict(draft.columns.as_dict()), draft.recognition.is_sure),
            **self._steps(draft),
            **self.page(source, position, kind),
        }

    def _nothing_usable(
        self, source: Source, found: Recognition, sentence: str, selected: Selection
    ) -> Changes:
        """A file that can be read, but has no conversation in it by the columns chosen."""
        parts = self._parts
        chosen = {**found.chosen.as_dict(), **dict(source.options.mapping)}
        return {
            parts.selection: replace(selected, unsaved=True),
            parts.problem: told(error_card(sentence)),
            parts.notes: told(""),
            parts.save: gr.Button(variant="primary", interactive=False),
            parts.status: describe.status_html(None, ""),
            **self._columns(found, chosen, is_sure=False),
            **self._no_rows(),
            **{part: "" for part in (parts.splits, parts.account, parts.preview, parts.where)},
            **{part: "" for part in parts.examples},
            parts.position: 1,
            parts.restoring: gr.Accordion(visible=False),
            **{
                switch: gr.Checkbox(label=step.title, value=step.name in source.options.steps)
                for step, switch in zip(STEPS, parts.switches, strict=True)
            },
        }

    def _saved(self, draft: Draft, source: Source) -> tuple[DatasetView | None, str]:
        """The version that holds this already, or what is wrong with the name."""
        try:
            return self._store.find(draft, source.name), ""
        except ChatUIError as error:
            return None, str(error)

    def _columns(self, found: Recognition, chosen: dict[str, str], is_sure: bool) -> Changes:
        parts = self._parts
        names = list(found.columns[:_MAX_COLUMNS])
        fields = zip(parts.columns, ROLES, strict=True)
        title = describe.columns_title(chosen)
        return {
            parts.columns_box: gr.Accordion(label=title, open=not is_sure),
            parts.about_columns: describe.columns_html(chosen, found),
            **{f: gr.Dropdown(choices=names, value=chosen.get(role)) for f, role in fields},
        }

    def _restoring(self, removed: Sequence[RemovedRow], restored: Sequence[int]) -> Changes:
        parts = self._parts
        is_any = bool(restoring.restorable(removed) or restored)
        return {
            parts.restoring: gr.Accordion(restoring.title(removed, restored), visible=is_any),
            parts.removed_by: restoring.steps_of(removed),
            parts.removed_rows: restoring.rows_of(removed, restoring.first_step(removed)),
        }

    def _steps(self, draft: Draft) -> Changes:
        chosen = draft.options.parameters.model_dump()
        shown = (", ".join(v) if isinstance(v, tuple) else v for v in chosen.values())
        changes: Changes = dict(zip(self._parts.fields, shown, strict=True))
        rows = zip(self._parts.choices, (s for s in STEPS if s.parameters), strict=True)
        changes |= {row: gr.Row(visible=s.name in draft.options.steps) for row, s in rows}
        fields = zip(STEPS, self._parts.switches, self._parts.examples, strict=True)
        for step, switch, examples in fields:
            is_on = step.name in draft.options.steps
            changed = draft.changed.get(step.name, 0)
            removed = [row for row in draft.removed if row.step == step.name]
            label = describe.step_label(step.title, changed, len(removed), is_on)
            changes[switch] = gr.Checkbox(label=label, value=is_on)
            changes[examples] = describe.examples_html(
                step.description, draft.examples.get(step.name, ()), removed
            )
        return changes

    def page(self, source: Source, position: int, kind: str = ALL, step: int = 0) -> Changes:
        """The row that is `step` further than a position, among those of a kind."""
        parts = self._parts
        if source.is_file:
            draft = source.draft()
            total = draft.rows_read
            shown = looking.numbers(draft, kind) or range(1, total + 1)
            position = looking.step_from(shown, min(max(position, 1), total), step)
            preview = describe.row_html(draft, position)
            kinds = {parts.which: looking.kinds(draft, kind)}
        else:
            rows = self.conversations(self._store.view(source.version or ""))
            total, kinds = len(rows), {}
            shown = range(1, total + 1)
            position = looking.step_from(shown, min(max(position, 1), total), step)
            preview = describe.version_html(rows, position)
        row = self.row(source, position)
        buttons = zip((parts.edit, parts.leave, parts.flag), looking.buttons(row), strict=True)
        return {
            parts.position: position,
            parts.go_to: position,
            parts.where: looking.where_html(shown, position, total),
            parts.preview: describe.marks_html(row.is_edited, row.is_flagged) + preview,
            **dict(buttons),
            **kinds,
        }

    def row(self, source: Source, position: int) -> Row:
        """What is known of a row."""
        if source.is_file:
            return looking.row_of(source.draft(), position)
        view = self._store.view(source.version or "")
        edits = self._store.recipe(view.id).edits
        return looking.row_of_version(self._store.rows(view.id), position, edits)

    def _no_rows(self) -> Changes:
        parts = self._parts
        return {
            parts.which: gr.Dropdown(visible=False),
            **{b: gr.Button(interactive=False) for b in (parts.edit, parts.leave, parts.flag)},
        }

    def picker(self, source: Source) -> gr.Dropdown:
        """The versions there are, and the file that is prepared if it is none of them."""
        choices = [
            (f"{view.name} ({view.id})", str(view.id)) for view in reversed(self._store.all())
        ]
        known = {value for _, value in choices}
        if source.is_file and not self._is_shown_as_version(source, known):
            choices.insert(0, (f"{source.file}, not saved", FILE))
            return gr.Dropdown(choices=choices, value=FILE)
        return gr.Dropdown(choices=choices, value=source.version)

    def _is_shown_as_version(self, source: Source, known: set[str]) -> bool:
        if source.version not in known:
            return False
        return source.path == SAMPLE.path or source.is_saved

    def _keeping(self, source: Source) -> Changes:
        """Renaming and deleting, for a version that there is."""
        parts = self._parts
        changes: Changes = {
            parts.asking: gr.Row(visible=False),
            parts.delete: gr.Button(visible=True),
        }
        try:
            view = self._store.view(source.version or "")
        except ChatUIError:
            return changes | {parts.keeping: gr.Accordion(visible=False)}
        size = describe.in_bytes(view.bytes)
        return changes | {
            parts.keeping: gr.Accordion(
                label=f"Rename or delete {view.id} ({size} on disk)", visible=True
            ),
            parts.new_name: view.name,
        }

    def below_system(self, draft: Draft) -> Sequence[Conversation]:
        """The conversations of a draft, each below its system prompt as the model will read it."""
        return [below(row, draft.options.system) for row in draft.conversations]

    def conversations(self, view: DatasetView) -> tuple[Conversation, ...]:
        """The conversations of a saved version, each below its system prompt."""
        return _conversations(self._store, view.id, view.sha256)


@lru_cache(maxsize=4)
def _conversations(store: DatasetStore, dataset_id: str, sha256: str) -> tuple[Conversation, ...]:
    """A version's conversations; kept for paging, and a version never changes."""
    return tuple(store.conversations(dataset_id, limit=_LISTED))


def _only_first(view: DatasetView) -> str:
    """What is said of a version that is too large to be looked at as a whole."""
    if view.kept <= _LISTED:
        return ""
    return describe.notes_html([f"The first {_LISTED:,} of {view.kept:,} conversations are shown."])
