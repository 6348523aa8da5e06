"""Take all rows through the steps: each by itself, then compared with the others.

However many rows there are: a row that was mended is put aside on disk, and what it is compared by
are a few numbers.
"""

from array import array
from collections.abc import Collection, Iterator, Sequence
from heapq import merge
from pathlib import Path
from typing import Any, overload

from chatui.conversation import Turn
from chatui.data.cleaning.account import (
    MAX_EXAMPLES,
    Account,
    CleanRow,
    Example,
    RemovedRow,
)
from chatui.data.cleaning.cleaner import Notes, Removed, RowCleaner
from chatui.data.cleaning.keys import Keys
from chatui.data.cleaning.near import near_copies
from chatui.data.cleaning.parameters import Parameters
from chatui.data.cleaning.steps import ALL_STEPS, DEFAULT_STEPS
from chatui.data.formats import RawRow
from chatui.data.spool import Spool

_NO_CHOICES = Parameters()
_BITS = {step.name: 1 << position for position, step in enumerate(ALL_STEPS)}

_Said = tuple[tuple[str, str], ...]
# A row that was mended: number, turns before and after (if others), label, rejected, notes.
_Put = tuple[int, _Said, _Said | None, str | None, str | None, tuple[tuple[str, str, str], ...]]


def clean(
    rows: Sequence[RawRow],
    names: Collection[str] = DEFAULT_STEPS,
    parameters: Parameters = _NO_CHOICES,
    restored: Collection[int] = (),
) -> Account:
    """Clean rows by the named steps, in the steps' own order.

    `restored` are the numbers of rows that no step may remove; they are mended like the others and
    take no part in comparisons, so that bringing one back never removes another. Only a row that is
    no conversation at all stays out. Where personal data is masked, it is masked in the removed
    rows too. Raises a ChatUIError for a parameter that can't be used.
    """
    cleaning = Cleaning(names, parameters, restored)
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
    ) -> None:
        self._names, self._parameters = names, parameters
        self._restored = frozenset(restored)
        self._tools = RowCleaner(names, parameters)
        self.mask = self._tools.mask
        self.masked_values = self.mask.values if self.mask else {}
        self.keys = Keys(compares_replies="conflicts" in names)
        self._put: Spool[_Put] = Spool(folder)
        self._gone: Spool[RemovedRow] = Spool(folder)
        self._steps = array("Q")  # by position, the steps that changed the row, as bits
        self._found: dict[str, _Found] = {}
        self.is_kept: Any = None  # by position, once rows were compared

    def reserve(self, row: RawRow) -> None:
        """Note which placeholders stand in the row already."""
        if self.mask:
            self.mask.reserve([*(turn.text for turn in row.turns), row.rejected or ""])

    def add(self, row: RawRow) -> None:
        """Mend and judge the next row."""
        notes: Notes = {}
        try:
            clean_row = self._tools.cleaned(row, notes, self._restored)
        except Removed as removed:
            self._gone.append(_gone(row, removed.step, removed.reason))
            return
        self.keys.add(clean_row)
        self._steps.append(sum(_BITS[name] for name in notes))
        self._put.append(_as_put(clean_row, notes))

    def compare(self) -> None:
        """Find the rows that have to go for what others say."""
        import numpy

        self.is_kept = numpy.ones(len(self.keys), bool)
        among = self.keys.without(self._restored)
        for name in (name for name in _COMPARISONS if name in self._names):
            found = _COMPARISONS[name](self, among, self._parameters)
            self._found[name] = found
            self.is_kept[found.gone] = False
            among = among[self.is_kept[among]]

    def kept(self) -> Iterator[CleanRow]:
        """The rows that stay, as they are now."""
        for put, stays in zip(self._put, self.is_kept, strict=True):
            if stays:
                yield _as_row(put)

    def removed(self) -> Iterator[RemovedRow]:
        """The rows that go, in the file's order, masked where personal data is."""
        gone = merge(self._gone, self._compared(), key=lambda row: row.row)
        return map(self.masked, gone)

    def masked(self, row: RemovedRow) -> RemovedRow:
        """A removed row as it may be stored: without what was to be masked."""
        return row.with_texts(self.mask) if self.mask else row

    def changed(self) -> dict[str, int]:
        """How many of the rows that stay were changed, by step."""
        import numpy

        steps = numpy.frombuffer(self._steps, numpy.uint64) if self._steps else self.keys.rows
        steps = steps[self.is_kept]
        counts = {s: int(numpy.count_nonzero(steps & numpy.uint64(b))) for s, b in _BITS.items()}
        return {step: count for step, count in counts.items() if count}

    def examples(self) -> dict[str, list[Example]]:
        """The first changes by each step, of rows that stay."""
        missing = {step: min(count, MAX_EXAMPLES) for step, count in self.changed().items()}
        found: dict[str, list[Example]] = {step: [] for step in missing}
        for put, stays in zip(self._put, self.is_kept, strict=True):
            if not any(missing.values()):
                break
            for step, before, after in put[5] if stays else ():
                if missing[step]:
                    missing[step] -= 1
                    found[step].append(Example(put[0], before, after))
        return found

    def row(self, position: int) -> CleanRow:
        """A mended row, whether it stays or goes."""
        return _as_row(self._put[position])

    def _compared(self) -> Iterator[RemovedRow]:
        """The rows that comparisons removed."""
        if self.is_kept.all():
            return
        why = {name: iter(found) for name, found in self._found.items()}
        next_of = {name: next(reasons, None) for name, reasons in why.items()}
        for position, put in enumerate(self._put):
            if self.is_kept[position]:
                continue
            name = next(n for n, reason in next_of.items() if reason and reason[0] == position)
            _, twin, score = next_of[name] or (0, 0, 0.0)
            next_of[name] = next(why[name], None)
            row = _as_row(put)
            reason = _REASONS[name].format(row=self.keys.rows[twin], score=score)
            yield _gone(row, name, reason)


