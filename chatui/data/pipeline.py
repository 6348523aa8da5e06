"""From the records of a file to conversations, however many there are.

Reads in batches; keeps mended rows on disk and a few numbers of each in memory. A draft that a page
shows and a version of a million rows are made here, in the same way.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import merge
from pathlib import Path
from typing import Any, NamedTuple

from chatui.conversation import SPLITS, Conversation
from chatui.data.cleaning import ALL_STEPS, READ, Cleaning, CleanRow, Example, RemovedRow
from chatui.data.formats import RawRow
from chatui.data.grouping import Asked, Named
from chatui.data.mapping import Columns, Recognition, apply_mapping
from chatui.data.options import Options
from chatui.data.progress import Progress, Report
from chatui.data.questions import Questions, split_by_groups
from chatui.data.reading import no_rows
from chatui.data.records import BadRecord, BadRow, Batch, Reading, Record, as_raw
from chatui.data.spool import Spool
from chatui.data.strata import Labels
from chatui.data.threads import Joined, LeftOut, join, rows_of
from chatui.data.together import Threads, kept_together
from chatui.errors import NoUsableRow


class _Unread(NamedTuple):
    """A record that no conversation could be made of."""

    row: int
    reason: str
    raw: str
    field: str | None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that no conversation could be made of, and the column that is to blame if known."""

    row: int
    field: str | None
    reason: str


