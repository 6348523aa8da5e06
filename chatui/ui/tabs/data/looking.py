"""Which rows a visitor pages through, and what can be decided about the one that is shown."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import gradio as gr

from chatui.conversation import Conversation, Turn
from chatui.data.cleaning import ORDER, READ, CleanRow, RemovedRow
from chatui.data.editing import Edits, edit_of, flagged_rows
from chatui.data.prepare import Draft

ALL = "all"
_KINDS = {
    ALL: "All rows",
    "changed": "Changed by cleaning",
    "removed": "Removed",
    "edited": "Edited by hand",
    "flagged": "Flagged",
}


_Numbered = TypeVar("_Numbered", CleanRow, RemovedRow)


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of the row that is shown."""

    number: int
    turns: tuple[Turn, ...] = ()  # as they may be edited; none where nothing could be read
    removed_by: str | None = None  # a step
    is_edited: bool = False
    is_flagged: bool = False

    @property
    def is_decidable(self) -> bool:
        """Whether it can be edited, left out or flagged."""
        return bool(self.turns)

    @property
    def is_restorable(self) -> bool:
        """Whether it was removed and can come back as it is."""
        return self.removed_by not in (None, READ.name, ORDER.name) and bool(self.turns)


@dataclass(frozen=True, slots=True)
class Editing:
    """The row whose text is being changed in the form."""

    number: int
    turns: tuple[Turn, ...]


def row_of(draft: Draft, number: int) -> Row:
    """A row of a draft by its number; a row that is part of another is that other one."""
    number = draft.joined.get(number, number)
    edit = edit_of(draft.options.edits, number)
    marks = {"is_edited": edit.turns is not None, "is_flagged": edit.flagged}
    if kept := _at(draft.kept, number):
        return Row(number, kept.turns, None, **marks)
    gone = _at(draft.removed, number)
    return Row(number, gone.turns if gone else (), gone.step if gone else READ.name, **marks)


def row_of_version(rows: Sequence[Conversation], number: int, edits: Edits) -> Row:
    """A conversation of a saved version, by its place."""
    shown = rows[number - 1]
    edit = edit_of(edits, shown.row or 0) if shown.row else None
    is_flagged = edit is not None and edit.flagged
    return Row(number, shown.turns, None, bool(edit and edit.turns), is_flagged)


def numbers(draft: Draft, kind: str) -> Sequence[int]:
    """The numbers of the rows of a kind, in their order."""
    if kind == "changed":
        return [row.row for row in draft.kept if row.before != row.turns]
    if kind == "removed":
        return [row.row for row in draft.removed]
    if kind == "edited":
        return [edit.row for edit in draft.options.edits if edit.turns]
    if kind == "flagged":
        return flagged_rows(draft.options.edits)
    return range(1, draft.rows_read + 1)


def kinds(draft: Draft, chosen: str) -> gr.Dropdown:
    """The kinds of rows that there are, with how many of each."""
    counts = {kind: len(numbers(draft, kind)) for kind in _KINDS}
    choices = [(f"{_KINDS[k]}: {n:,}", k) for k, n in counts.items() if n or k == ALL]
    known = [kind for _, kind in choices]
    return gr.Dropdown(choices=choices, value=chosen if chosen in known else ALL, visible=True)


def step_from(shown: Sequence[int], position: int, step: int) -> int:
    """The row that is `step` further among those shown; the ends lead to each other."""
    if not shown:
        return position
    at = bisect_left(shown, position) if step <= 0 else bisect_right(shown, position) - 1
    return shown[(at + step) % len(shown)]


def where_html(shown: Sequence[int], position: int, total: int) -> str:
    """Which of how many is shown."""
    if len(shown) == total:
        return f"<strong>Conversation {position:,} of {total:,}</strong>"
    place = bisect_left(shown, position) + 1
    of = f"{place:,} of {len(shown):,}, " if position in shown else ""
    return f"<strong>{of}row {position:,}</strong>"


def buttons(row: Row) -> tuple[gr.Button, gr.Button, gr.Button]:
    """Edit, leave out (or bring back) and flag, as they apply to a row."""
    comes_back = row.removed_by is not None
    leaves = gr.Button(
        "Bring back" if comes_back else "Leave out",
        interactive=row.is_restorable if comes_back else row.is_decidable,
    )
    flag = gr.Button(
        "Take flag off" if row.is_flagged else "Flag",
        interactive=row.is_flagged or (row.is_decidable and not comes_back),
    )
    return gr.Button(interactive=row.is_decidable), leaves, flag


def _at(rows: Sequence[_Numbered], number: int) -> _Numbered | None:
    at = bisect_left(rows, number, key=lambda row: row.row)
    return rows[at] if at < len(rows) and rows[at].row == number else None
