"""From a file to a draft: read, recognised, cleaned and split, with nothing saved yet.

A draft depends on the file's content and the options only. The page asks for the same draft again
and again, so the last ones are kept.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from chatui.conversation import SPLITS, Conversation, Split, conversation_id
from chatui.data.cleaning import (
    ALL_STEPS,
    DEFAULT_STEPS,
    READ,
    Account,
    CleanRow,
    Example,
    Parameters,
    RemovedRow,
    checked_steps,
    clean,
)
from chatui.data.editing import Edits
from chatui.data.mapping import Columns, Recognition, apply_mapping, recognise
from chatui.data.reading import file_bytes, read_bytes
from chatui.data.records import BadRow, Record, Records, as_raw
from chatui.data.splitting import assign_splits, group_of
from chatui.data.threads import Joined, notes_of, rows_of, share_that_fits
from chatui.data.turns import in_order
from chatui.errors import FileMissing, NoUsableRow

DEFAULT_SEED = 42
_SAMPLE = 200  # records looked at to recognise the columns
_SURE = 0.5  # share of them that must be conversations for nobody to be asked


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may choose about a draft; hashable, and all of it goes into the recipe."""

    mapping: tuple[tuple[str, str], ...] = ()  # (role, column) where the user chose
    steps: tuple[str, ...] = DEFAULT_STEPS
    parameters: Parameters = Parameters()
    restored: tuple[int, ...] = ()  # rows that no step may remove
    edits: Edits = ()  # what was decided by hand about single rows
    seed: int = DEFAULT_SEED
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that no conversation could be made of, and the column that is to blame if known."""

    row: int
    field: str | None
    reason: str


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
        return count_splits(self.conversations)


@dataclass(frozen=True, slots=True)
class _Read:
    sha256: str
    records: Records
    recognition: Recognition


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
    return _draft(path, _stamp(path), options, name)


def recognise_file(path: Path, name: str | None = None) -> Recognition:
    """Which columns a file has and what they seem to hold, also where that is not enough."""
    return _read(path, _stamp(path), name or path.name).recognition


def with_locked_test(draft: Draft, locked: Collection[str]) -> Draft:
    """The draft split so that locked groups are in the test split; see `locked_keys`."""
    if not locked:
        return draft
    return replace(
        draft, conversations=_conversations(draft.kept, draft.file, draft.options.seed, locked)
    )


def locked_keys(draft: Draft) -> set[str]:
    """What names the test items in later versions: their groups, as cleaned and as read.

    Both, because the next version may be cleaned otherwise and its prompts then differ.
    """
    pairs = zip(draft.kept, draft.conversations, strict=True)
    return {key for row, c in pairs if c.split == "test" for key in _keys(row)}


def count_splits(conversations: Collection[Conversation]) -> dict[Split, int]:
    """How many conversations are in each split."""
    names = [conversation.split for conversation in conversations]
    return {split: names.count(split) for split in SPLITS}


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise FileMissing(str(path)[:120], (error.strerror or "it is gone").lower()) from error
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=2)
def _read(path: Path, stamp: tuple[int, int], name: str) -> _Read:
    data = file_bytes(path)
    records = read_bytes(data, name)
    recognition = recognise(records.columns, records.good[:_SAMPLE])
    if recognition.chosen.is_complete:
        fit = share_that_fits(records.good[:_SAMPLE], recognition.chosen)
        is_sure = recognition.is_sure and fit >= _SURE
        recognition = replace(recognition, confidence=fit, is_sure=is_sure)
    return _Read(hashlib.sha256(data).hexdigest(), records, recognition)


@lru_cache(maxsize=4)
def _draft(path: Path, stamp: tuple[int, int], options: Options, name: str) -> Draft:
    read = _read(path, stamp, name)
    records, recognition = read.records, read.recognition
    if not records.good:
        raise NoUsableRow(name[:60], records.rows_read, _first_reason(_unread(records)))
    columns = apply_mapping(recognition, dict(options.mapping), name[:60])
    found = rows_of(records.good, columns)
    account = clean(
        found.rows, options.steps, options.parameters, options.restored, edits=options.edits
    )
    unread = [*_unread(records), *map(_refused, found.refused)]
    removed = sorted([*map(account.masked, unread), *account.removed], key=lambda row: row.row)
    if not account.kept:
        raise NoUsableRow(name[:60], records.rows_read, _first_reason(removed))
    kept = tuple(account.kept)
    return Draft(
        file=name,
        file_sha256=read.sha256,
        kind=records.kind,
        notes=(
            *records.notes,
            *(() if options.mapping else recognition.notes),
            *notes_of(records.good, columns),
        ),
        recognition=recognition,
        columns=columns,
        options=options,
        kept=kept,
        removed=tuple(removed),
        changed=_in_order_of_steps(account),
        examples={name: tuple(shown) for name, shown in account.examples.items()},
        conversations=_conversations(kept, name, options.seed),
        rows_read=records.rows_read,
        quarantined=_quarantined(removed, found),
        joined=found.joined,
        masked_values=account.masked_values,
    )


def _unread(records: Records) -> list[RemovedRow]:
    return [RemovedRow(bad.row, READ.name, bad.reason, raw=bad.raw) for bad in records.bad]


def _refused(pair: tuple[Record, BadRow]) -> RemovedRow:
    record, problem = pair
    return RemovedRow(record.row, READ.name, problem.reason, raw=as_raw(record.values))


def _quarantined(removed: list[RemovedRow], found: Joined) -> tuple[Quarantined, ...]:
    """With the reasons as they may be shown: masked where personal data is."""
    fields = {record.row: problem.field for record, problem in found.refused}
    unread = [row for row in removed if row.step == READ.name]
    return tuple(Quarantined(row.row, fields.get(row.row), row.reason) for row in unread)


def _conversations(
    kept: tuple[CleanRow, ...], file: str, seed: int, locked: Collection[str] = ()
) -> tuple[Conversation, ...]:
    keys = [_keys(row) for row in kept]
    locked_groups = {pair[0] for pair in keys if not set(pair).isdisjoint(locked)}
    splits = assign_splits([group for group, _ in keys], seed, locked_groups)
    seen: dict[str, int] = {}
    conversations = []
    for row, (group, _), split in zip(kept, keys, splits, strict=True):
        name = conversation_id(row.turns)
        seen[name] = seen.get(name, 0) + 1
        number = f"-{seen[name]}" if seen[name] > 1 else ""  # only where copies are kept
        conversations.append(
            Conversation(
                id=name + number,
                turns=row.turns,
                split=split,
                rejected=row.rejected,
                label=row.label,
                group=group,
                file=file,
                row=row.row,
            )
        )
    return tuple(conversations)


def _keys(row: CleanRow) -> tuple[str, str]:
    return group_of(row.turns), group_of(in_order(row.before))


def _in_order_of_steps(account: Account) -> dict[str, int]:
    return {s.name: account.changed[s.name] for s in ALL_STEPS if s.name in account.changed}


def _first_reason(removed: list[RemovedRow]) -> str:
    first = removed[0]
    return f"Row {first.row}: {first.reason}."
