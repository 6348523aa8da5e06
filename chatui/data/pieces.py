"""Cut a text that comes in blocks into pieces of whole lines, none of which can fill the memory.

Texts are bytes of UTF-8 until somebody looks at them. Lines end as they do on any system: with LF,
CR or both. A line that is longer than any conversation is left out, and its piece says how long it
was.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

LONGEST = 32 * 2**20  # bytes of a line, or of a quoted cell with the lines in it
_SHOWN = 300
# What half letters are written as: bytes of the file that are no UTF-8, or half characters.
Errors = Literal["surrogateescape", "surrogatepass"]


class Piece(NamedTuple):
    """Some lines, with their ends; or the beginning of a line that is too long."""

    data: bytes
    errors: Errors = "surrogateescape"
    too_long: int = 0  # bytes of that line

    @property
    def text(self) -> str:
        """The lines as a text."""
        return self.data.decode("utf-8", "replace" if self.too_long else self.errors)

    def lines(self) -> list[str]:
        """The lines, with their ends."""
        return list(io.StringIO(self.text, newline=""))


def pieces_of(blocks: Iterable[bytes], errors: Errors = "surrogateescape") -> Iterator[Piece]:
    """The lines of a text in pieces about as long as its blocks."""
    rest, length = b"", 0  # what is left of a line, and how much of it there was
    for block in blocks:
        data = rest + block
        end = _last_end(data)
        if length:
            first = _first_end(data)
            if not first:
                rest, length = data[:_SHOWN], length + len(data) - len(rest)
                continue
            yield Piece(rest, errors, length + first - len(rest))
            data, end, length = data[first:], end - first, 0
        if end > 0:
            yield Piece(data[:end], errors)
        rest = data[end:] if end > 0 else data
        if len(rest) > LONGEST:
            rest, length = rest[:_SHOWN], len(rest)
    if length:
        yield Piece(rest, errors, length)
    elif rest:
        yield Piece(rest, errors)


def _last_end(data: bytes) -> int:
    """Where the last line ends; a CR at the very end may be half of an end."""
    stop = len(data) - data.endswith(b"\r")
    return max(data.rfind(b"\n", 0, stop), data.rfind(b"\r", 0, stop)) + 1


def _first_end(data: bytes) -> int:
    """Where the first line ends, or 0."""
    stop = len(data) - data.endswith(b"\r")
    ends = [at for at in (data.find(b"\n", 0, stop), data.find(b"\r", 0, stop)) if at >= 0]
    if not ends:
        return 0
    at = min(ends)
    return at + 2 if data.startswith(b"\r\n", at) else at + 1
