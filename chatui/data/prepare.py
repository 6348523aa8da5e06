"""From a file to a draft: read, recognised, cleaned and split, with nothing saved yet.

A draft depends on the file's content and the options only. The page asks for the same draft again
and again, so the last ones are kept.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from chatui.conversation import Conversation, Split
from chatui.data.cleaning import (
    ALL_STEPS,
    DEFAULT_STEPS,
    READ,
    CleanRow,
    Example,
    RemovedRow,
    checked_steps,
)
from chatui.data.mapping import Columns, Recognition, recognise
from chatui.data.options import DEFAULT_SEED as DEFAULT_SEED
from chatui.data.options import Options as Options
from chatui.data.origins import of_path
from chatui.data.pipeline import Prepared, Quarantined
from chatui.data.progress import Report, silent
from chatui.data.questions import Questions, count_splits, split_by_groups, split_names
from chatui.data.reading import HowToRead, collected, how_to_read, of_records, open_reading
from chatui.data.records import Reading, Record, Records
from chatui.data.splitting import Groups, group_of
from chatui.data.strata import Labels
from chatui.data.threads import share_that_fits
from chatui.data.turns import in_order
from chatui.errors import FileMissing, NoUsableRow

_SAMPLE = 200  # records looked at to recognise the columns
_SURE = 0.5  # share of them that must be conversations for nobody to be asked
LARGE = 16 * 2**20  # bytes; of a larger file a page shows the beginning
_SHOWN = 2**20  # bytes of that


@dataclass(frozen=True, slots=True)
class Draft:
    """A dataset that is not saved yet: every row read is kept, removed or joined to another."""

    file: str
    file_sha256: str
    kind: str  # what the file is, in words
    notes: tuple[str, ...]
    recognition: Recognition
    columns: Columns  # those in use
    options: Options
    kept: tuple[CleanRow, ...]
    removed: tuple[RemovedRow, ...]
    changed: dict[str, int]  # by step, rows that are kept
    examples: dict[str, tuple[Example, ...]]
    conversations: tuple[Conversation, ...]  # in the order of `kept`
    rows_read: int  # records of the file, as its reader counted them
    quarantined: tuple[Quarantined, ...]  # those of `removed` that were no conversation as read
    joined: Mapping[int, int]  # rows that are part of a conversation: the row it is counted as
    masked_values: dict[str, str]  # behind each placeholder; never stored with a version
    part_of: int | None = None  # bytes of the file, where only its beginning was read

    @property
    def removed_by(self) -> dict[str, int]:
        """How many rows each step removed, in the order of the steps."""
        names = [row.step for row in self.removed]
        return {s.name: names.count(s.name) for s in ALL_STEPS if s.name in names}

    @property
    def accounted(self) -> bool:
        """Whether each record of the file is in one place, and each count is that of its rows."""
        removed = [row.row for row in self.removed]
        places = [*(row.row for row in self.kept), *removed, *self.joined]
        refused = [row.row for row in self.removed if row.step == READ.name]
        return (
            sorted(places) == list(range(1, self.rows_read + 1))
            and sorted(row.row for row in self.quarantined) == sorted(refused)
            and sum(self.removed_by.values()) == len(removed)
            and sum(self.splits.values()) == len(self.kept)
            and all(count <= len(self.kept) for count in self.changed.values())
        )

    @property
    def splits(self) -> dict[Split, int]:
        """How many conversations are in each split."""
        return count_splits(c.split for c in self.conversations)


@dataclass(frozen=True, slots=True)
class _Read:
    sha256: str
    size: int  # bytes
    records: Records
    recognition: Recognition
    is_part: bool


def prepare(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    steps: Collection[str] = DEFAULT_STEPS,
    seed: int = DEFAULT_SEED,
    *,
    system: str | None = None,
    name: str | None = None,
) -> Draft:
    """Read, recognise, clean and split a file; `name` is what the user calls the file.

    Raises a ChatUIError when nothing in it can be used.
    """
    chosen = Options(
        mapping=tuple(sorted((mapping or {}).items())),
        steps=checked_steps(steps),
        seed=seed,
        system=(system or "").strip() or None,
    )
    return draft_of(path, chosen, name or path.name)


def draft_of(path: Path, options: Options, name: str) -> Draft:
    """The draft of a file by options; the last few are remembered until the file changes."""
    return _draft(path, _stamp(path), options, (name, False))


def preview_of(path: Path, options: Options, name: str) -> Draft:
    """The draft of a file, or of the beginning of a large one: a matter of a second or two."""
    stamp = _stamp(path)
    return _draft(path, stamp, options, (name, stamp[1] > LARGE))


def prepare_whole(
    path: Path,
    options: Options,
    name: str,
    *,
    folder: Path | None = None,
    report: Report = silent,
) -> Prepared:
    """Prepare a file of any size: what doesn't fit in memory lies in `folder`."""
    origin = of_path(path, name)
    reading = open_reading(origin, how_to_read(options))
    prepared = Prepared(reading, recognised(reading), options, folder)
    prepared.file = name
    prepared.take(report)
    prepared.file_sha256 = origin.sha256()
    return prepared


