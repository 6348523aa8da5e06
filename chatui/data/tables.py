"""Read CSV, TSV and their relatives: every cell a string, exactly as written.

Knows text only. `csv` and not pandas, because "NA", "007" and "null" are things that people say,
and because a ragged row or an open quote must cost one row and be told, not eaten.
"""

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chatui.data.names import is_known_name, names_a_pair
from chatui.data.pieces import LONGEST, Errors, Piece
from chatui.data.plain_tables import PlainRows, plain_rows, strict_rows
from chatui.data.records import BadRecord, Batch, Record, named_columns, shortened

SEPARATORS = {",": "CSV", "\t": "TSV", ";": "CSV separated by ';'", "|": "CSV separated by '|'"}
_SAMPLE = 50  # rows looked at to find the separator
csv.field_size_limit(sys.maxsize)  # how long a text may be is told of its row


@dataclass(frozen=True, slots=True)
class _Line:
    """A parsed row: where it begins in the file, and its cells or why it has none."""

    number: int
    cells: list[str]
    problem: str = ""
    is_open: bool = False  # whether the lines end inside a quote that opens here


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written, found out from its first lines."""

    separator: str
    is_padded: bool  # whether quotes stand behind a space that belongs to no cell
    skipped: int  # lines before the header
    names: tuple[str, ...]
    notes: tuple[str, ...]
    has_header: bool

    @property
    def kind(self) -> str:
        """In words."""
        return SEPARATORS.get(self.separator, "CSV")


def layout_of(head: str) -> Layout:
    """Find out how a table is written."""
    lines = list(io.StringIO(head, newline=""))
    skipped, separator = _declared_separator(lines)
    lines = lines[skipped:]
    separator = separator or _find_separator(lines)
    padded = _pads_quotes(lines, separator)
    first = next((x for x in _parse(lines, separator, padded) if not _is_blank(x)), None)
    names, notes, is_data = names_of(first.cells if first else [])
    return Layout(separator, padded, skipped, tuple(names), notes, not is_data)


def table_batches(
    layout: Layout, pieces: Iterable[Piece], is_part: bool = False
) -> Iterator[Batch]:
    """The rows of a table; of a part, what its end cuts off is left out."""
    table = _Table(layout)
    for piece in pieces:
        if piece.too_long:
            yield table.taken(piece._replace(data=b""), is_last=True)
            yield table.left_out(piece)
        else:
            yield table.taken(piece, is_last=False)
    yield table.taken(Piece(b""), is_last=True) if not is_part else Batch((), (), layout.names)


class _Table:
    """Where the reading of a table stands."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._line = 0  # lines that were read
        self._row = 0
        self._left = b""  # lines of a row that has no end yet
        self._errors: Errors = "surrogateescape"
        self._needs_header = layout.has_header
        self._has_begun = False

    def taken(self, piece: Piece, is_last: bool) -> Batch:
        """The rows that end in a piece, which has whole lines."""
        if piece.data:
            self._errors = piece.errors
        data = self._left + piece.data
        self._left = b""
        if self._has_begun and (batch := self._plain(data, is_last)):
            return batch
        lines = Piece(data, self._errors).lines()
        if not self._has_begun:
            self._line, lines = self._layout.skipped, lines[self._layout.skipped :]
            self._has_begun = bool(data)
        elif good := self._strict(lines):
            return Batch(good, (), self._layout.names)
        if not self._needs_header:
            return self._with_trouble(lines, is_last)
        batch = self._with_trouble(lines, is_last)  # the header
        return (
            batch
            if self._needs_header or is_last
            else self.taken(Piece(b"", self._errors), is_last)
        )

    def left_out(self, piece: Piece) -> Batch:
        """A line that is too long, as a bad record."""
        self._line, self._row = self._line + 1, self._row + 1
        reason = f"line {self._line}: it has {piece.too_long:,} bytes, and no end in sight"
        bad = BadRecord(self._row, reason, shortened(piece.text))
        return Batch((), (bad,), self._layout.names)

    def _plain(self, data: bytes, is_last: bool) -> Batch | None:
        """The rows of lines in which everything is as it should be; else None."""
        layout = self._layout
        if self._needs_header or layout.is_padded:
            return None
        plain = plain_rows(data, layout.names, layout.separator, is_last)
        if plain is None or len(plain.left) > LONGEST:
            return None
        rows = PlainRows(self._row + 1, layout.names, plain.table)
        self._row += len(rows)
        self._line += plain.lines
        self._left = plain.left
        return Batch(rows, (), layout.names)

    def _strict(self, lines: list[str]) -> list[Record]:
        """The rows of lines of which Python's parser makes as many cells each; else none."""
        layout, names = self._layout, self._layout.names
        how = {"delimiter": layout.separator, "skipinitialspace": layout.is_padded}
        rows = None if self._needs_header else strict_rows(lines, len(names), **how)
        if not rows:
            return []
        self._line += len(lines)
        first, self._row = self._row + 1, self._row + len(rows)
        numbered = enumerate(rows, start=first)
        return [Record(number, dict(zip(names, row, strict=True))) for number, row in numbered]

    def _with_trouble(self, lines: list[str], is_last: bool) -> Batch:
        good: list[Record] = []
        bad: list[BadRecord] = []
        had_header = is_header = self._needs_header
        for line in _parse(lines, self._layout.separator, self._layout.is_padded):
            if line.is_open and not is_last and _size(lines, line.number - 1) <= LONGEST:
                left = lines[line.number - 1 :]
                self._left = self._encoded(left)
                self._line -= len(left)
                break
            if _is_blank(line):
                continue
            if is_header:
                self._needs_header = is_header = False
                continue
            if had_header and not is_last:  # what follows is read in the usual way
                self._left = self._encoded(lines[line.number - 1 :])
                self._line -= len(lines) - line.number + 1
                break
            self._row += 1
            self._sort_out(line, lines, good, bad)
        self._line += len(lines)
        return Batch(good, bad, self._layout.names)

    def _encoded(self, lines: list[str]) -> bytes:
        return "".join(lines).encode("utf-8", self._errors)

    def _sort_out(
        self, line: _Line, lines: list[str], good: list[Record], bad: list[BadRecord]
    ) -> None:
        names, where = self._layout.names, f"line {line.number + self._line}"
        width = len(line.cells)
        cells = line.cells[: len(names)] if not any(line.cells[len(names) :]) else line.cells
        if line.problem:
            reason = f"{where}: {line.problem}"
        elif len(cells) != len(names):
            values = "value" if width == 1 else "values"
            reason = f"{where}: {width} {values} where the header names {len(names)} columns"
        else:
            good.append(Record(self._row, dict(zip(names, cells, strict=True))))
            return
        raw = shortened(lines[line.number - 1].rstrip("\r\n"))
        bad.append(BadRecord(self._row, reason, raw))


