"""Read an Excel workbook: the first sheet that has rows, every cell as a text.

calamine reads the cells. What it would lose in silence is looked up in the sheet itself: a formula
that was saved without its value, an error such as #N/A, and how large the sheet claims to be.
"""

import datetime
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from xml.etree import ElementTree
from xml.parsers import expat

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from chatui.data import archives
from chatui.data.records import Record, Records, Unreadable, shortened
from chatui.data.tables import names_of
from chatui.errors import BrokenFile, UnpacksTooLarge

MAX_CELLS = 50_000_000  # calamine makes room for the whole rectangle, filled or not
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ADDRESS = re.compile(r"([A-Za-z]{1,9})([0-9]{1,9})")
# As every program writes it; what is written otherwise is looked at element by element.
_USUAL_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')
_ANY_CELL = (b"<c ", b"<c>", b"<c/", b"<c\n", b"<c\r", b"<c\t", b":c")
_UNUSUAL = (b"<f", b":f", b'"e"', b"'e'", b"\0")  # formulas, errors, or no UTF-8


def read_workbook(data: bytes, name: str) -> Records:
    """Read the first visible sheet that has rows; a note names the others.

    Raises BrokenFile or UnpacksTooLarge.
    """
    archives.check_size(data, name)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = _in_order(workbook)
        paths = _paths(data)
        if strings := archives.member(data, "xl/sharedStrings.xml"):
            expat.ParserCreate().Parse(strings, True)  # calamine takes half of them for all
        for title in sheets:
            marks = _marks(archives.member(data, paths.get(title, "")), name)
            sheet = workbook.get_sheet_by_name(title)
            if rows := sheet.to_python(skip_empty_area=True):
                others = [other for other in sheets if other != title]
                return _records(sheet, rows, marks, others)
    except (CalamineError, expat.ExpatError, ElementTree.ParseError) as error:
        reason = f"the workbook is damaged ({shortened(str(error), 80)})"
        raise BrokenFile(shortened(name, 60), reason) from error
    return Records("XLSX", (), (), (), rows_read=0)


@dataclass(slots=True)
class _Marks:
    """What a sheet says of its cells: why one may have no value, and how far they reach."""

    lost: dict[tuple[int, int], str] = field(default_factory=dict)  # by (row, column), from 0
    rows: int = 0
    columns: int = 0
    _cell: dict[str, str] = field(default_factory=dict)  # the attributes of the cell that is read
    _at: tuple[int, int] = (-1, -1)
    _is_formula: bool = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take note of an element's beginning."""
        if tag.endswith(" row"):
            number = attributes.get("r", "")
            self._at = (int(number) - 1 if number.isdecimal() else self._at[0] + 1, -1)
        elif tag.endswith(" c"):
            self.close()
            self._cell, self._is_formula = attributes, False
            found = _ADDRESS.fullmatch(attributes.get("r", ""))
            row, column = self._at
            self._at = (int(found[2]) - 1, _number(found[1]) - 1) if found else (row, column + 1)
            self.reach(self._at[0] + 1, self._at[1] + 1)
        elif tag.endswith(" f"):
            self._is_formula = True

    def close(self) -> None:
        """Take note of the cell that was read last."""
        kind, address = self._cell.get("t"), self._cell.get("r", "without address")
        if kind == "e":
            self.lost[self._at] = f"cell {address} holds an error such as #N/A; mend it"
        elif self._is_formula and kind != "str":  # a formula may well come to an empty text
            self.lost[self._at] = (
                f"cell {address} holds a formula without value; open and save the file in Excel"
            )

    def reach(self, rows: int, columns: int) -> None:
        """Take note of how far the cells reach."""
        self.rows, self.columns = max(self.rows, rows), max(self.columns, columns)


def _in_order(workbook: CalamineWorkbook) -> list[str]:
    """The names of the sheets, those that somebody hid at the end."""
    sheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    sheets.sort(key=lambda sheet: sheet.visible != SheetVisibleEnum.Visible)
    return [sheet.name for sheet in sheets]