def recognise_file(
    path: Path,
    name: str | None = None,
    how: HowToRead = HowToRead(),  # noqa: B008 - frozen
) -> Recognition:
    """Which columns a file has and what they seem to hold, also where that is not enough.

    Of a large file, the beginning is looked at.
    """
    stamp = _stamp(path)
    return _read(path, stamp, (name or path.name, stamp[1] > LARGE), how).recognition


def recognised(reading: Reading) -> Recognition:
    """Which columns a file has, all of them, and what the first records say about them."""
    sample: list[Record] = []
    columns: tuple[str, ...] = ()
    for batch in reading.batches():
        columns = batch.columns
        sample += batch.good[: _SAMPLE - len(sample)]
        if reading.is_uniform and len(sample) >= _SAMPLE:
            break
    found = recognise(columns, sample)
    if not found.chosen.is_complete:
        return found
    fit = share_that_fits(sample, found.chosen)
    return replace(found, confidence=fit, is_sure=found.is_sure and fit >= _SURE)


def with_locked_test(draft: Draft, locked: Collection[str]) -> Draft:
    """The draft split so that locked groups are in the test split; see `locked_keys`."""
    import numpy

    if not locked:
        return draft
    keys = numpy.array([[int(key, 16) for key in _keys(row)] for row in draft.kept], numpy.uint64)
    asked = Questions(
        Groups.called(row.group or "" for row in draft.conversations),
        Labels(row.label for row in draft.kept),
        keys=keys[:, 0],
        were_at=numpy.arange(len(keys)),
        were=keys[:, 1],
    )
    splits = split_names(split_by_groups(asked, draft.options, locked))
    pairs = zip(draft.conversations, splits, strict=True)
    return replace(draft, conversations=tuple(replace(c, split=split) for c, split in pairs))


def locked_keys(draft: Draft) -> set[str]:
    """What names the test items in later versions: their groups, as cleaned and as read.

    Both, because the next version may be cleaned otherwise and its prompts then differ.
    """
    pairs = zip(draft.kept, draft.conversations, strict=True)
    return {key for row, c in pairs if c.split == "test" for key in _keys(row)}


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise FileMissing(str(path)[:120], (error.strerror or "it is gone").lower()) from error
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=2)
def _read(path: Path, stamp: tuple[int, int], shown: tuple[str, bool], how: HowToRead) -> _Read:
    name, is_part = shown
    origin = of_path(path, name)
    reading = open_reading(origin, replace(how, limit=_SHOWN if is_part else None))
    records = collected(reading)
    whole = of_records(reading.name, origin.size, records)
    sha256 = "" if reading.is_part else origin.sha256()
    return _Read(sha256, origin.size, records, recognised(whole), reading.is_part)


@lru_cache(maxsize=4)
def _draft(path: Path, stamp: tuple[int, int], options: Options, shown: tuple[str, bool]) -> Draft:
    name, is_part = shown
    read = _read(path, stamp, shown, how_to_read(options))
    records = read.records
    if not records.good:
        first = records.bad[0]
        reason = f"Row {first.row}: {first.reason}."
        raise NoUsableRow(name[:60], records.rows_read, reason)
    prepared = Prepared(of_records(name, read.size, records), read.recognition, options)
    prepared.take(silent)
    removed = tuple(prepared.removed())
    about = (_about_part(records.rows_read, read.size),) if read.is_part else ()
    return Draft(
        file=name,
        file_sha256=read.sha256,
        kind=records.kind,
        notes=(*about, *prepared.notes),
        recognition=read.recognition,
        columns=prepared.columns,
        options=options,
        kept=tuple(prepared.kept()),
        removed=removed,
        changed=prepared.changed(),
        examples=prepared.examples(),
        conversations=tuple(prepared.conversations(prepared.splits())),
        rows_read=records.rows_read,
        quarantined=tuple(prepared.quarantined(removed)),
        joined=prepared.joined,
        masked_values=prepared.masked_values,
        part_of=read.size if read.is_part else None,
    )


def _about_part(rows: int, size: int) -> str:
    return (
        f"The first {rows:,} rows of a file of {in_bytes(size)}; all of it is read when you save."
    )


def in_bytes(size: float) -> str:
    """A size in words: "2.1 GB"."""
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _keys(row: CleanRow) -> tuple[str, str]:
    return group_of(row.turns), group_of(in_order(row.before))
