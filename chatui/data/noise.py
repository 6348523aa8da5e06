"""Typing errors, as people make them: letters swapped, dropped, doubled, or the key beside.

Only words that are nothing but lower-case letters after the first are touched, and the first letter
stays, so names, numbers, codes and links are as they were. Short words and negations stay: "not"
with a letter less says the opposite.
"""

import random
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from chatui.data.intact import spans

RATE = 0.1  # of the words that may be touched, at least one
_WORD = re.compile(r"[^\W\d_]{4,}")
_NEGATIONS = frozenset(
    ("never", "none", "nothing", "nobody", "neither", "nowhere", "without", "cannot")
)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {
    key: [row[at] for at in (n - 1, n + 1) if 0 <= at < len(row)]
    for row in _ROWS
    for n, key in enumerate(row)
}


def with_typos(text: str, chance: random.Random, rate: float = RATE) -> str:
    """The text with typing errors in some of its words; unchanged where none may be touched."""
    kept = spans(text)
    words = [
        found.span()
        for found in _WORD.finditer(text)
        if _may_change(found[0]) and not _lies_in(found.span(), kept)
    ]
    count = min(len(words), max(1, round(rate * len(words))))
    pieces, end = [], 0
    for start, stop in sorted(chance.sample(words, count)):
        pieces += [text[end:start], _typed(text[start:stop], chance)]
        end = stop
    return "".join([*pieces, text[end:]])


def _lies_in(word: tuple[int, int], kept: Sequence[tuple[int, int]]) -> bool:
    """Whether a word touches one of the sorted spans."""
    at = bisect_left(kept, (word[1], 0)) - 1  # the last one that starts before the word ends
    return at >= 0 and kept[at][1] > word[0]


def _may_change(word: str) -> bool:
    return word[1:].islower() and word.casefold() not in _NEGATIONS


def _typed(word: str, chance: random.Random) -> str:
    """The word with one error; an error that would leave it as it is gives way to the next."""
    at = chance.randrange(1, len(word) - 1)
    for error in chance.sample(_ERRORS, len(_ERRORS)):
        typed = error(word, at, chance)
        if typed != word:
            return typed
    return word


def _swapped(word: str, at: int, _: random.Random) -> str:
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _dropped(word: str, at: int, _: random.Random) -> str:
    return word[:at] + word[at + 1 :]


def _doubled(word: str, at: int, _: random.Random) -> str:
    return word[: at + 1] + word[at:]


def _beside(word: str, at: int, chance: random.Random) -> str:
    keys = _BESIDE.get(word[at])
    return word[:at] + chance.choice(keys) + word[at + 1 :] if keys else word


_ERRORS: tuple[Callable[[str, int, random.Random], str], ...] = (
    _swapped,
    _dropped,
    _doubled,
    _beside,
)
