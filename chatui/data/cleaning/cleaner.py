"""Take one row through the steps: mend its texts, put its turns in order, judge it."""

from collections.abc import Collection, Sequence

from chatui.conversation import Turn
from chatui.data.cleaning.account import CleanRow, Example
from chatui.data.cleaning.parameters import Parameters
from chatui.data.cleaning.pii import Masker
from chatui.data.cleaning.plain import is_plain
from chatui.data.cleaning.steps import ORDER, STEPS
from chatui.data.formats import RawRow
from chatui.data.records import BadRow
from chatui.data.turns import in_order, without_blanks

_PASSES = 8  # real texts need two; what still changes after these was made to

Notes = dict[str, Example]  # the first change of a row by each step


class Removed(Exception):
    """A row that has to go, by which step and why."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step, self.reason = step, reason


class RowCleaner:
    """The steps that work on single rows, made ready with their parameters."""

    def __init__(self, names: Collection[str], parameters: Parameters) -> None:
        steps = [step for step in STEPS if step.name in names]
        self._fixes = [(step.name, step.fix(parameters)) for step in steps if step.fix]
        self.judges = [(step.name, step.judge(parameters)) for step in steps if step.judge]
        self._skips_plain = not any(step.fix and step.rewords for step in steps)
        self._drops_blanks = "blank" in names
        self.mask = next((fix for _, fix in self._fixes if isinstance(fix, Masker)), None)

    def cleaned(self, row: RawRow, notes: Notes, stays: bool) -> CleanRow:
        """The row after the steps that mend; `notes` gets what changed. Raises Removed."""
        rejected = row.rejected and self._fixed(row.rejected, row.row, notes)
        turns, before = _ordered(row.turns, row.row, notes), None
        while turns is not before:  # a dropped turn may join two others, which are then one text
            turns = before = tuple(self._mended(turn, row.row, notes) for turn in turns)
            if self._drops_blanks:
                turns = _without_blanks(turns, row.row, notes, stays)
        return CleanRow(row.row, row.turns, turns, row.label, rejected)

    def judged(self, rows: Sequence[CleanRow]) -> dict[int, Removed]:
        """Which of some mended rows have to go, by row number."""
        gone: dict[int, Removed] = {}
        for name, judge in self.judges:
            left = [row for row in rows if row.row not in gone]
            reasons = judge([row.turns for row in left])
            found = zip(left, reasons, strict=True)
            gone |= {row.row: Removed(name, reason) for row, reason in found if reason}
        return gone

    def fixed(self, text: str) -> str:
        """A text after the steps that mend texts."""
        return self._fixed(text, 0, {})

    def _mended(self, turn: Turn, row: int, notes: Notes) -> Turn:
        text = self._fixed(turn.text, row, notes)
        return turn if text == turn.text else Turn(turn.speaker, text)

    def _fixed(self, text: str, row: int, notes: Notes) -> str:
        """The text after as many passes as change it, or as it was if they never end."""
        if self._skips_plain and is_plain(text):
            return text
        fixed = text
        found: Notes = {}
        for _ in range(_PASSES):
            before_pass = fixed
            for name, fix in self._fixes:
                after = fix(fixed)
                if after != fixed:
                    found.setdefault(name, Example(row, fixed, after))
                fixed = after
            if fixed == before_pass:
                for name, example in found.items():
                    notes.setdefault(name, example)
                return fixed
        return self.mask(text) if self.mask else text


def _ordered(turns: tuple[Turn, ...], row: int, notes: Notes) -> tuple[Turn, ...]:
    try:
        ordered = in_order(turns)
    except BadRow as problem:
        raise Removed(ORDER.name, problem.reason) from None
    if ordered != turns:
        notes[ORDER.name] = Example(row, _as_text(turns), _as_text(ordered))
    return ordered


def _without_blanks(
    turns: tuple[Turn, ...], row: int, notes: Notes, stays: bool
) -> tuple[Turn, ...]:
    try:
        left = without_blanks(turns)
    except BadRow as problem:
        if stays:
            return turns
        raise Removed("blank", problem.reason) from None
    if left == turns:
        return turns
    notes["blank"] = Example(row, _as_text(turns), _as_text(left))
    return left


def _as_text(turns: tuple[Turn, ...]) -> str:
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns)
