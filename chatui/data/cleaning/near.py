"""Find rows that say nearly the same: MinHash finds candidates, exact Jaccard decides.

Two rows are near duplicates when their questions *and* their replies share enough three-word
sequences. Asked of the whole conversation, a long reply to many different questions, as support
logs have it, would make copies of them all. For the same reason question and reply are hashed
apart and banded together: rows that share one half only are no candidates, so the time does not
grow with the square of how often a reply is given.
"""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from chatui.data.cleaning.account import CleanRow

_PERMUTATIONS = 128
_CHUNK = 2000
_SEED = 1
_MISSED = 0.005  # at most this share of the pairs just at the threshold is not found
_WORDS = re.compile(r"\w+")
Shingles = frozenset[str]


def near_copies(rows: Sequence[CleanRow], similarity: float) -> dict[int, tuple[int, float]]:
    """The rows to remove by position: which earlier, kept row each resembles, and how much.

    The first of several stays. No two rows that stay were found to be similar, so a second pass
    finds nothing.
    """
    groups = _candidates(rows, similarity)
    compared = _Compared(rows)
    members: dict[tuple[int, int], list[int]] = {}  # rows kept so far, by band and its key
    found: dict[int, tuple[int, float]] = {}
    for position in sorted(groups):
        keys = groups[position]
        earlier = sorted({kept for key in keys for kept in members.get(key, ())})
        scores = ((other, compared.similarity(position, other)) for other in earlier)
        twin = next((pair for pair in scores if pair[1] >= similarity), None)
        if twin:
            found[position] = twin
            continue
        for key in keys:
            members.setdefault(key, []).append(position)
    return found


class _Compared:
    """Exact similarities of rows, by position; only candidates' sequences are kept."""

    def __init__(self, rows: Sequence[CleanRow]) -> None:
        self._rows = rows
        self._halves: dict[int, tuple[Shingles, Shingles]] = {}

    def similarity(self, one: int, other: int) -> float:
        """The lower one of how alike the questions and how alike the replies are, 0 to 1."""
        halves = zip(self._of(one), self._of(other), strict=True)
        return min(jaccard(mine, theirs) for mine, theirs in halves)

    def _of(self, position: int) -> tuple[Shingles, Shingles]:
        if position not in self._halves:
            self._halves[position] = _halves(self._rows[position])
        return self._halves[position]


def jaccard(one: Shingles, other: Shingles) -> float:
    """The share of sequences that two sets have in common, 0 to 1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def shingles(text: str) -> Shingles:
    """The three-word sequences of a text in any case; a shorter text is one sequence."""
    words = _WORDS.findall(text.casefold()) or [text.strip()]
    runs = zip(words, islice(words, 1, None), islice(words, 2, None), strict=False)
    return frozenset(" ".join(run) for run in runs) or frozenset((" ".join(words),))


def _halves(row: CleanRow) -> tuple[Shingles, Shingles]:
    asked = "\n".join(turn.text for turn in row.turns[:-1])
    reply = "\n".join(filter(None, (row.turns[-1].text, row.rejected)))
    return shingles(asked), shingles(reply)


def _candidates(rows: Sequence[CleanRow], similarity: float) -> dict[int, list[tuple[int, int]]]:
    """The rows that share a band with another one: (band, hash of the band), by position."""
    import numpy

    keys = _band_keys(rows, _width(similarity))
    groups: dict[int, list[tuple[int, int]]] = {}
    for band in range(keys.shape[1]):
        _, inverse, counts = numpy.unique(keys[:, band], return_inverse=True, return_counts=True)
        for position in numpy.flatnonzero(counts[inverse] > 1).tolist():
            groups.setdefault(position, []).append((band, int(keys[position, band])))
    return groups


def _width(similarity: float) -> int:
    """How many hashes of each half make a band: the most that still find the pairs."""
    for width in (4, 2):
        is_missed = (1 - similarity ** (2 * width)) ** (_PERMUTATIONS // width)
        if is_missed <= _MISSED:
            return width
    return 1


def _band_keys(rows: Sequence[CleanRow], width: int) -> Any:
    """A 64-bit key for each row and band, made of both halves' hashes."""
    import numpy
    from rensa import RMinHash

    bands = _PERMUTATIONS // width
    keys = numpy.empty((len(rows), bands), numpy.uint64)
    weights = numpy.random.default_rng(_SEED).integers(1, 2**63, 2 * width, numpy.uint64) | 1
    for start in range(0, len(rows), _CHUNK):
        halves = [_halves(row) for row in rows[start : start + _CHUNK]]
        sides = [
            numpy.array(
                RMinHash.digests_from_token_sets(
                    [sorted(pair[side]) for pair in halves], _PERMUTATIONS, _SEED
                ),
                numpy.uint64,
            ).reshape(len(halves), bands, width)
            for side in (0, 1)
        ]
        both = numpy.concatenate(sides, axis=2)
        mixed = ((both * weights) >> numpy.uint64(7)) ^ (both * weights)
        keys[start : start + _CHUNK] = mixed.sum(axis=2, dtype=numpy.uint64)
    return keys
