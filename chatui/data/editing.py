"""What a person decides about single rows: other words, left out, flagged to be looked at again.

Knows turns and row numbers only; `cleaning/decisions.py` carries it out. A row number means
something for one file, so a recipe brings its edits to that very file alone.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from pydantic import (
    BaseModel,
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_serializer,
)

from chatui.conversation import Turn
from chatui.data.records import BadRow
from chatui.data.turns import in_order, without_blanks


class Edit(BaseModel, frozen=True, extra="forbid"):
    """What was decided about one row."""

    row: int = Field(ge=1, description="The how-manieth record of the file.")
    turns: tuple[Turn, ...] | None = Field(default=None, description="What it says instead.")
    excluded: bool = Field(default=False, description="Whether it is left out.")
    flagged: bool = Field(default=False, description="Whether to look at it again.")

    @property
    def says_something(self) -> bool:
        """Whether anything was decided."""
        return self.turns is not None or self.excluded or self.flagged

    @field_validator("turns", mode="before")
    @classmethod
    def _from_messages(cls, value: object) -> object:
        """Turns are written as messages: `{"role", "content"}`."""
        if not isinstance(value, list | tuple):
            return value
        return [_as_turn(item) if isinstance(item, dict) else item for item in value]

    @field_validator("turns")
    @classmethod
    def _are_a_conversation(cls, turns: tuple[Turn, ...] | None) -> tuple[Turn, ...] | None:
        if turns is None:
            return None
        try:
            return without_blanks(in_order(turns))
        except BadRow as problem:
            raise ValueError(problem.reason) from None

    @field_serializer("turns")
    def _to_messages(self, turns: tuple[Turn, ...] | None) -> list[dict[str, str]] | None:
        return None if turns is None else [turn.as_message() for turn in turns]

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What was not decided is not written."""
        return {name: value for name, value in handler(self).items() if value}


Edits = tuple[Edit, ...]  # in the order of their rows, one each


def checked_edits(edits: Iterable[Edit]) -> Edits:
    """The edits in the order of their rows; raises ValueError where a row stands twice."""
    found: dict[int, Edit] = {}
    for edit in edits:
        if edit.row in found:
            raise ValueError(f"row {edit.row} stands there twice")
        found[edit.row] = edit
    return tuple(edit for _, edit in sorted(found.items()) if edit.says_something)


def edit_of(edits: Edits, row: int) -> Edit:
    """What was decided about a row, which may be nothing."""
    return next((edit for edit in edits if edit.row == row), Edit(row=row))


def reworded(edits: Edits, row: int, turns: Sequence[Turn]) -> Edits:
    """The edits with other words for a row, which is then no longer left out.

    Raises a ValidationError where the turns are no conversation.
    """
    old = edit_of(edits, row)
    return _with(edits, [Edit(row=row, turns=tuple(turns), flagged=old.flagged)])


def left_out(edits: Edits, rows: Collection[int]) -> Edits:
    """The edits with rows left out."""
    return _with(edits, [_changed(edit_of(edits, row), excluded=True) for row in rows])


def brought_back(edits: Edits, rows: Collection[int]) -> Edits:
    """The edits with rows no longer left out; what they say instead stays."""
    return _with(edits, [_changed(edit_of(edits, row), excluded=False) for row in rows])


def flagged(edits: Edits, rows: Collection[int], is_on: bool = True) -> Edits:
    """The edits with rows flagged, or no longer."""
    return _with(edits, [_changed(edit_of(edits, row), flagged=is_on) for row in rows])


def flagged_rows(edits: Edits) -> list[int]:
    """The numbers of the rows that somebody wants to look at again."""
    return [edit.row for edit in edits if edit.flagged]


def excluded_rows(edits: Edits) -> set[int]:
    """The numbers of the rows that are left out."""
    return {edit.row for edit in edits if edit.excluded}


def _with(edits: Edits, changed: Sequence[Edit]) -> Edits:
    rows = {edit.row for edit in changed}
    return checked_edits([*(edit for edit in edits if edit.row not in rows), *changed])


def _changed(edit: Edit, **decided: bool) -> Edit:
    return edit.model_copy(update=decided)


def _as_turn(message: dict[str, object]) -> dict[str, object]:
    names = {"role": "speaker", "content": "text"}
    return {names.get(name, name): value for name, value in message.items()}
