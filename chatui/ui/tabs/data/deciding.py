"""The handlers of single rows: edit, leave out, bring back, flag; undo and redo of any choice."""

from dataclasses import replace

from pydantic import ValidationError

from chatui.conversation import Turn
from chatui.data.editing import flagged, reworded
from chatui.data.revising import bring_back, leave_out
from chatui.errors import NoSuchEdit
from chatui.services import Services
from chatui.ui.state import Selection
from chatui.ui.tabs.data.drawing import Changes, Drawing
from chatui.ui.tabs.data.looking import Editing
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import Source, of_changing_rows


class RowHandlers:
    """What happens to the row that is shown.

    A saved version never changes: the first decision about a row of one opens a draft of it.
    """

    def __init__(self, services: Services, parts: Parts) -> None:
        self._store = services.datasets
        self._parts = parts
        self._drawing = Drawing(services, parts)

    def edit(self, source: Source, position: int) -> Editing | None:
        """Open the form with the words of the row."""
        row = self._drawing.row(source, position)
        return Editing(row.number, row.turns) if row.is_decidable else None

    def reword(
        self, editing: Editing, selected: Selection, source: Source, texts: tuple[str, ...]
    ) -> Changes:
        """Let the row say what was written; raises NoSuchEdit where that is no conversation."""
        said = [Turn(turn.speaker, text) for turn, text in zip(editing.turns, texts, strict=True)]
        shown = self._parts.editing
        if tuple(said) == editing.turns:
            return {shown: None}

        source = self._as_draft(source)
        try:
            edits = reworded(source.options.edits, editing.number, said)
        except ValidationError as error:
            problem = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise NoSuchEdit(editing.number, problem) from error
        source = source.changed(replace(source.options, edits=edits))
        return self._drawing.show(source, selected, editing.number) | {shown: None}

    def toggle_out(self, selected: Selection, source: Source, position: int, kind: str) -> Changes:
        """Leave the row out, or bring it back if it is."""
        source = self._as_draft(source)
        draft = source.draft()
        row = self._drawing.row(source, position)
        decide = leave_out if row.removed_by is None else bring_back
        options = decide(draft, [row.number])
        return self._drawing.show(source.changed(options), selected, position, kind)

    def toggle_flag(self, selected: Selection, source: Source, position: int, kind: str) -> Changes:
        """Flag the row, or take its flag off."""
        row = self._drawing.row(source, position)
        source = self._as_draft(source)
        edits = flagged(source.options.edits, [row.number], is_on=not row.is_flagged)
        options = replace(source.options, edits=edits)
        return self._drawing.show(source.changed(options), selected, position, kind)

    def undo(self, selected: Selection, source: Source, position: int, kind: str) -> Changes:
        """Take back what was chosen last."""
        return self._drawing.show(source.undone(), selected, position, kind)

    def redo(self, selected: Selection, source: Source, position: int, kind: str) -> Changes:
        """Choose again what was taken back last."""
        return self._drawing.show(source.redone(), selected, position, kind)

    def _as_draft(self, source: Source) -> Source:
        if source.is_file:
            return source
        return of_changing_rows(self._store, self._store.view(source.version or ""))
