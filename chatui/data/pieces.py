"""Cut a text that comes in chunks into pieces of whole lines, none of which can fill the memory.

Lines end as they do on any system: with LF, CR or both. A line that is longer than any
conversation is left out, and its piece says how long it was.
"""

import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

LONGEST = 32 * 2**20  # characters of a line, or of a quoted cell with the lines in it
_SHOWN = 300


class Piece(NamedTuple):
    """Some lines, with their ends; or the beginning of a line that is too long."""

    text: str
    too_long: int = 0  # characters of that line

    def lines(self) -> list[str]:
        """The lines, with their ends."""
        return list(io.StringIO(self.text, newline=""))


def pieces_of(chunks: Iterable[str]) -> Iterator[Piece]:
    """The lines of a text in pieces about as long as its chunks."""
    rest, length = "", 0  # what is left of a line, and how much of it was left out
    for chunk in chunks:
        text = rest + chunk
        end = _last_end(text)
        if length:
            first = _first_end(text)
            if not first:
                rest, length = text[:_SHOWN], length + len(text) - len(rest)
                continue
            yield Piece(rest, length + first - len(rest))
            text, end, length = text[first:], end - first, 0
        if end > 0:
            yield Piece(text[:end])
        rest = text[end:] if end > 0 else text
        if len(rest) > LONGEST:
            rest, length = rest[:_SHOWN], len(rest)
    if length:
        yield Piece(rest, length)
    elif rest:
        yield Piece(rest)


def _last_end(text: str) -> int:
    """Where the last line ends; a CR at the very end may be half of an end."""
    stop = len(text) - text.endswith("\r")
    return max(text.rfind("\n", 0, stop), text.rfind("\r", 0, stop)) + 1


def _first_end(text: str) -> int:
    """Where the first line ends, or 0."""
    stop = len(text) - text.endswith("\r")
    ends = [at for at in (text.find("\n", 0, stop), text.find("\r", 0, stop)) if at >= 0]
    if not ends:
        return 0
    at = min(ends)
    return at + 2 if text.startswith("\r\n", at) else at + 1
