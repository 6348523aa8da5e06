"""Read JSON documents and Parquet: values as they are, of whatever type they are.

Knows JSON's syntax, not conversations. A record that is broken is reported with its line, and the
others are read.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from chatui.data.origins import Meter
from chatui.data.records import BadRecord, Batch, Record, Records, printable, shortened
from chatui.errors import BrokenFile

_MAX_BROKEN = 100  # in one JSON document; each costs a search for where the next element begins
_LONGEST_LITERAL = 1_000_000  # characters; Python's parser takes memory by the hundredfold
_PARQUET_ROWS = 2000  # of a batch
_BLANK = re.compile(r"[\s,]*")
# What stands for a record that was read: its values, or the reason why there are none.
Element = tuple[object, str, str]  # value, problem, raw


class _Refused(ValueError):
    """JSON that Python would take and that would lose something."""


def looks_like_json(text: str) -> bool:
    """Whether a text can only be JSON or JSON Lines."""
    return text.lstrip()[:1] in ("{", "[")


def read_json(text: str, is_part: bool = False) -> Records:
    """Read a JSON list, an object with a list in it, or objects one after another.

    Of a part, what its end cuts off is left out.
    """
    notes: tuple[str, ...] = ()
    try:
        document = _DECODER.decode(text)
    except (ValueError, RecursionError):
        kind = "JSON list, damaged" if text.lstrip()[0] == "[" else "JSON objects"
        found = list(_elements(text))
        return _records(kind, iter(found[:-1] if is_part and found and found[-1][1] else found))
    kind = "JSON list"
    if isinstance(document, dict):
        kind = "JSON object"
        document, notes = _list_inside(document)
    return _records(kind, ((value, "", "") for value in document), notes)


def parquet_batches(file: BinaryIO, name: str, meter: Meter) -> Iterator[Batch]:
    """The rows of a Parquet file, lists of turns included; raises BrokenFile."""
    import pyarrow
    import pyarrow.parquet

    objects = Objects()
    try:
        source = pyarrow.parquet.ParquetFile(file)
        rows = max(1, source.metadata.num_rows)
        for table in source.iter_batches(batch_size=_PARQUET_ROWS, use_threads=False):
            yield objects.batch(((row, "", "") for row in table.to_pylist()), meter.read)
            meter.read = min(meter.size, meter.size * objects.row // rows)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise BrokenFile(shortened(name, 60), _first_line(error)) from error


def parse_json(text: str) -> object:
    """Parse one JSON value, refusing NaN and keys that stand twice; raises ValueError."""
    return _DECODER.decode(text)


def loosely_parsed(text: str) -> object:
    """The value of a text in JSON, or as Python prints lists and dictionaries; else ValueError."""
    try:
        return parse_json(text)
    except (ValueError, RecursionError) as error:
        if "'" not in text:
            raise ValueError(str(error)) from error
        return python_value(text)


def python_value(text: str) -> object:
    """The value of a literal of Python; else ValueError."""
    if len(text) > _LONGEST_LITERAL:
        raise ValueError("it is too long for a Python value")
    try:
        return ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError("it is neither JSON nor a Python value") from error


class Objects:
    """Objects of JSON or Parquet on their way to records; knows all keys that came by."""

    def __init__(self) -> None:
        self.row = 0
        self._columns: dict[str, None] = {}

    def flat(self, values: Sequence[dict[str, object]], read: int) -> Batch:
        """The next records, all of which are objects."""
        for keys in dict.fromkeys(map(tuple, values)):
            if not self._columns.keys() >= set(keys):
                return self.batch(((value, "", "") for value in values), read)
        first, self.row = self.row + 1, self.row + len(values)
        good = list(map(Record, range(first, self.row + 1), values))
        return Batch(good, (), tuple(self._columns), read)

    def batch(self, elements: Iterable[Element], read: int = 0) -> Batch:
        """The next records."""
        good, bad = [], []
        columns, before = self._columns, self.row
        row = before
        for row, (value, problem, raw) in enumerate(elements, start=before + 1):
            if isinstance(value, list) and not problem:
                value = {"messages": value}  # a bare list of turns
            if problem or not isinstance(value, dict):
                reason = problem or f"this is {in_words(value)}, not an object with named values"
                bad.append(BadRecord(row, reason, shortened(raw or str(value))))
                continue
            if not value.keys() <= columns.keys():
                value = {printable(str(key)): item for key, item in value.items()}
                columns.update(dict.fromkeys(value))
            good.append(Record(row, value))
        self.row = row
        return Batch(good, bad, tuple(columns), read)


def _records(kind: str, elements: Iterator[Element], notes: tuple[str, ...] = ()) -> Records:
    objects = Objects()
    batch = objects.batch(elements)
    good, bad = tuple(batch.good), tuple(batch.bad)
    return Records(kind, batch.columns, good, bad, notes, rows_read=objects.row)


def in_words(value: object) -> str:
    """What a JSON value is, for a sentence: "a number (42)"."""
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    if value is None:
        return "nothing (null)"
    name = names.get(type(value), "an object" if isinstance(value, dict) else type(value).__name__)
    return "a text" if isinstance(value, str) else f"{name} ({shortened(str(value), 40)})"


def _elements(text: str) -> Iterator[Element]:
    """The elements of a document that is damaged or has no brackets around them."""
    start = len(text) - len(text.lstrip())
    at = _skip(text, start + 1 if text[start] == "[" else start)
    restart = _restart(text, at)
    broken = 0
    while at < len(text) and text[at] != "]":
        line = text.count("\n", 0, at) + 1 if broken < _MAX_BROKEN else 0
        try:
            value, end = _DECODER.raw_decode(text, at)
            yield value, "", ""
        except (ValueError, RecursionError) as error:
            broken += 1
            if broken > _MAX_BROKEN:
                yield None, "the JSON is broken in more than 100 places; the rest is left out", ""
                return
            yield None, f"line {line}: {reason_of(error)}", text[at : at + 300]
            found = restart.search(text, max(at + 1, getattr(error, "pos", 0)))
            end = found.end() if found else len(text)
        at = _skip(text, end)


def _skip(text: str, at: int) -> int:
    """Where the next element begins."""
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _restart(text: str, at: int) -> re.Pattern[str]:
    """How to find the next element after a broken one: it is indented as the first one is."""
    newline = text.rfind("\n", 0, at)
    if newline >= 0 and not text[newline:at].strip():
        return re.compile(re.escape(text[newline:at]) + r"(?=[{\[])")
    return re.compile(r"\}\s{0,9},\s{0,9}(?=[{\[])" if newline < 0 else r"\n(?=[{\[])")


def _list_inside(document: dict[str, Any]) -> tuple[list[object], tuple[str, ...]]:
    """The rows of a document that is one object."""
    if any(key in document and _is_turn(document[key]) for key in ("messages", "conversations")):
        return [document], ()
    if {"mapping", "current_node"} <= document.keys():  # one conversation of a ChatGPT export
        return [document], ()
    lists = {k: v for k, v in document.items() if isinstance(v, list) and v}
    rows = {k: v for k, v in lists.items() if isinstance(v[0], dict | list)}
    if rows:
        key = max(rows, key=lambda name: len(rows[name]))
        return rows[key], (f"The rows were taken from the list {shortened(key, 40)!r}.",)
    columns: dict[str, Any] = lists or {
        k: v for k, v in document.items() if isinstance(v, dict) and v
    }
    if len(columns) > 1 and len(columns) == len(document):
        return _rows_of_columns(columns), ()
    return [document], ()


def _rows_of_columns(columns: dict[str, Any]) -> list[object]:
    """Rows of a table that was written column by column, as pandas does; gaps are null."""
    keyed = {
        name: values if isinstance(values, dict) else dict(enumerate(values))
        for name, values in columns.items()
    }
    keys = dict.fromkeys(key for values in keyed.values() for key in values)
    return [{name: values.get(key) for name, values in keyed.items()} for key in keys]


def _is_turn(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def reason_of(error: Exception) -> str:
    """Why a text is no JSON, as a sentence's end."""
    if isinstance(error, json.JSONDecodeError):
        return f"the JSON is broken at column {error.colno} ({error.msg})"
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    return str(error) if isinstance(error, _Refused) else "a number has too many digits"


def _first_line(error: Exception) -> str:
    return shortened(str(error).splitlines()[0] if str(error) else type(error).__name__, 120)


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Refused(f"the key {shortened(twice, 40)!r} stands twice; which one counts?")
    return values


def _no_constant(name: str) -> object:
    raise _Refused(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
