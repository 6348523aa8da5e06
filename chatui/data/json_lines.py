"""Read JSON Lines: a record in each line, and the line's number where it is broken.

orjson reads a line where that can't change a value; Python's parser decides about all others.
"""

import gc
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain

import orjson

from chatui.data.documents import Element, Objects, parse_json, python_value, reason_of
from chatui.data.origins import Meter
from chatui.data.pieces import Piece
from chatui.data.records import Batch, shortened

# A key may stand twice unseen where white space parts it from its colon: see `_is_exact`.
_SPACED = re.compile(rb'"[ \t]+:')
_QUOTE, _COLON, _BACKSLASH, _BRACKET, _LF, _CR, _SPACE, _TAB = b'":\\{\n\r \t'
_FLAT = {str, bool, int, type(None)}
_DICT = re.compile(r"\s*[\[{]\s*[{]?\s*'")


def is_lines(head: str) -> bool:
    """Whether most of the first lines are JSON values of their own."""
    lines = [line for line in head[:1_000_000].split("\n") if line.strip()][:20]
    whole = sum(_is_whole(line) for line in lines)
    if len(lines) < 2:
        return False
    return 2 * whole > len(lines) or (_is_whole(lines[0]) and lines[0].lstrip()[0] in "{[")


def line_batches(pieces: Iterable[Piece], meter: Meter) -> Iterator[Batch]:
    """The records of JSON Lines."""
    objects, number = Objects(), 0
    for piece in pieces:
        if piece.too_long:
            number += 1
            reason = f"line {number}: it has {piece.too_long:,} bytes, and no end in sight"
            yield objects.batch([(None, reason, shortened(piece.text))], meter.read)
            continue
        with _uncollected():
            values = _at_once(piece.data)
            batch = None if values is None else objects.flat(values, meter.read)
        if batch is not None:
            number += len(batch.good)
            yield batch
            continue
        lines = piece.lines()
        is_spaced = _SPACED.search(piece.data)
        read = _slowly(lines, number) if is_spaced else _quickly(lines, number)
        yield objects.batch(read, meter.read)
        number += len(lines)


def _at_once(data: bytes) -> list[dict[str, object]] | None:
    """The objects of lines that hold one each with nothing but texts in it; else None."""
    body = data.removesuffix(b"\n").removesuffix(b"\r")
    count, keys = _lines_and_keys(body)
    if not count:
        return None
    try:
        values: list[dict[str, object]] = orjson.loads(b"[%b]" % body.replace(b"\n", b",\n"))
    except ValueError:
        return None
    kinds = set(map(type, chain.from_iterable(map(dict.values, values))))
    is_exact = kinds <= _FLAT and len(values) == count and sum(map(len, values)) == keys
    return values if is_exact else None


def _lines_and_keys(body: bytes) -> tuple[int, int]:
    """How many lines there are, each of which begins an object, and how many keys; else zeros.

    A text in JSON has no line end in it. Where there are no lists or objects in an object, a line
    that begins with a bracket begins an object of its own. A key is followed by `":`, and what else
    is so makes the count too high; an escaped quote is the end of no key, unless its backslash is
    escaped as well.
    """
    import numpy

    letters = numpy.frombuffer(body, numpy.uint8)
    ends = numpy.flatnonzero(letters == _LF)
    if not body.startswith(b"{") or body.endswith((b"\r", b"\n")):
        return 0, 0
    alone = numpy.flatnonzero(letters == _CR) + 1  # each has to be half of a line's end
    if not (letters[ends + 1] == _BRACKET).all() or not (letters[alone] == _LF).all():
        return 0, 0
    quotes = numpy.flatnonzero(letters == _QUOTE)
    behind = letters[numpy.minimum(quotes + 1, len(letters) - 1)]
    if ((behind == _SPACE) | (behind == _TAB)).any() and _SPACED.search(body):
        return 0, 0
    ending = quotes[behind == _COLON]
    is_escaped = letters[ending - 1] == _BACKSLASH
    if (letters[ending[is_escaped] - 2] == _BACKSLASH).any():
        return 0, 0
    return len(ends) + 1, int((~is_escaped).sum())


@contextmanager
def _uncollected() -> Iterator[None]:
    """Make thousands of rows without the garbage collector's looking through all of them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _quickly(lines: list[str], before: int) -> Iterator[Element]:
    loads = orjson.loads
    for number, line in enumerate(lines, start=before + 1):
        try:
            value = loads(line)
        except ValueError:
            yield from _read(line, number)
            continue
        if _is_exact(value, line):
            yield value, "", "" if type(value) is dict else line.rstrip("\r\n")
        else:
            yield from _read(line, number)


def _is_exact(value: object, line: str) -> bool:
    """Whether orjson has lost nothing: no key that stands twice, no digit of a number.

    Every key is followed by `":`, and whatever else is so only adds to the count. Numbers that do
    not fit into 64 bits become floats, so a float may have been one.
    """
    try:
        return _keys(value) == line.count('":')
    except RecursionError:
        return False


def _keys(value: object) -> float:
    """How many keys there are in a value; not a number where there is a float."""
    kind = type(value)
    if kind is dict:
        count: float = len(value)  # type: ignore[arg-type]
        for item in value.values():  # type: ignore[attr-defined]
            if type(item) is not str:
                count += _keys(item)
        return count
    if kind is list:
        return sum(map(_keys, value))  # type: ignore[call-overload]
    return float("nan") if kind is float else 0


def _slowly(lines: list[str], before: int) -> Iterator[Element]:
    for number, line in enumerate(lines, start=before + 1):
        yield from _read(line, number)


def _read(line: str, number: int) -> Iterator[Element]:
    """The value of a line as Python reads it, or why there is none; nothing of a blank line."""
    line = line.rstrip("\r\n")
    if not line.strip():
        return
    value, problem = None, ""
    try:
        value = parse_json(line)
    except (ValueError, RecursionError) as error:
        if _is_python(line):
            value = python_value(line)
        else:
            problem = f"line {number}: {reason_of(error)}"
    yield value, problem, line


def _is_whole(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return _is_python(line)


def _is_python(line: str) -> bool:
    """Whether a line is a dictionary as Python prints it, in single quotes."""
    if not _DICT.match(line):
        return False
    try:
        return isinstance(python_value(line), dict | list)
    except ValueError:
        return False
