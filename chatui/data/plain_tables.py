"""The quick way through a table whose quotes all stand where they should: pyarrow reads it.

pyarrow lets pass what costs a row here (text behind a closing quote, a quote that never closes), so
a text only goes this way if each of its quotes is proven to open or close a cell or to stand for
one; then both parsers can only read it alike. Cells are texts: no NA words, no numbers.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any, NamedTuple, overload

from chatui.data.records import Record

_QUOTE = 34
_ENDS = (10, 13)  # LF, CR


class PlainRows(Sequence[Record]):
    """Rows of a table, made when they are asked for."""

    def __init__(self, first: int, names: Sequence[str], table: Any) -> None:
        self._first, self._names, self._table = first, names, table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[Record]:
        names = self._names
        columns = [column.to_pylist() for column in self._table.columns]
        for number, cells in zip(count(self._first), zip(*columns, strict=True), strict=False):
            yield Record(number, dict(zip(names, cells, strict=True)))

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            rows = PlainRows(self._first + start, self._names, self._table.slice(start))
            return list(islice(rows, 0, max(0, stop - start), step))
        at = range(len(self))[at]
        return next(iter(PlainRows(self._first + at, self._names, self._table.slice(at, 1))))


class Plain(NamedTuple):
    """The rows that end in a text, and what is left of it."""

    table: Any  # of pyarrow
    lines: int
    left: bytes


def plain_rows(data: bytes, names: Sequence[str], separator: str, is_last: bool) -> Plain | None:
    """The cells of the rows that end in a text; None where anything is not as it should be."""
    import pyarrow.csv

    if len(names) < 2:
        return None
    try:
        found = _Quotes(data)
        end = len(data) if is_last else found.end_of_rows()
        if not end or not found.are_sound(end, separator):
            return None
        table = pyarrow.csv.read_csv(
            pyarrow.py_buffer(data).slice(0, end),
            pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=end + 1),
            pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pyarrow.string()), strings_can_be_null=False
            ),
        )
    except pyarrow.ArrowInvalid:  # no UTF-8, ragged rows
        return None
    return Plain(table, found.lines(end), data[end:])


class _Quotes:
    """Where the quotes of a text stand; numpy searches faster than Python does."""

    def __init__(self, data: bytes) -> None:
        import numpy

        self._data = data
        self._letters = numpy.frombuffer(data, numpy.uint8)
        self._places = numpy.flatnonzero(self._letters == _QUOTE)

    def end_of_rows(self) -> int:
        """Where the last line end stands that is in no quotes, as a length; 0 if there is none.

        Right if quotes are as they should be; if not, the rows are looked at one by one anyway.
        """
        end = len(self._data)
        while len(self._places) % 2:  # what stands behind the last quote is within quotes
            last = int(self._places[-1])
            end = max(self._data.rfind(b"\n", 0, last), self._data.rfind(b"\r", 0, last)) + 1
            self._places = self._places[: self._places.searchsorted(end)]
        return end

    def are_sound(self, end: int, separator: str) -> bool:
        """Whether each quote opens a cell, closes one, or is one of a pair within quotes."""
        import numpy

        quotes, letters = self._places, self._letters[:end]
        if not len(quotes):
            return True
        if len(quotes) % 2:
            return False
        edges = numpy.zeros(256, bool)
        edges[[_QUOTE, *_ENDS, ord(separator)]] = True
        opening, closing = quotes[::2], quotes[1::2]
        before = letters[opening[opening > 0] - 1]
        behind = letters[closing[closing < end - 1] + 1]
        return bool(edges[before].all() and edges[behind].all())

    def lines(self, end: int) -> int:
        """How many lines there are up to a place; CR and LF together are one end."""
        import numpy

        data, (lf, cr) = self._data, _ENDS
        ends = int(numpy.count_nonzero(self._letters[:end] == lf))
        if b"\r" in data:
            ends += data.count(b"\r", 0, end) - data.count(b"\r\n", 0, end)
        return ends + (int(self._letters[end - 1]) not in (lf, cr))


def strict_rows(lines: list[str], width: int, **how: Any) -> list[list[str]] | None:
    """The cells of whole rows by Python's parser, where it has nothing to object to; else None."""
    try:
        rows = list(csv.reader(lines, strict=True, **how))
    except csv.Error:
        return None
    return rows if width > 1 and {*map(len, rows)} == {width} else None