def _gone(row: RawRow | CleanRow, step: str, reason: str) -> RemovedRow:
    turns = row.turns if isinstance(row, RawRow) else row.before
    return RemovedRow(row.row, step, reason, turns, label=row.label, rejected=row.rejected)


def _as_put(row: CleanRow, notes: Notes) -> _Put:
    before = tuple((turn.speaker, turn.text) for turn in row.before)
    same = row.turns is row.before or row.turns == row.before
    after = None if same else tuple((turn.speaker, turn.text) for turn in row.turns)
    changes = tuple((step, example.before, example.after) for step, example in notes.items())
    return row.row, before, after, row.label, row.rejected, changes


def _as_row(put: _Put) -> CleanRow:
    before = tuple(Turn(*said) for said in put[1])  # type: ignore[arg-type]
    after = before if put[2] is None else tuple(Turn(*said) for said in put[2])  # type: ignore[arg-type]
    return CleanRow(put[0], before, after, put[3], put[4])


class _Found:
    """What a comparison found, by position: rows that go, each one's twin and likeness."""

    def __init__(self, gone: Any, twins: Any, scores: Any = None) -> None:
        import numpy

        order = numpy.argsort(gone, kind="stable")
        self.gone, self._twins = gone[order], twins[order]
        self._scores = None if scores is None else scores[order]

    def __iter__(self) -> Iterator[tuple[int, int, float]]:
        for place in range(len(self.gone)):
            score = 0.0 if self._scores is None else float(self._scores[place])
            yield int(self.gone[place]), int(self._twins[place]), score


class _Rows(Sequence[CleanRow]):
    """Some of the rows that were put aside, read when they are asked for."""

    def __init__(self, cleaning: Cleaning, positions: Any) -> None:
        self._cleaning, self._positions = cleaning, positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, at: int) -> CleanRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[CleanRow]: ...
    def __getitem__(self, at: int | slice) -> CleanRow | list[CleanRow]:
        if isinstance(at, slice):
            return [self._cleaning.row(int(position)) for position in self._positions[at]]
        return self._cleaning.row(int(self._positions[at]))


def _duplicates(cleaning: Cleaning, among: Any, _: Parameters) -> _Found:
    return _Found(*cleaning.keys.copies(among))


def _near(cleaning: Cleaning, among: Any, parameters: Parameters) -> _Found:
    import numpy

    found = near_copies(_Rows(cleaning, among), parameters.similarity)
    gone = numpy.array(list(found), numpy.int64)
    twins = numpy.array([twin for twin, _ in found.values()], numpy.int64)
    scores = numpy.array([score for _, score in found.values()])
    return _Found(among[gone], among[twins], scores)


def _conflicts(cleaning: Cleaning, among: Any, _: Parameters) -> _Found:
    return _Found(*cleaning.keys.conflicts(among))


_COMPARISONS = {"duplicates": _duplicates, "near": _near, "conflicts": _conflicts}
_REASONS = {
    "duplicates": "says the same as row {row}",
    "near": "says nearly the same as row {row} (similarity {score:.2f})",
    "conflicts": "answers the question of row {row} in other words",
}
