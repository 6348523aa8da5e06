"""Take all rows through the steps: each by itself, then compared with the others.

However many rows there are: a row that was mended is put aside on disk, and what it is compared by
are a few numbers.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import merge
from pathlib import Path
from typing import Any

from chatui.conversation import Turn
from chatui.data.cleaning.account import (
    MAX_EXAMPLES,
    Account,
    CleanRow,
    Example,
    RemovedRow,
)
from chatui.data.cleaning.cleaner import Notes, Removed, RowCleaner
from chatui.data.cleaning.comparisons import COMPARISONS, Found
from chatui.data.cleaning.decisions import as_text, left_out_row, reworded_row, texts_of
from chatui.data.cleaning.keys import Keys
from chatui.data.cleaning.parameters import Parameters
from chatui.data.cleaning.steps import ALL_STEPS, DEFAULT_STEPS, EDITED
from chatui.data.editing import Edits
from chatui.data.formats import RawRow
from chatui.data.spool import Spool

_NO_CHOICES = Parameters()
_ROWS, _CHARACTERS = 2000, 2**20  # that are judged together
_BITS = {step.name: 1 << position for position, step in enumerate(ALL_STEPS)}

_Said = tuple[tuple[str, str], ...]
_Change = tuple[str, str, str]  # step, text before and after
# A row that was mended: number, turns before and after (if others), label, rejected, changes.
_Put = tuple[int, _Said, _Said | None, str | None, str | None, tuple[_Change, ...]]


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
    cleaning = Cleaning(names, parameters, restored, edits=edits)
    for row in rows:
        cleaning.reserve(row)
    for row in rows:
        cleaning.add(row)
    cleaning.compare()
    return Account(
        kept=list(cleaning.kept()),
        removed=list(cleaning.removed()),
        changed=cleaning.changed(),
        examples=cleaning.examples(),
        mask=cleaning.mask,
        masked_values=cleaning.masked_values,
    )


class Cleaning:
    """Rows on their way through the steps: reserve and add all of them, compare, then ask."""

    def __init__(
        self,
        names: Collection[str],
        parameters: Parameters = _NO_CHOICES,
        restored: Collection[int] = (),
        folder: Path | None = None,
        *,
        edits: Edits = (),
    ) -> None:
        self._names, self._parameters = names, parameters
        self._restored = frozenset(restored)
        self._tools = RowCleaner(names, parameters)
        self.mask = self._tools.mask
        if self.mask:
            self.mask.put_values_in(folder)
        self.keys = Keys(compares_replies="conflicts" in names)
        self._folder = folder
        self._waiting: list[tuple[RawRow, CleanRow | Removed, Notes]] = []
        self._characters = 0  # of the rows that wait
        self._put: Spool[_Put] = Spool(folder)
        self._gone: Spool[RemovedRow] = Spool(folder)
        self._steps = array("I")  # by position, the steps that changed the row, as bits
        self._found: dict[str, Found] = {}
        self._aside: Spool[tuple[int, _Put]] | None = None  # what goes, once it was read
        self.is_kept: Any = None  # by position, once rows were compared
        self._edits = {edit.row: edit for edit in edits if edit.turns or edit.excluded}
        self._reworded: dict[int, CleanRow] = {}  # by position
        self._left_out: set[int] = set()  # positions
        self._revived: dict[int, RemovedRow] = {}  # by row number: removed, but for other words

    @property
    def masked_values(self) -> dict[str, str]:
        """What stands behind each placeholder."""
        return self.mask.values if self.mask else {}

    def reserve(self, row: RawRow) -> None:
        """Note which placeholders stand in the row already."""
        if self.mask:
            self.mask.reserve([*(turn.text for turn in row.turns), row.rejected or ""])

    def add(self, row: RawRow) -> None:
        """Mend the next row; it is judged with those that follow, and at last before comparing."""
        notes: Notes = {}
        found: CleanRow | Removed
        try:
            found = self._tools.cleaned(row, notes, row.row in self._restored)
        except Removed as removed:
            found = removed.with_traceback(None)
        if not self._tools.judges:
            self._put_aside(row, found, notes)
            return
        self._waiting.append((row, found, notes))
        self._characters += sum([len(turn.text) for turn in row.turns])
        if len(self._waiting) == _ROWS or self._characters > _CHARACTERS:
            self._judge()

    def _judge(self) -> None:
        """Judge the rows that wait for it, and put all of them aside."""
        waiting, self._waiting, self._characters = self._waiting, [], 0
        mended = [found for _, found, _ in waiting if isinstance(found, CleanRow)]
        gone = self._tools.judged([row for row in mended if row.row not in self._restored])
        for row, found, notes in waiting:
            self._put_aside(row, gone.get(row.row, found), notes)

    def _put_aside(self, row: RawRow, found: CleanRow | Removed, notes: Notes) -> None:
        if isinstance(found, Removed):
            gone = _gone(row, found.step, found.reason)
            self._gone.append(gone)
            edit = self._edits.get(row.row)
            if not edit or not edit.turns or edit.excluded:
                return
            self._revived[row.row] = gone
            found = CleanRow(row.row, edit.turns, edit.turns, row.label, row.rejected)
        self.keys.add(found)
        self._steps.append(sum(_BITS[name] for name in notes))
        self._put.append(_as_put(found, notes))

    def compare(self) -> None:
        """Find the rows that have to go for what others say."""
        import numpy

        self._judge()
        self.is_kept = numpy.ones(len(self.keys), bool)
        self._aside = None
        among = self.keys.without({*self._restored, *self._revived})
        for name in (name for name in COMPARISONS if name in self._names):
            found = COMPARISONS[name](self.keys, self.row, among, self._parameters)
            self._found[name] = found
            self.is_kept[found.gone] = False
            among = among[self.is_kept[among]]
        if self._edits:
            self._decide()

    def _decide(self) -> None:
        """Carry out what a person decided about single rows; see `decisions.py`."""
        import numpy

        if self.mask:
            for row in merge(self._gone, self._compared(), key=lambda row: row.row):
                self.masked(row)  # also those that come back: what they hold gets its numbers
            self.mask.reserve(texts_of(tuple(self._edits.values())))
        numbers = self.keys.rows
        for position in numpy.flatnonzero(numpy.isin(numbers, list(self._edits))).tolist():
            edit = self._edits[int(numbers[position])]
            if edit.turns and not edit.excluded:
                self._reword(position, edit.turns)
            elif edit.excluded and self.is_kept[position]:
                self._left_out.add(position)
                self.is_kept[position] = False

    def _reword(self, position: int, turns: Sequence[Turn]) -> None:
        gone = self._revived.get(int(self.keys.rows[position]))
        if gone is None and not self.is_kept[position]:
            row = self.row(position)
            gone = RemovedRow(row.row, "", "", row.before, label=row.label, rejected=row.rejected)
        was = self.masked(gone) if gone else self.row(position)
        row = reworded_row(was, turns, self._tools.fixed)
        self._reworded[position] = row
        self._steps[position] |= _BITS[EDITED.name]
        self.keys.put(position, row)
        self.is_kept[position] = True

    def kept(self) -> Iterator[CleanRow]:
        """The rows that stay, as they are now; those that go are put aside the first time."""
        aside: Spool[tuple[int, _Put]] = Spool(self._folder)
        for position, put in enumerate(self._put):
            if self.is_kept[position]:
                yield self._reworded.get(position) or _as_row(put)
            elif self._aside is None:
                aside.append((position, put))
        if self._aside is None:
            self._aside = aside

    def removed(self) -> Iterator[RemovedRow]:
        """The rows that go, in the file's order, masked where personal data is."""
        gone = self._compared()
        if len(self._gone):
            single = (row for row in self._gone if row.row not in self._revived)
            gone = merge(single, gone, key=lambda row: row.row)
        return map(self.masked, gone) if self.mask else gone

    def masked(self, row: RemovedRow) -> RemovedRow:
        """A removed row as it may be stored: without what was to be masked."""
        return row.with_texts(self.mask) if self.mask else row

    def changed(self) -> dict[str, int]:
        """How many of the rows that stay were changed, by step."""
        import numpy

        steps = numpy.array(self._steps, numpy.uint32)
        steps = steps[self.is_kept]
        counts = {s: int(numpy.count_nonzero(steps & numpy.uint32(b))) for s, b in _BITS.items()}
        return {step: count for step, count in counts.items() if count}

    def examples(self) -> dict[str, list[Example]]:
        """The first changes by each step, of rows that stay."""
        missing = {step: min(count, MAX_EXAMPLES) for step, count in self.changed().items()}
        found: dict[str, list[Example]] = {step: [] for step in missing}
        for position, put in enumerate(self._put):
            if not any(missing.values()):
                break
            for step, before, after in self._changes(position, put):
                if missing[step]:
                    missing[step] -= 1
                    found[step].append(Example(put[0], before, after))
        return found

    def _changes(self, position: int, put: _Put) -> tuple[_Change, ...]:
        """What changed the row, if it stays."""
        if not self.is_kept[position]:
            return ()
        row = self._reworded.get(position)
        by_hand = ((EDITED.name, as_text(row.before), as_text(row.turns)),) if row else ()
        return (*put[5], *by_hand)

    def row(self, position: int) -> CleanRow:
        """A mended row, whether it stays or goes."""
        return _as_row(self._put[position])

    def _compared(self) -> Iterator[RemovedRow]:
        """The rows that comparisons removed, or a person."""
        if self.is_kept.all():
            return
        every: Iterable[tuple[int, _Put]] = enumerate(self._put)
        reasons, at, name, reason = self._reasons(), -1, "", ""
        for position, put in every if self._aside is None else self._aside:
            if position in self._left_out:
                yield left_out_row(_as_row(put))
            elif not self.is_kept[position]:
                while at < position:
                    at, name, reason = next(reasons)
                yield RemovedRow(put[0], name, reason, _turns(put[1]), "", put[3], put[4])

    def _reasons(self) -> Iterator[tuple[int, str, str]]:
        """The rows that comparisons found, by position: by which, and why."""
        return merge(*(found.reasons(name, self.keys.rows) for name, found in self._found.items()))


def _gone(row: RawRow, step: str, reason: str) -> RemovedRow:
    return RemovedRow(row.row, step, reason, row.turns, label=row.label, rejected=row.rejected)


def _as_put(row: CleanRow, notes: Notes) -> _Put:
    before = tuple((turn.speaker, turn.text) for turn in row.before)
    same = row.turns is row.before or row.turns == row.before
    after = None if same else tuple((turn.speaker, turn.text) for turn in row.turns)
    changes = tuple((step, example.before, example.after) for step, example in notes.items())
    return row.row, before, after, row.label, row.rejected, changes


def _as_row(put: _Put) -> CleanRow:
    before = _turns(put[1])
    after = before if put[2] is None else _turns(put[2])
    return CleanRow(put[0], before, after, put[3], put[4])


def _turns(said: _Said) -> tuple[Turn, ...]:
    return tuple([Turn(speaker, text) for speaker, text in said])  # type: ignore[arg-type]
