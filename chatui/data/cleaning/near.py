"""Find rows that say nearly the same: MinHash finds candidates, exact Jaccard decides.

Two rows are near duplicates when their questions *and* their replies share enough three-word
sequences. Asked of the whole conversation, a long reply to many different questions, as support
logs have it, would make copies of them all. For the same reason question and reply are hashed
apart and banded together: rows that share one half only are no candidates, so the time does not
grow with the square of how often a reply is given.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import Any

from chatui.data.cleaning.account import CleanRow
from chatui.data.cleaning.sketches import Sketcher, shared_bands
from chatui.data.splitting import words_of

Shingles = frozenset[str]
_REMEMBERED = 10_000  # rows whose sequences are kept, some 7 KB of each; others are read again


def near_copies(rows: Sequence[CleanRow], similarity: float) -> dict[int, tuple[int, float]]:
    """The rows to remove by position: which earlier, kept row each resembles, and how much.

    The first of several stays. No two rows that stay were found to be similar, so a second pass
    finds nothing. Rows need not be in memory: all are asked for once, and few again.
    """
    keys = Sketcher(similarity).keys(map(halves_of, rows), len(rows))
    compared = _Compared(rows)
    members: dict[tuple[int, int], list[int]] = {}  # rows kept so far, by band and its key
    found: dict[int, tuple[int, float]] = {}
    for position, bands in sorted(_groups(keys).items()):
        named = [(band, int(keys[position, band])) for band in bands]
        earlier = sorted({kept for name in named for kept in members.get(name, ())})
        scores = ((other, compared.similarity(position, other)) for other in earlier)
        twin = next((pair for pair in scores if pair[1] >= similarity), None)
        if twin:
            found[position] = twin
            compared.forget(position)
            continue
        for name in named:
            members.setdefault(name, []).append(position)
    return found


def halves_of(row: CleanRow) -> tuple[str, str]:
    """What is compared of a row: all that is said before the last reply, and the reply."""
    asked = "\n".join(turn.text for turn in row.turns[:-1])
    return asked, "\n".join(filter(None, (row.turns[-1].text, row.rejected)))


class _Compared:
    """Exact similarities of rows, by position; only the last candidates' sequences are kept."""

    def __init__(self, rows: Sequence[CleanRow]) -> None:
        self._rows = rows
        self._halves: OrderedDict[int, tuple[Shingles, Shingles]] = OrderedDict()

    def similarity(self, one: int, other: int) -> float:
        """The lower one of how alike the questions and how alike the replies are, 0 to 1."""
        halves = zip(self._of(one), self._of(other), strict=True)
        return min(jaccard(mine, theirs) for mine, theirs in halves)

    def forget(self, position: int) -> None:
        """Drop the sequences of a row that no other one is compared with any more."""
        self._halves.pop(position, None)

    def _of(self, position: int) -> tuple[Shingles, Shingles]:
        if position not in self._halves:
            if len(self._halves) >= _REMEMBERED:
                self._halves.popitem(last=False)
            asked, reply = halves_of(self._rows[position])
            self._halves[position] = shingles(asked), shingles(reply)
        return self._halves[position]


def jaccard(one: Shingles, other: Shingles) -> float:
    """The share of sequences that two sets have in common, 0 to 1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def shingles(text: str) -> Shingles:
    """The three-word sequences of a text in any case; a shorter text is one sequence."""
    words = words_of(text)
    runs = zip(words, islice(words, 1, None), islice(words, 2, None), strict=False)
    return frozenset(" ".join(run) for run in runs) or frozenset((" ".join(words),))


def _groups(keys: Any) -> dict[int, bytearray]:
    """The bands that each row shares with another one, by position."""
    groups: dict[int, bytearray] = {}
    for position, band in shared_bands(keys):
        groups.setdefault(position, bytearray()).append(band)
    return groups
