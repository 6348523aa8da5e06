"""Read CSV, TSV and their relatives: every cell a string, exactly as written.

Knows text only. `csv` and not pandas, because "NA", "007" and "null" are things that people say,
and because a ragged row or an open quote must cost one row and be told, not eaten.
"""

import csv
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from chatui.data.names import is_known_name, names_a_pair
from chatui.data.records import BadRecord, Record, Records, named_columns, shortened

SEPARATORS = {",": "CSV", "\t": "TSV", ";": "CSV separated by ';'", "|": "CSV separated by '|'"}
_SAMPLE = 50  # rows looked at to find the separator


@dataclass(frozen=True, slots=True)
class _Line:
    """A parsed row: where it begins in the file, and its cells or why it has none."""

    number: int
    cells: list[str]
    problem: str = ""


def read_table(text: str) -> Records:
    """Read a table with a header; the separator is found out."""
    lines = list(io.StringIO(text, newline=""))
    skipped, separator = _declared_separator(lines)
    lines = lines[skipped:]
    separator = separator or _find_separator(lines)
    parsed = [line for line in _parse(lines, separator) if not _is_blank(line)]
    names, notes, is_data = names_of(parsed[0].cells if parsed else [])
    parsed = parsed if is_data else parsed[1:]
    good, bad = _sort_out(parsed, names, lines, skipped)
    kind = SEPARATORS.get(separator, "CSV")
    return Records(kind, tuple(names), good, bad, notes, rows_read=len(parsed))


def names_of(header: list[str]) -> tuple[list[str], tuple[str, ...], bool]:
    """The names of the columns, notes about them, and whether the first row is no header."""
    if _is_data(header):
        note = "The first row looks like a conversation, so it was not taken as column names."
        return [f"column {number}" for number in range(1, len(header) + 1)], (note,), True
    names = named_columns(header)
    return names, _renamed(header, names), False


def _sort_out(
    parsed: list[_Line], names: list[str], lines: list[str], skipped: int
) -> tuple[tuple[Record, ...], tuple[BadRecord, ...]]:
    good, bad = [], []
    for row, line in enumerate(parsed, start=1):
        where, width = f"line {line.number + skipped}", len(line.cells)
        cells = line.cells[: len(names)] if not any(line.cells[len(names) :]) else line.cells
        if line.problem:
            reason = f"{where}: {line.problem}"
        elif len(cells) != len(names):
            values = "value" if width == 1 else "values"
            reason = f"{where}: {width} {values} where the header names {len(names)} columns"
        else:
            good.append(Record(row, dict(zip(names, cells, strict=True))))
            continue
        bad.append(BadRecord(row, reason, shortened(lines[line.number - 1].rstrip("\r\n"))))
    return tuple(good), tuple(bad)


def _parse(lines: list[str], separator: str) -> Iterator[_Line]:
    """Parse all rows; after a row that is broken, go on with the line below its first.

    Takes a time that grows with the text, however many quotes are left open: a row only swallows
    lines up to the next odd run of quotes, and those are read once more at most.
    """
    csv.field_size_limit(sys.maxsize)
    padded = _pads_quotes(lines, separator)
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
            yield _Line(start + consumed + 1, [], _in_words(str(error)))
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