class Prepared:
    """What was made of a file: rows that are kept, removed or joined to others."""

    def __init__(
        self, reading: Reading, found: Recognition, options: Options, folder: Path | None = None
    ) -> None:
        self.file = reading.name
        self.kind = reading.kind
        self.options = options
        self.recognition = found
        self.columns: Columns = apply_mapping(found, dict(options.mapping), reading.name[:60])
        self.rows_read = 0
        self.joined: dict[int, int] = {}
        self.file_sha256 = ""
        self._reading, self._folder = reading, folder
        self._cleaning = Cleaning(
            options.steps, options.parameters, options.restored, folder, edits=options.edits
        )
        self._unread: Spool[_Unread] = Spool(folder)
        self._left_out = LeftOut()
        self._threads = Threads()

    def take(self, report: Report) -> None:
        """Read, mend, judge and compare all rows; raises NoUsableRow where none is left."""
        rows = self._threaded if self.columns.is_threaded else self._one_by_one
        if self._cleaning.mask:  # placeholders that stand in the file already are not given again
            for row in rows(report, is_first=True):
                self._cleaning.reserve(row)
        for row in rows(report, is_first=False):
            self._cleaning.add(row)
        report(Progress("comparing", 0, 1, self.rows_read))
        self._cleaning.compare()
        report(Progress("comparing", 1, 1, self.rows_read))
        if not self.rows_read:
            raise no_rows(self._reading)
        if not self.kept_count:
            first = next(self.removed())
            reason = f"Row {first.row}: {first.reason}."
            raise NoUsableRow(self.file[:60], self.rows_read, reason)

    @property
    def kept_count(self) -> int:
        """How many rows are kept."""
        return int(self._cleaning.is_kept.sum())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken for granted, or left out on purpose."""
        taken = () if self.options.mapping else self.recognition.notes
        return (*self._reading.notes, *taken, *self._left_out.notes())

    @property
    def masked_values(self) -> dict[str, str]:
        """What stands behind each placeholder."""
        return self._cleaning.masked_values

    def kept(self) -> Iterator[CleanRow]:
        """The rows that stay."""
        return self._cleaning.kept()

    def removed(self) -> Iterator[RemovedRow]:
        """The rows that go, in the file's order, as they may be stored."""
        unread = (RemovedRow(u.row, READ.name, u.reason, raw=u.raw) for u in self._unread)
        masked = map(self._cleaning.masked, unread)
        rows = merge(masked, self._cleaning.removed(), key=lambda row: row.row)
        if not self._threads:
            return rows
        return (replace(row, thread=self._threads.of(row.row)) for row in rows)

    def quarantined(self, removed: Iterable[RemovedRow]) -> Iterator[Quarantined]:
        """Those of the removed rows that could not be read, with the columns to blame."""
        unread = (row for row in removed if row.step == READ.name)
        for row, found in zip(unread, self._unread, strict=False):
            yield Quarantined(row.row, found.field, row.reason)

    def accounts_for(self, removed: Iterable[int]) -> bool:
        """Whether each record of the file is in one place, given the rows that were removed."""
        import numpy

        places = numpy.zeros(self.rows_read + 1, numpy.uint8)
        keys = self._cleaning.keys
        for rows in (keys.rows[self._cleaning.is_kept].tolist(), removed, self.joined):
            for row in rows:
                places[row] += 1
        return bool((places[1:] == 1).all()) and not places[0]

    def changed(self) -> dict[str, int]:
        """How many of the kept rows were changed, by step in their order."""
        counts = self._cleaning.changed()
        return {step.name: counts[step.name] for step in ALL_STEPS if step.name in counts}

    def examples(self) -> dict[str, tuple[Example, ...]]:
        """The first changes by each step."""
        return {step: tuple(shown) for step, shown in self._cleaning.examples().items()}

    def splits(self, locked: Collection[str] = ()) -> Sequence[int]:
        """The split of each kept row, as its place in SPLITS; see `split_by_groups`."""
        return split_by_groups(self._questions, self.options, locked)

    def locked_keys(self, splits: Sequence[int]) -> set[str]:
        """What names the test items in later versions: their groups, as cleaned and as read."""
        import numpy

        is_tested = numpy.frombuffer(bytes(splits), numpy.uint8) == SPLITS.index("test")
        return self._questions.named(is_tested)

    def conversations(self, splits: Sequence[int]) -> Iterator[Conversation]:
        """The kept rows as they are stored."""
        names = _names(self._cleaning.keys.turns[self._cleaning.is_kept])
        rows = zip(self.kept(), names, self._questions.groups.by_row(), splits, strict=True)
        for row, name, group, split in rows:
            yield Conversation(
                id=name,
                turns=row.turns,
                split=SPLITS[split],
                rejected=row.rejected,
                label=row.label,
                group=group,
                file=self.file,
                row=row.row,
                thread=self._threads.of(row.row),
            )

    @cached_property
    def _questions(self) -> Questions:
        """What the kept rows ask; read once, when all comparisons are made."""
        asked, labels, threads = Asked(self._folder), Labels(), array("Q")
        for row in self.kept():
            asked.add(row.turns)
            labels.add(row.label)
            if self._threads:
                threads.append(self._threads.number_of(row.row))
        keys, is_kept = self._cleaning.keys, self._cleaning.is_kept
        groups = keys.groups if is_kept.all() else keys.groups[is_kept]
        together = kept_together(asked.groups(groups), threads)
        return Questions(together, labels, groups, *keys.were(is_kept))

    def _one_by_one(self, report: Report, is_first: bool) -> Iterator[RawRow]:
        """A conversation of each record; what is none is noted at the last time."""
        for batch in self._batches(report, is_first):
            found = rows_of(batch.good, self.columns)
            if not is_first:
                self._note([*map(_of_bad, batch.bad), *map(_of_refused, found.refused)])
            yield from found.rows

    def _threaded(self, report: Report, is_first: bool) -> Iterator[RawRow]:
        """Conversations of several records each, in the order of the last of them."""
        import numpy

        records = _Records(self._folder)
        unread: list[_Unread] = []
        for batch in self._batches(report, is_first):
            unread += map(_of_bad, batch.bad)
            for record in batch.good:
                records.spool.append((record.row, record.values))
        rows: Spool[RawRow] = Spool(self._folder)
        found = Joined(rows)
        join(records, self.columns, found)
        if not is_first:
            self.joined = found.joined
            self._note([*unread, *map(_of_refused, found.refused)])
        order = numpy.argsort([row.row for row in rows], kind="stable")
        yield from (rows[int(position)] for position in order)

    def _batches(self, report: Report, is_first: bool) -> Iterator[Batch]:
        rows = 0
        for batch in self._reading.batches():
            rows += len(batch.good) + len(batch.bad)
            if not is_first:
                self._left_out.count(batch.good, self.columns)
                self._threads.note(batch.good, self.columns.together)
                self.rows_read = rows
            report(Progress("reading", batch.read, self._reading.size, rows))
            yield batch

    def _note(self, unread: list[_Unread]) -> None:
        for one in sorted(unread):
            self._unread.append(one)


def _names(keys: Any) -> Iterator[str]:
    """Ids by content; where copies are kept, the later ones get a number."""
    import numpy

    ordered = numpy.sort(keys)
    copied = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    seen = dict.fromkeys(Named(copied), 0)
    for name in Named(keys):
        if name in seen:
            seen[name] += 1
        yield f"{name}-{seen[name]}" if seen.get(name, 0) > 1 else name


class _Records(Sequence[Record]):
    """Records that are put aside, to be read in another order than the file's."""

    def __init__(self, folder: Path | None) -> None:
        self.spool: Spool[tuple[int, dict[str, object]]] = Spool(folder)

    def __len__(self) -> int:
        return len(self.spool)

    def __iter__(self) -> Iterator[Record]:
        return (Record(*each) for each in self.spool)

    def __getitem__(self, at: Any) -> Any:
        return Record(*self.spool[at])


def _of_bad(bad: BadRecord) -> _Unread:
    return _Unread(bad.row, bad.reason, bad.raw, None)


def _of_refused(pair: tuple[Record, BadRow]) -> _Unread:
    record, problem = pair
    return _Unread(record.row, problem.reason, as_raw(record.values), problem.field)
