"""Carry out what a person decided about single rows: other words, left out.

A decision is about its row alone. Rows are judged and compared as the file has them, so that
mending a row never brings its copies back, and leaving one out never lets the next one in. What was
reworded by hand stays, whatever a step would say of it; its texts are mended like all others.

That happens when all rows are masked: the numbers of their placeholders then do not depend on what
is edited, and a recipe that holds the masked words gives the same bytes again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from chatui.conversation import Turn
from chatui.data.cleaning.account import CleanRow, RemovedRow
from chatui.data.cleaning.steps import EXCLUDED, ORDER
from chatui.data.editing import Edits

Fixed = Callable[[str], str]


def texts_of(edits: Edits) -> list[str]:
    """All that was written by hand."""
    return [turn.text for edit in edits for turn in edit.turns or ()]


def as_stored(edits: Edits, kept: Iterable[CleanRow]) -> Edits:
    """The edits with their words as cleaned: nothing in them that a step was to mask.

    Words for a row that is left out are let go.
    """
    wanted = {edit.row for edit in edits if edit.turns}
    cleaned = {row.row: row.turns for row in kept if row.row in wanted}
    return tuple(e.model_copy(update={"turns": cleaned.get(e.row)}) for e in edits)


def as_text(turns: Sequence[Turn]) -> str:
    """Turns as one text, for a comparison."""
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns)


def reworded_row(was: CleanRow | RemovedRow, turns: Sequence[Turn], fixed: Fixed) -> CleanRow:
    """A row with other words, be it one that is kept or one that a step removed."""
    after = tuple(replace(turn, text=fixed(turn.text)) for turn in turns)
    if isinstance(was, CleanRow):
        return replace(was, turns=after)
    rejected = was.rejected and fixed(was.rejected)
    # The lock of a test split asks what a conversation was before, and this was none.
    before = tuple(turns) if was.step == ORDER.name else was.turns
    return CleanRow(was.row, before, after, was.label, rejected)


def left_out_row(row: CleanRow) -> RemovedRow:
    """A row that a person left out."""
    gone = RemovedRow(row.row, EXCLUDED.name, "you left it out", row.turns)
    return replace(gone, label=row.label, rejected=row.rejected)
