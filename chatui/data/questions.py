"""What rows ask, as numbers: whose split each row shares, and what names it in later versions."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chatui.conversation import SPLITS, Split
from chatui.data.options import Options
from chatui.data.splitting import assign_splits, splits_by_content, strata_of

_EVERY = 2000  # keys that are written out at once


@dataclass(frozen=True, slots=True)
class Questions:
    """What each of some rows asks; the rows of a group belong in one split."""

    groups: Sequence[str]
    keys: Any  # 64-bit numbers: the question as cleaned
    before: Any  # and as read
    labels: Sequence[str | None]


def split_by_groups(asked: Questions, options: Options, locked: Collection[str]) -> Sequence[int]:
    """The split of each row, as its place in SPLITS.

    A row whose question is locked, as cleaned or as read, is tested, with all of its group.
    """
    import numpy

    locked_groups: set[str] = set()
    if locked:
        keys = numpy.array([int(key, 16) for key in locked], numpy.uint64)
        is_locked = numpy.isin(asked.keys, keys) | numpy.isin(asked.before, keys)
        locked_groups = {asked.groups[row] for row in numpy.flatnonzero(is_locked).tolist()}
    if options.split_by_content:
        splits = splits_by_content(asked.groups, options.seed, locked_groups)
    else:
        strata = strata_of(asked.labels, options.stratify_by)
        splits = assign_splits(asked.groups, options.seed, locked_groups, strata)
    return bytes(map(SPLITS.index, splits))


def count_splits(splits: Iterable[Split]) -> dict[Split, int]:
    """How many conversations are in each split."""
    counts = Counter(splits)
    return {split: counts[split] for split in SPLITS}


def split_names(splits: Sequence[int]) -> tuple[Split, ...]:
    """Splits by their names."""
    return tuple(SPLITS[split] for split in splits)


def as_name(key: int) -> str:
    """A 64-bit key as ids and groups are written."""
    return f"{key:016x}"


def named(keys: Any) -> Iterator[str]:
    """Many keys as they are written."""
    for start in range(0, len(keys), _EVERY):
        yield from map(as_name, keys[start : start + _EVERY].tolist())
