"""Look through the sheets of a workbook before calamine makes room for their cells.

calamine asks for the whole rectangle that the cells span, and ends the process where there is no
memory for it; so every sheet that it could be led to is measured first, and what cannot be measured
is refused. It also leaves out in silence formulas that were saved without a value, and errors.
"""

import io
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from xml.etree import ElementTree
from xml.parsers import expat

from chatui.data import archives
from chatui.data.records import shortened
from chatui.errors import UnpacksTooLarge

MAX_CELLS = 50_000_000
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ADDRESS = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
# As every program writes it; what is written otherwise is looked at element by element.
_USUAL_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})([0-9]{1,7})"(?: s="[0-9]{1,6}")?(?: t="[A-Za-z]{1,9}")?/?>'
)
_ANY_CELL = (b"<c ", b"<c>", b"<c/", b"<c\n", b"<c\r", b"<c\t", b":c")
_UNUSUAL = (b"<f", b":f", b'"e"', b"\0")  # formulas, errors, or no UTF-8


@dataclass(slots=True)
class Marks:
    """What a sheet says of its cells: why one may have no value, and how far they reach."""

    lost: dict[tuple[int, int], str] = field(default_factory=dict)  # by (row, column), from 0
    rows: int = 0
    columns: int = 0
    _cell: dict[str, str] = field(default_factory=dict)  # the attributes of the cell that is read
    _at: tuple[int, int] = (-1, -1)
    _is_formula: bool = False
    _row_count: int = 0
    _in_row: int = 0
    _widest: int = 0
    _has_gaps: bool = False  # whether a cell or row has no address, and its place is counted

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take note of an element's beginning; raises ValueError for an address that is none."""
        match tag.rpartition(" ")[2]:
            case "row":
                self.close()
                self._start_row(attributes.get("r"))
            case "c":
                self.close()
                self._start_cell(attributes)
            case "f":
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
        self._cell, self._is_formula = {}, False

    def reach(self, rows: int, columns: int) -> None:
        """Take note of how far the cells reach."""
        self.rows, self.columns = max(self.rows, rows), max(self.columns, columns)

    def check(self, name: str) -> None:
        """Raise UnpacksTooLarge where there is no room for the cells."""
        rows, columns = self.rows, self.columns
        if self._has_gaps:  # as far as they can reach, however they are counted
            rows, columns = rows + self._row_count, columns + self._widest
        if rows * columns > MAX_CELLS:
            size = f"{rows:,} rows and {columns:,} columns"
            raise UnpacksTooLarge(shortened(name, 60), size)

    def _start_row(self, number: str | None) -> None:
        self._row_count, self._in_row = self._row_count + 1, 0
        if number is None:
            self._has_gaps = True
            self._at = (self._at[0] + 1, -1)
        elif re.fullmatch("[0-9]{1,7}", number):
            self._at = (int(number) - 1, -1)
            self.reach(int(number), 0)
        else:
            raise ValueError(f"a row has the number {shortened(number, 20)!r}")

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._cell, self._in_row = attributes, self._in_row + 1
        self._widest = max(self._widest, self._in_row)
        address = attributes.get("r")
        if address is None:
            self._has_gaps = True
            self._at = (self._at[0], self._at[1] + 1)
        elif found := _ADDRESS.fullmatch(address):
            self._at = (int(found[2]) - 1, column_number(found[1]) - 1)
        else:
            raise ValueError(f"a cell has the address {shortened(address, 20)!r}")
        self.reach(self._at[0] + 1, self._at[1] + 1)


def marks_of_sheets(data: bytes, name: str) -> dict[str, Marks]:
    """What each sheet says of its cells, by the sheet's name.

    Raises UnpacksTooLarge, and expat's or a ValueError where the workbook is damaged.
    """
    names = archives.names_inside(io.BytesIO(data))
    members = {path.lower().replace("\\", "/"): path for path in names}
    if len(members) < len(names):
        raise ValueError("two of its parts have the same name")
    relations = ElementTree.fromstring(_part(data, members, "xl/_rels/workbook.xml.rels"))
    targets = {r.get("Id"): r.get("Target", "") for r in relations}
    if strings := _part(data, members, "xl/sharedStrings.xml"):
        expat.ParserCreate().Parse(strings, True)  # calamine takes half of them for all
    # Measured by the last part of their names: a sheet is read whichever way leads to it.
    ends = {PurePosixPath(t.replace("\\", "/")).name.lower() for t in targets.values()}
    measured = {
        path: measure(archives.member(data, member), name)
        for path, member in members.items()
        if PurePosixPath(path).name in ends or path.endswith(".xml")
    }
    book = ElementTree.fromstring(_part(data, members, "xl/workbook.xml"))
    found = {}
    for sheet in book.iter():
        if sheet.tag.endswith("}sheet") and (target := targets.get(sheet.get(_RELATION))):
            path = target.lstrip("/").lower()
            path = path if path.startswith("xl/") else f"xl/{path}"
            found[sheet.get("name", "")] = measured.get(path) or Marks()
    return found


def measure(xml: bytes, name: str) -> Marks:
    """What a sheet says of its cells; raises as `marks_of_sheets` does."""
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise ValueError("a part of it has a document type, which no workbook needs")
    marks = Marks()
    usual = _USUAL_CELL.findall(xml)
    if any(mark in xml for mark in _UNUSUAL) or len(usual) != sum(map(xml.count, _ANY_CELL)):
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = marks.start
        parser.Parse(xml, True)
        marks.close()
    elif usual:
        columns = {letters.decode() for letters, _ in usual}
        marks.reach(max(int(row) for _, row in usual), max(map(column_number, columns)))
    marks.check(name)
    return marks


def column_number(letters: str) -> int:
    """The number of a column, from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def _part(data: bytes, members: dict[str, str], path: str) -> bytes:
    return archives.member(data, members.get(path.lower(), ""))
