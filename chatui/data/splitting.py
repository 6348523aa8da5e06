"""Split conversations into train, validation and test, by what is asked and not by the row.

Rows of one group stay together, or the test would hold what was learned; `grouping.py` says which
they are. Which group goes where depends on the seed and the groups alone, so it does not change
with the order of the rows. Works on names and labels, one for each row, never on rows.
"""

import hashlib
import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chatui.conversation import SPLITS, Split, Turn, said_hash
from chatui.data.strata import Labels, by_kind

TEST_SHARE = VALIDATION_SHARE = 0.1
_TRAIN, _VALIDATION, _TEST = map(SPLITS.index, ("train", "validation", "test"))
_BEGINNING = 8  # bytes of a hash that nearly always say where it stands
_EVERY = 2000  # rows or groups that are Python objects at once
_WORDS = re.compile(r"\w+")
_LOWERED = bytes(ord(c.lower()) if _WORDS.match(c) else 32 for c in map(chr, range(256)))


def group_of(turns: Sequence[Turn]) -> str:
    """What is said before the last reply, however it is spelt, as 16 hex digits.

    The system prompt does not count: the same question below two of them is the same question.
    """
    return key_of(plainly_said([turn for turn in turns if turn.speaker != "system"][:-1]))


def plainly_said(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """Who says what: words in lower case with one space between, without the system prompt."""
    return [(t.speaker, " ".join(words_of(t.text))) for t in turns if t.speaker != "system"]


def words_of(text: str) -> list[str]:
    """The words of a text in any case; what has none is taken for one."""
    if text.isascii():  # a tenth of the pattern's time, and the same words
        return text.encode().translate(_LOWERED).decode().split() or [text.strip()]
    return _WORDS.findall(text.casefold()) or [text.strip()]


def key_of(said: Sequence[tuple[str, str]]) -> str:
    """What names a question in all versions; see `group_of`."""
    return said_hash(said)[:16]


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of some rows: their names, and by row the position of its group among these."""

    names: Sequence[str]
    of: Any

    @classmethod
    def called(cls, names: Iterable[str]) -> "Groups":
        """The groups of rows by the name of each row's group."""
        import numpy

        numbers: dict[str, int] = {}
        of = [numbers.setdefault(name, len(numbers)) for name in names]
        return cls(list(numbers), numpy.array(of, numpy.int32))

    def by_row(self) -> Iterator[str]:
        """The name of each row's group."""
        for start in range(0, len(self.of), _EVERY):
            yield from map(self.names.__getitem__, self.of[start : start + _EVERY].tolist())


def assign_splits(
    groups: Sequence[str],
    seed: int,
    locked: Collection[str] = (),
    strata: Iterable[str | None] | None = None,
) -> tuple[Split, ...]:
    """The split of each row, given each row's group; see `splits_of`."""
    import numpy

    found = Groups.called(groups)
    is_locked = numpy.array([name in locked for name in found.names], bool)
    labels = strata if strata is None or isinstance(strata, Labels) else Labels(strata)
    return tuple(SPLITS[split] for split in splits_of(found, seed, is_locked, labels).tolist())


def splits_of(groups: Groups, seed: int, is_locked: Any, strata: Labels | None) -> Any:
    """The split of each row, as its place in SPLITS; locked groups go to the test split.

    Sizes come as near to 80/10/10 as whole groups allow, with `strata` for each of these. Two
    groups are train and test; one is train only.
    """
    import numpy

    sizes = numpy.bincount(groups.of, minlength=len(groups.names))
    ranked = _ranked(groups.names, seed)
    kinds = [ranked] if strata is None else list(by_kind(ranked, groups.of, strata))
    chosen = numpy.zeros(len(sizes), numpy.uint8)  # by group: for training, until it is taken
    chosen[is_locked] = _TEST
    _choose(_TEST, chosen, kinds, sizes)
    _choose(_VALIDATION, chosen, kinds, sizes)
    return chosen[groups.of]


def splits_by_content(
    groups: Sequence[str], seed: int, locked: Collection[str] = ()
) -> tuple[Split, ...]:
    """The split of each row, given each row's group; see `content_splits_of`."""
    import numpy

    found = Groups.called(groups)
    is_locked = numpy.array([name in locked for name in found.names], bool)
    return tuple(SPLITS[split] for split in content_splits_of(found, seed, is_locked).tolist())


def content_splits_of(groups: Groups, seed: int, is_locked: Any) -> Any:
    """The split of each row, as its place in SPLITS, by the seed and its group's name alone.

    Locked groups are tested. So rows that are added later move none, but those whose group they
    join. The shares are 80/10/10 on average only: of few rows there may be none to test.
    """
    import numpy

    chosen = numpy.frombuffer(bytes(_split_of(seed, name) for name in groups.names), numpy.uint8)
    return numpy.where(is_locked, _TEST, chosen)[groups.of].astype(numpy.uint8)


def _split_of(seed: int, group: str) -> int:
    place = int(rank(seed, group)[:12], 16) / 16**12
    if place < TEST_SHARE:
        return _TEST
    return _VALIDATION if place < TEST_SHARE + VALIDATION_SHARE else _TRAIN


def _choose(split: int, chosen: Any, kinds: Sequence[Any], sizes: Any) -> None:
    """Add groups of each kind to a split; what a kind has too much, the next has less."""
    groups = sum(map(len, kinds)) - (split == _VALIDATION)
    share, rows = (TEST_SHARE if split == _TEST else VALIDATION_SHARE), int(sizes.sum())
    if groups <= 1:
        return
    owed = max(0.0, 1 - rows * share)  # even of few rows one is tested
    free = int((chosen == _TRAIN).sum()) - 1  # one is for training
    for kind in kinds:
        owed += share * int(sizes[kind].sum())
        there = int(sizes[kind[chosen[kind] == split]].sum())
        open_ones = kind[chosen[kind] == _TRAIN][:free]
        taken = open_ones[_nearest(sizes[open_ones], round(owed - there))]
        chosen[taken] = split
        free -= len(taken)
        # Of what was locked too much, no other kind pays.
        owed = max(-0.5, owed - there) - int(sizes[taken].sum())


def _nearest(sizes: Any, wanted: int) -> Any:
    """Which first groups fit into `wanted` rows, and one more if that comes nearer to it."""
    import numpy

    is_taken, left = numpy.zeros(len(sizes), bool), wanted
    for start in range(0, len(sizes), _EVERY):
        if left <= 0:  # no group has no row
            return is_taken
        for at, size in enumerate(sizes[start : start + _EVERY].tolist(), start):
            if size <= left:
                is_taken[at] = True
                left -= size
    rest = numpy.flatnonzero(~is_taken)
    if left > 0 and len(rest):
        best = rest[numpy.argmin(sizes[rest])]
        if sizes[best] - left < left or not is_taken.any():
            is_taken[best] = True
    return is_taken


def _ranked(names: Sequence[str], seed: int) -> Any:
    """The positions of names in the order of `rank`: by its beginning, and where that is equal."""
    import numpy

    beginnings = array("Q")
    for name in names:
        beginnings.append(int.from_bytes(_digest(seed, name)[:_BEGINNING], "big"))
    ranks = numpy.array(beginnings, numpy.uint64)
    order = numpy.argsort(ranks, kind="stable")
    ranks = ranks[order]
    ends = numpy.flatnonzero(numpy.append(ranks[1:] != ranks[:-1], True)[: len(ranks)]) + 1
    start = 0
    for end in ends[numpy.diff(ends, prepend=0) > 1].tolist():
        start = int(numpy.searchsorted(ranks, ranks[end - 1]))
        equal = sorted(order[start:end].tolist(), key=lambda at: rank(seed, names[at]))
        order[start:end] = equal
    return order


def rank(seed: int, name: str) -> str:
    """Where something stands by a seed and its name alone; hex digits."""
    return _digest(seed, name).hex()


def _digest(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
