"""Read an Excel workbook: one sheet, every cell as a text.

calamine reads the cells; what it would lose in silence is told by `sheets.py`.
"""

import datetime
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from chatui.data.sheets import Marks, marks_of_sheets
from chatui.data.tables import names_of
from chatui.errors import BrokenFile, NoSuchSheet


def read_workbook(data: bytes, name: str, wanted: str | None = None) -> Records:
    """Read the wanted sheet, or the first visible one that has rows; a note names the others.

    Raises BrokenFile, UnpacksTooLarge or NoSuchSheet.
    """
    archives.check_size(data, name)
    with _told(name):
        marks = marks_of_sheets(data, name)
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = _in_order(workbook)
        if wanted is not None and wanted not in sheets:
            raise NoSuchSheet(shortened(name, 60), shortened(wanted, 40), sheets)
        for title in sheets if wanted is None else [wanted]:
            sheet = workbook.get_sheet_by_name(title)
            if rows := sheet.to_python(skip_empty_area=True):
                others = [other for other in sheets if other != title]
                return _records(sheet, rows, marks.get(title) or Marks(), others)
    return Records("XLSX", (), (), (), rows_read=0)


def sheet_names(data: bytes, name: str) -> tuple[str, ...]:
    """The sheets of a workbook that have rows, in the order in which they are tried.

    Raises BrokenFile or UnpacksTooLarge.
    """
    archives.check_size(data, name)
    with _told(name):
        marks_of_sheets(data, name)  # refuses what there is no room for
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        titles = _in_order(workbook)
        return tuple(title for title in titles if workbook.get_sheet_by_name(title).height)


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (CalamineError, expat.ExpatError, ElementTree.ParseError, ValueError) as error:
        reason = f"the workbook is damaged ({shortened(str(error), 80)})"
        raise BrokenFile(shortened(name, 60), reason) from error


def _in_order(workbook: CalamineWorkbook) -> list[str]:
    """The names of the sheets, those that somebody hid at the end."""
    sheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    sheets.sort(key=lambda sheet: sheet.visible != SheetVisibleEnum.Visible)
    return [sheet.name for sheet in sheets]


def _records(
    sheet: CalamineSheet, rows: Sequence[Sequence[object]], marks: Marks, others: list[str]
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
            f"{'was' if len(others) == 1 else 'were'} not: choose the sheet that you want."
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