def _paths(data: bytes) -> dict[str, str]:
    """Where in the archive each sheet is, by its name."""
    relations = ElementTree.fromstring(archives.member(data, "xl/_rels/workbook.xml.rels"))
    targets = {r.get("Id"): r.get("Target", "") for r in relations}
    book = ElementTree.fromstring(archives.member(data, "xl/workbook.xml"))
    found = {}
    for sheet in book.iter():
        if sheet.tag.endswith("}sheet") and (target := targets.get(sheet.get(_RELATION))):
            is_absolute = target.startswith("/")
            found[sheet.get("name", "")] = str(
                PurePosixPath(target.lstrip("/") if is_absolute else f"xl/{target}")
            )
    return found


def _marks(xml: bytes, name: str) -> _Marks:
    """Look through a sheet for cells without a value, before room is made for its cells."""
    marks = _Marks()
    usual = _USUAL_CELL.findall(xml)
    if any(mark in xml for mark in _UNUSUAL) or len(usual) != sum(map(xml.count, _ANY_CELL)):
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = marks.start
        parser.Parse(xml, True)
        marks.close()
    elif usual:
        columns = {letters for letters, _ in usual}
        marks.reach(max(int(row) for _, row in usual), max(_number(c.decode()) for c in columns))
    if marks.rows * marks.columns > MAX_CELLS:
        size = f"{marks.rows:,} rows and {marks.columns:,} columns"
        raise UnpacksTooLarge(shortened(name, 60), size)
    return marks


def _number(letters: str) -> int:
    """The number of a column, from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def _records(
    sheet: CalamineSheet, rows: Sequence[Sequence[object]], marks: _Marks, others: list[str]
) -> Records:
    top, left = sheet.start or (0, 0)
    numbers = 0
    lines: list[Sequence[object]] = []
    for y, row in enumerate(rows, start=top):
        if not marks.lost and {*map(type, row)} == {str}:
            if any(row):
                lines.append(row)
            continue
        numbers += sum(not isinstance(cell, str) for cell in row)
        lost = (marks.lost.get((y, x)) if c == "" else None for x, c in enumerate(row, left))
        cells = [Unreadable(why) if why else _as_text(c) for c, why in zip(row, lost, strict=True)]
        if any(cell != "" for cell in cells):
            lines.append(cells)
    width = len(lines[0]) if lines else 0
    while width and all(line[width - 1] == "" for line in lines):
        width -= 1
    lines = [line[:width] for line in lines]
    header = [cell if isinstance(cell, str) else "" for cell in lines[0]] if lines else []
    names, renamed, is_data = names_of(header)
    records = tuple(
        Record(number, dict(zip(names, line, strict=True)))
        for number, line in enumerate(lines if is_data else lines[1:], start=1)
    )
    notes = (*_notes(sheet, numbers, others), *renamed)
    kind = f"XLSX, sheet {shortened(sheet.name, 40)!r}"
    return Records(kind, tuple(names), records, (), notes, rows_read=len(records))


def _notes(sheet: CalamineSheet, numbers: int, others: list[str]) -> list[str]:
    notes = []
    if others:
        listed = ", ".join(repr(shortened(other, 40)) for other in others[:10])
        notes.append(
            f"The sheet {shortened(sheet.name, 40)!r} was read, {listed} "
            f"{'was' if len(others) == 1 else 'were'} not: add another sheet as a file of its own."
        )
    if merged := sheet.merged_cell_ranges:
        cells = "cell counts" if len(merged) == 1 else "cells count"
        notes.append(
            f"{len(merged):,} merged {cells} where the first of them is; others are empty."
        )
    if numbers:
        are = "cell holds a number or date and was" if numbers == 1 else (
            "cells hold numbers or dates and were"
        )  # fmt: skip
        notes.append(f"{numbers:,} {are} read as text, without the format that Excel shows.")
    return notes


def _as_text(cell: object) -> str:
    """A cell's value as a text: 7 is "7", not "7.0"."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(" ")
    return str(cell)
