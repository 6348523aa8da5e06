"""What a copy of a text must hold unchanged: numbers, placeholders, code, addresses and links.

Each search is bounded or goes forward only, so the time grows with the text.
"""

import re
from collections import Counter
from collections.abc import Iterator

_QUOTED = re.compile(
    r"`[^`\n]{1,2000}`|<[^<>\n]{1,200}>|\{{1,2}[^{}\n]{1,200}\}{1,2}|\[[^\[\]\n]{1,200}\]|%[sd]\b"
)
_PIECE = re.compile(r"\S+")
# A digit, a sign that words don't have, or a dot or colon inside, as in a link or a file's name.
_NO_WORD = re.compile(r"[\d_/\\@#=<>|*^~$+{}\[\]]|\w[.:]\w")
_AROUND = ".,;:!?\"'()…“”‘’«»"
_FENCE = "```"


def spans(text: str) -> list[tuple[int, int]]:
    """Where what must stay starts and ends, in order; spans don't overlap."""
    found: list[tuple[int, int]] = []
    end = 0
    for start, stop in sorted([*_fences(text), *_quoted(text), *_pieces(text)]):
        if start >= end:
            found.append((start, stop))
        elif stop > end:
            found[-1] = (found[-1][0], stop)
        end = max(end, stop)
    return found


def is_intact(before: str, after: str) -> bool:
    """Whether a copy holds all that must stay as often as its source, and nothing more of it."""
    return _held(before) == _held(after)


def _held(text: str) -> Counter[str]:
    return Counter(text[start:stop].strip(_AROUND) for start, stop in spans(text))


def _fences(text: str) -> Iterator[tuple[int, int]]:
    start = text.find(_FENCE)
    while start >= 0:
        close = text.find(_FENCE, start + len(_FENCE))
        stop = len(text) if close < 0 else close + len(_FENCE)
        yield start, stop
        start = text.find(_FENCE, stop)


def _quoted(text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in _QUOTED.finditer(text))


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in _PIECE.finditer(text) if _NO_WORD.search(found[0]))
