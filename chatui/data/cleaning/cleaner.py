"""Take rows through the steps: mend each row, judge it, then compare it with the others."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from chatui.conversation import Turn
from chatui.data.cleaning.account import Account, CleanRow, Example, RemovedRow
from chatui.data.cleaning.decisions import decide, texts_of
from chatui.data.cleaning.near import near_copies
from chatui.data.cleaning.parameters import Parameters
from chatui.data.cleaning.pii import Masker
from chatui.data.cleaning.steps import DEFAULT_STEPS, ORDER, STEPS
from chatui.data.editing import Edits
from chatui.data.formats import RawRow
from chatui.data.records import BadRow
from chatui.data.splitting import group_of
from chatui.data.turns import in_order, without_blanks

_PASSES = 8  # real texts need two; what still changes after these was made to
_NO_CHOICES = Parameters()

_Notes = dict[str, Example]  # the first change of a row by each step
_Reasons = dict[int, str]  # why rows go, by their position among those that are compared


def clean(
    rows: Sequence[RawRow],
    names: Collection[str] = DEFAULT_STEPS,
    parameters: Parameters = _NO_CHOICES,
    restored: Collection[int] = (),
    *,
    edits: Edits = (),
) -> Account:
    """Clean rows by the named steps, in the steps' own order.

    `restored` are the numbers of rows that no step may remove; they are mended like the others and
    take no part in comparisons, so that bringing one back never removes another. Only a row that is
    no conversation at all stays out. Where personal data is masked, it is masked in the removed
    rows too. `edits` are what a person decided about single rows. Raises a ChatUIError for a
    parameter that can't be used.
    """
    tools = _Tools(rows, names, parameters)
    values = tools.mask.values if tools.mask else {}
    account = Account(mask=tools.mask, masked_values=values)
    notes: dict[int, _Notes] = {}
    for row in rows:
        try:
            account.kept.append(tools.cleaned(row, notes.setdefault(row.row, {}), restored))
        except _Removed as removed:
            account.removed.append(_gone(row, removed.step, removed.reason))
    for name in _COMPARISONS:
        if name in names:
            _compare(account, name, parameters, restored)
    account.removed = [account.masked(row) for row in sorted(account.removed, key=lambda r: r.row)]
    tools.reserve(texts_of(edits))
    decide(account, notes, edits, tools.fixed)
    for kept in account.kept:
        for step, example in notes[kept.row].items():
            account.note(step, example)
    return account


class _Removed(Exception):
    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step, self.reason = step, reason


class _Tools:
    """The steps that work on single rows, made ready with their parameters."""

    def __init__(
        self, rows: Sequence[RawRow], names: Collection[str], parameters: Parameters
    ) -> None:
        steps = [step for step in STEPS if step.name in names]
        self._fixes = [(step.name, step.fix(parameters)) for step in steps if step.fix]
        self._judges = [(step.name, step.judge(parameters)) for step in steps if step.judge]
        self._drops_blanks = "blank" in names
        self.mask = next((fix for _, fix in self._fixes if isinstance(fix, Masker)), None)
        if self.mask:
            for row in rows:
                self.mask.reserve([*(turn.text for turn in row.turns), row.rejected or ""])

    def cleaned(self, row: RawRow, notes: _Notes, restored: Collection[int]) -> CleanRow:
        """The row after its steps; `notes` gets what changed. Raises _Removed."""
        stays = row.row in restored
        rejected = row.rejected and self._fixed(row.rejected, row.row, notes)
        turns, before = _ordered(row.turns, row.row, notes), None
        while turns != before:  # a dropped turn may join two others, which are then one text
            before = turns
            turns = tuple(replace(t, text=self._fixed(t.text, row.row, notes)) for t in turns)
            if self._drops_blanks:
                turns = _without_blanks(turns, row.row, notes, stays)
        for name, judge in self._judges:
            if not stays and (reason := judge(turns)):
                raise _Removed(name, reason)
        return CleanRow(row.row, row.turns, turns, row.label, rejected)

    def reserve(self, texts: Sequence[str]) -> None:
        """Give none of the placeholders in these texts to another value."""
        if self.mask:
            self.mask.reserve(texts)

    def fixed(self, text: str) -> str:
        """A text after the steps that mend texts."""
        return self._fixed(text, 0, {})

    def _fixed(self, text: str, row: int, notes: _Notes) -> str:
        """The text after as many passes as change it, or as it was if they never end."""
        fixed = text
        found: _Notes = {}
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


def _ordered(turns: tuple[Turn, ...], row: int, notes: _Notes) -> tuple[Turn, ...]:
    try:
        ordered = in_order(turns)
    except BadRow as problem:
        raise _Removed(ORDER.name, problem.reason) from None
    if ordered != turns:
        notes[ORDER.name] = Example(row, _as_text(turns), _as_text(ordered))
    return ordered


def _without_blanks(
    turns: tuple[Turn, ...], row: int, notes: _Notes, stays: bool
) -> tuple[Turn, ...]:
    try:
        left = without_blanks(turns)
    except BadRow as problem:
        if stays:
            return turns
        raise _Removed("blank", problem.reason) from None
    if left != turns:
        notes["blank"] = Example(row, _as_text(turns), _as_text(left))
    return left


def _as_text(turns: tuple[Turn, ...]) -> str:
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns)


def _gone(row: RawRow | CleanRow, step: str, reason: str) -> RemovedRow:
    turns = row.turns if isinstance(row, RawRow) else row.before
    return RemovedRow(row.row, step, reason, turns, label=row.label, rejected=row.rejected)


def _compare(
    account: Account, name: str, parameters: Parameters, restored: Collection[int]
) -> None:
    """Move what a comparison finds from the kept rows to the removed ones."""
    compared = [row for row in account.kept if row.row not in restored]
    reasons = _COMPARISONS[name](compared, parameters)
    gone = {compared[position].row: reason for position, reason in reasons.items()}
    account.removed += [_gone(row, name, gone[row.row]) for row in account.kept if row.row in gone]
    account.kept = [row for row in account.kept if row.row not in gone]


def _duplicates(rows: Sequence[CleanRow], _: Parameters) -> _Reasons:
    first_of: dict[tuple[tuple[Turn, ...], str | None], int] = {}
    reasons: _Reasons = {}
    for position, row in enumerate(rows):
        first = first_of.setdefault((row.turns, row.rejected), row.row)
        if first != row.row:
            reasons[position] = f"says the same as row {first}"
    return reasons


def _near(rows: Sequence[CleanRow], parameters: Parameters) -> _Reasons:
    return {
        position: f"says nearly the same as row {rows[twin].row} (similarity {score:.2f})"
        for position, (twin, score) in near_copies(rows, parameters.similarity).items()
    }


def _conflicts(rows: Sequence[CleanRow], _: Parameters) -> _Reasons:
    first_of: dict[str, CleanRow] = {}
    reasons: _Reasons = {}
    for position, row in enumerate(rows):
        first = first_of.setdefault(group_of(row.turns), row)
        if first.turns[-1] != row.turns[-1]:
            reasons[position] = f"answers the question of row {first.row} in other words"
    return reasons


_COMPARISONS = {"duplicates": _duplicates, "near": _near, "conflicts": _conflicts}
