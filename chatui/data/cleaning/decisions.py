"""Carry out what a person decided about single rows: other words, left out.

A decision is about its row alone. Rows are judged and compared as the file has them, so that
mending a row never brings its copies back, and leaving one out never lets the next one in. What was
reworded by hand stays, whatever a step would say of it; its texts are mended like all others.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from chatui.conversation import Turn
from chatui.data.cleaning.account import Account, CleanRow, Example, RemovedRow
from chatui.data.cleaning.steps import EDITED, EXCLUDED, ORDER
from chatui.data.editing import Edit, Edits

Fixed = Callable[[str], str]


def decide(
    account: Account, notes: dict[int, dict[str, Example]], edits: Edits, fixed: Fixed
) -> None:
    """Apply edits to cleaned rows; `notes` gets the rows that were reworded.

    To be called when all rows are masked: the numbers of their placeholders then do not depend on
    what is edited, and a recipe that holds the masked words gives the same bytes again.
    """
    by_row = {edit.row: edit for edit in edits if edit.turns or edit.excluded}
    if not by_row:
        return
    decided = [_decided(row, by_row.get(row.row), fixed) for row in account.kept]
    kept = [row for row in decided if isinstance(row, CleanRow)]
    removed = [row for row in decided if isinstance(row, RemovedRow)]
    for gone in account.removed:
        edit = by_row.get(gone.row)
        if edit and edit.turns and not edit.excluded:
            kept.append(_back(gone, edit.turns, fixed))
        else:
            removed.append(gone)
    account.kept = sorted(kept, key=lambda row: row.row)
    account.removed = sorted(removed, key=lambda row: row.row)
    for row in account.kept:
        if (edit := by_row.get(row.row)) and edit.turns:
            example = Example(row.row, as_text(row.before), as_text(row.turns))
            notes.setdefault(row.row, {})[EDITED.name] = example


def texts_of(edits: Edits) -> list[str]:
    """All that was written by hand."""
    return [turn.text for edit in edits for turn in edit.turns or ()]


def as_stored(edits: Edits, kept: Collection[CleanRow]) -> Edits:
    """The edits with their words as cleaned: nothing in them that a step was to mask.

    Words for a row that is left out are let go.
    """
    wanted = {edit.row for edit in edits if edit.turns}
    cleaned = {row.row: row.turns for row in kept if row.row in wanted}
    return tuple(e.model_copy(update={"turns": cleaned.get(e.row)}) for e in edits)


def as_text(turns: Sequence[Turn]) -> str:
    """Turns as one text, for a comparison."""
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns)


def _decided(row: CleanRow, edit: Edit | None, fixed: Fixed) -> CleanRow | RemovedRow:
    if edit is None:
        return row
    if edit.excluded:
        gone = RemovedRow(row.row, EXCLUDED.name, "you left it out", row.turns)
        return replace(gone, label=row.label, rejected=row.rejected)
    return replace(row, turns=_mended(edit.turns or (), fixed))


def _back(row: RemovedRow, turns: Sequence[Turn], fixed: Fixed) -> CleanRow:
    """A row that a step removed, as it was reworded."""
    rejected = row.rejected and fixed(row.rejected)
    # The lock of a test split asks what a conversation was before, and this was none.
    before = tuple(turns) if row.step == ORDER.name else row.turns
    return CleanRow(row.row, before, _mended(turns, fixed), row.label, rejected)


def _mended(turns: Sequence[Turn], fixed: Fixed) -> tuple[Turn, ...]:
    return tuple(replace(turn, text=fixed(turn.text)) for turn in turns)