def _size(lines: list[str], start: int) -> int:
    return sum(map(len, lines[start:]))


def names_of(header: list[str]) -> tuple[list[str], tuple[str, ...], bool]:
    """The names of the columns, notes about them, and whether the first row is no header."""
    if _is_data(header):
        note = "The first row looks like a conversation, so it was not taken as column names."
        return [f"column {number}" for number in range(1, len(header) + 1)], (note,), True
    names = named_columns(header)
    return names, _renamed(header, names), False


def _parse(lines: list[str], separator: str, is_padded: bool | None = None) -> Iterator[_Line]:
    """Parse all rows; after a row that is broken, go on with the line below its first.

    Takes a time that grows with the text, however many quotes are left open: a row only swallows
    lines up to the next odd run of quotes, and those are read once more at most.
    """
    padded = _pads_quotes(lines, separator) if is_padded is None else is_padded
    start = 0
    while start < len(lines):
        rest = (lines[i] for i in range(start, len(lines)))
        reader = csv.reader(rest, delimiter=separator, skipinitialspace=padded, strict=True)
        consumed = 0
        try:
            for cells in reader:
                yield _Line(start + consumed + 1, cells)
                consumed = reader.line_num
            return
        except csv.Error as error:
            is_open = "unexpected end" in str(error)
            yield _Line(start + consumed + 1, [], _in_words(str(error)), is_open)
            start += consumed + 1


def _in_words(problem: str) -> str:
    if "unexpected end" in problem:
        return 'a quote is opened here and never closes; close it, or write "" for a quote'
    if "expected after" in problem:
        return 'a quote is closed and text follows; write a quote inside a quoted text as ""'
    return problem


def _declared_separator(lines: list[str]) -> tuple[int, str]:
    """Excel's own first line `sep=;`: how many lines to skip, and the separator."""
    declared = re.fullmatch(r"sep=(.)\s*", lines[0]) if lines else None
    return (1, declared[1]) if declared else (0, "")


def _find_separator(lines: list[str]) -> str:
    """The separator by which the first rows agree best with the header."""
    return max(SEPARATORS, key=lambda separator: _fitness(lines, separator))


def _fitness(lines: list[str], separator: str) -> tuple[bool, float, int]:
    rows = []
    for line in _parse(lines[: 4 * _SAMPLE], separator):
        if not _is_blank(line):
            rows.append(line.cells)
        if len(rows) > _SAMPLE:
            break
    if not rows or len(rows[0]) < 2:
        return False, 0.0, 0
    agreeing = sum(len(cells) == len(rows[0]) for cells in rows) / len(rows)
    return names_a_pair(rows[0]), agreeing, len(rows[0])


def _pads_quotes(lines: list[str], separator: str) -> bool:
    """Whether cells are written `"hi", "hello"`, with a space that belongs to no cell."""
    pattern = re.compile('(?<!")"' + re.escape(separator) + ' "(?!")')
    return any(pattern.search(line) for line in lines[1:4])


def _is_blank(line: _Line) -> bool:
    return (
        not line.problem
        and not any(cell.strip() for cell in line.cells[1:])
        and (not line.cells or (len(line.cells) == 1 and not line.cells[0].strip()))
    )


def _is_data(header: list[str]) -> bool:
    """Whether the first row holds things said rather than names of columns."""
    if len(header) < 2 or any(is_known_name(cell) for cell in header):
        return False
    return any(len(cell.split()) > 3 or cell.rstrip().endswith((".", "?", "!")) for cell in header)


def _renamed(header: list[str], names: list[str]) -> tuple[str, ...]:
    changed = [new for old, new in zip(header, names, strict=True) if old.strip() != new]
    if not changed:
        return ()
    listed = ", ".join(shortened(name, 40) for name in changed[:5])
    return (f"Columns without a name, or with one that is twice there, are called {listed}.",)
