"""What rows ask, as numbers: whose split each row shares, and what names it in later versions."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chatui.conversation import SPLITS, Split
from chatui.data.grouping import as_name
from chatui.data.numbers import is_among
from chatui.data.options import Options
from chatui.data.splitting import Groups, content_splits_of, splits_of
from chatui.data.strata import Labels, strata_of


@dataclass(frozen=True, slots=True)
class Questions:
    """What each of some rows asks; the rows of a group belong in one split."""

    groups: Groups
    labels: Labels
    keys: Any  # 64-bit numbers: the question as cleaned
    were_at: Any  # rows that asked something else before they were cleaned,
    were: Any  # and what

    def ask(self, locked: Collection[str]) -> Any:
        """Which rows ask something that is locked, as cleaned or as read."""
        import numpy

        wanted = numpy.sort(numpy.array([int(key, 16) for key in locked], numpy.uint64))
        found = is_among(self.keys, wanted)
        found[self.were_at[is_among(self.were, wanted)]] = True
        return found

    def named(self, is_meant: Any) -> set[str]:
        """What names these rows in other versions: their questions, as cleaned and as read."""
        import numpy

        keys = self.keys[is_meant], self.were[is_meant[self.were_at]]
        return set(map(as_name, numpy.unique(numpy.concatenate(keys)).tolist()))


def split_by_groups(asked: Questions, options: Options, locked: Collection[str]) -> Sequence[int]:
    """The split of each row, as its place in SPLITS.

    A row whose question is locked, as cleaned or as read, is tested, with all of its group.
    """
    import numpy

    is_locked = numpy.zeros(len(asked.groups.names), bool)
    if locked:
        is_locked[asked.groups.of[asked.ask(locked)]] = True
    if options.split_by_content:
        splits = content_splits_of(asked.groups, options.seed, is_locked)
    else:
        strata = strata_of(asked.labels, options.stratify_by)
        splits = splits_of(asked.groups, options.seed, is_locked, strata)
    found: bytes = splits.tobytes()
    return found


def count_splits(splits: Iterable[Split]) -> dict[Split, int]:
    """How many conversations are in each split."""
    counts = Counter(splits)
    return {split: counts[split] for split in SPLITS}


def split_names(splits: Sequence[int]) -> tuple[Split, ...]:
    """Splits by their names."""
    return tuple(SPLITS[split] for split in splits)
