"""Workbooks: every cell arrives as a text, and what a cell does not give is told."""

import contextlib
import datetime
import io
import zipfile

import openpyxl
import pytest

from chatui.conversation import Turn
from chatui.data import sheets
from chatui.data.prepare import prepare
from chatui.data.reading import sheet_choices
from chatui.data.recipe import Recipe, recipe_of
from chatui.errors import (
    BrokenFile,
    ChatUIError,
    NoRows,
    NoSuchSheet,
    NotConversations,
    UnpacksTooLarge,
)
from tests.data.whole import prepare_by, read_bytes


def workbook(*sheets, **changes):
    """A workbook with sheets of rows; `changes` are done to the first sheet's cells."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(row)
    for address, value in changes.items():
        book.worksheets[0][address] = value
    return saved(book)


def saved(book):
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


HEADER = ["user", "agent"]


def test_the_first_sheet_with_rows_is_read_and_the_others_are_named():
    read = read_bytes(workbook([], [HEADER, ["a", "b"]], [HEADER, ["c", "d"]]), "a.xlsx")

    assert [record.values for record in read.good] == [{"user": "a", "agent": "b"}]
    assert read.kind == "XLSX, sheet 'Sheet 2'"
    assert read.notes == (
        "The sheet 'Sheet 2' was read, 'Sheet 1', 'Sheet 3' were not: choose the sheet that "
        "you want.",
    )


def test_the_sheet_that_was_chosen_is_read_and_goes_into_the_recipe(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([], [HEADER, ["a", "b"]], [["question", "answer"], ["c", "d"]]))

    assert sheet_choices(path) == ("Sheet 2", "Sheet 3")
    draft = prepare_by(Recipe(sheet="Sheet 3"), path)

    assert draft.kept[0].turns == (Turn("user", "c"), Turn("assistant", "d"))
    assert recipe_of(draft).sheet == "Sheet 3"
    with pytest.raises(NoSuchSheet, match="a.xlsx has no sheet 'Chats'. .*'Sheet 2', 'Sheet 3'"):
        prepare_by(Recipe(sheet="Chats"), path)


def test_there_is_nothing_to_choose_in_a_workbook_of_one_sheet_or_in_a_table(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(workbook([HEADER, ["a", "b"]], []))
    (tmp_path / "a.csv").write_text("user,agent\na,b\n")

    assert sheet_choices(tmp_path / "a.xlsx") == sheet_choices(tmp_path / "a.csv") == ()


def test_a_sheet_that_somebody_hid_comes_last():
    book = openpyxl.Workbook()
    book.active.append(["secret", "x"])
    book.active.sheet_state = "hidden"
    book.create_sheet("Shown").append(HEADER)
    book["Shown"].append(["a", "b"])

    assert read_bytes(saved(book), "a.xlsx").kind == "XLSX, sheet 'Shown'"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("007", "007"),
        ("NA", "NA"),
        ("  a\nb ", "  a\nb "),
        ("null", "null"),
        (7, "7"),
        (-1.5, "-1.5"),
        (True, "TRUE"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.datetime.fromisoformat("2024-01-02 03:04"), "2024-01-02 03:04:00"),
        (datetime.time(3, 4), "03:04:00"),
    ],
)
def test_a_cell_is_read_as_text(value, text):
    read = read_bytes(workbook([HEADER, ["a", value]]), "a.xlsx")

    assert read.good[0].values["agent"] == text
    assert bool(read.notes) == (not isinstance(value, str))


def test_rows_are_counted_from_the_header_wherever_the_table_begins():
    data = workbook([[None, None, None], [None, *HEADER], [None] * 3, [None, "a", "b"]])

    read = read_bytes(data, "a.xlsx")

    assert [(record.row, record.values) for record in read.good] == [
        (1, {"user": "a", "agent": "b"})
    ]


def test_a_formula_without_its_value_costs_the_rows_that_need_it(tmp_path):
    rows = [[*HEADER, "sum"], ["a", "b", "=1+1"], ["c", "d", ""], ["=A1", "f", ""]]
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(rows))

    draft = prepare(path)

    assert [row.row for row in draft.kept] == [1, 2]
    assert draft.removed[0].reason == (
        "cell A4 holds a formula without value; open and save the file in Excel"
    )


@pytest.mark.parametrize("row", range(1, 4))
@pytest.mark.parametrize("column", HEADER)
def test_a_formula_without_its_value_is_seen_in_any_cell(tmp_path, row, column):
    rows = [HEADER, *([f"q {n}", f"a {n}"] for n in range(4))]
    address = f"{'AB'[HEADER.index(column)]}{row + 1}"
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(rows, **{address: "=A1"}))

    quarantined = prepare(path).quarantined

    assert [(bad.row, bad.field) for bad in quarantined] == [(row, column)]
    assert f"cell {address} holds a formula without value" in quarantined[0].reason


def test_an_error_in_a_cell_is_not_read_as_nothing(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([HEADER, ["a", "b"], ["c", "#N/A"]]))

    assert "cell B3 holds an error such as #N/A" in prepare(path).removed[0].reason


def test_merged_cells_are_told():
    book = openpyxl.Workbook()
    for row in (HEADER, ["a", "b"], ["", "c"]):
        book.active.append(row)
    book.active.merge_cells("A2:A3")

    assert read_bytes(saved(book), "a.xlsx").notes == (
        "1 merged cell counts where the first of them is; others are empty.",
    )


def test_a_workbook_without_rows_says_so():
    for data in (workbook([]), workbook([HEADER])):
        with pytest.raises(NoRows, match=r"a\.xlsx has no rows"):
            read_bytes(data, "a.xlsx")


def test_a_cell_far_away_does_not_fill_the_memory():
    with pytest.raises(UnpacksTooLarge, match="1,048,576 rows and 16,384 columns"):
        read_bytes(workbook([HEADER, ["a", "b"]], XFD1048576="x"), "a.xlsx")


def test_a_workbook_that_unpacks_without_end_is_refused():
    out = io.BytesIO(workbook([HEADER, ["a", "b"]]))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png", bytes(30 * 2**20))

    with pytest.raises(UnpacksTooLarge, match="more than 100 times"):
        read_bytes(out.getvalue(), "a.xlsx")


def without(data, path, instead=b"<broken"):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, instead if name == path else old.read(name))
    return out.getvalue()


@pytest.mark.parametrize(
    "path",
    [
        "xl/workbook.xml",
        "xl/worksheets/sheet1.xml",
        "xl/_rels/workbook.xml.rels",
    ],
)
def test_a_damaged_workbook_gets_a_sentence(path):
    with pytest.raises(BrokenFile, match=r"a\.xlsx can't be read: the workbook is damaged"):
        read_bytes(without(workbook([HEADER, ["a", "b"]]), path), "a.xlsx")


@pytest.mark.parametrize(
    ("inside", "what"),
    [
        ("xl/workbook.bin", "a binary Excel workbook. To use it, save it as .xlsx"),
        ("META-INF/manifest.xml", "an OpenDocument file"),
    ],
)
def test_workbooks_of_other_kinds_are_named(inside, what):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(inside, "x")

    with pytest.raises(NotConversations, match=what):
        read_bytes(out.getvalue(), "a.xlsx")


def test_the_number_of_a_column_is_that_of_its_letters():
    assert [sheets.column_number(name) for name in ("A", "Z", "AA", "XFD")] == [1, 26, 27, 16384]


@pytest.mark.parametrize("at", range(0, 4000, 97))
def test_any_damaged_byte_of_a_workbook_gives_rows_or_a_sentence(at):
    data = bytearray(workbook([HEADER, ["a", "b"]]))
    data[at % len(data)] ^= 0xFF

    with contextlib.suppress(ChatUIError):
        assert read_bytes(bytes(data), "a.xlsx").rows_read


def test_cells_and_rows_without_an_address_are_counted():
    many = "".join(f"<c><v>{n}</v></c>" for n in range(100))
    xml = f'<s xmlns="x"><row><c><v>1</v></c></row><row r="1048576">{many}</row></s>'

    with pytest.raises(UnpacksTooLarge, match="1,048,578 rows and 200 columns"):
        sheets.measure(xml.encode(), "a.xlsx")


def test_a_usual_sheet_and_one_with_prefixes_are_measured_alike():
    usual = b'<s xmlns="x"><row r="7"><c r="AB7"/></row></s>'
    other = b'<x:s xmlns:x="x"><x:row r="7"><x:c\nr="AB7"/></x:row></x:s>'

    for marks in (sheets.measure(usual, "a"), sheets.measure(other, "a")):
        assert (marks.rows, marks.columns, marks.lost) == (7, 28, {})


@pytest.mark.parametrize(
    "xml",
    [
        b'<s xmlns="x"><row r="1"><c r="A99999999999"/></row></s>',
        b'<s xmlns="x"><row r="1"><c r="ABCD1"/></row></s>',
        b'<s xmlns="x"><row r="99999999999"><c/></row></s>',
        b'<s xmlns="x"><row r="1"><c r="A1" r="ZZZ9"/></row></s>',
        b'<!DOCTYPE s [<!ATTLIST c r CDATA "A1">]><s xmlns="x"><c/></s>',
    ],
)
def test_a_sheet_that_cannot_be_measured_is_refused(xml):
    data = without(workbook([HEADER, ["a", "b"]]), "xl/worksheets/sheet1.xml", xml)

    with pytest.raises(BrokenFile, match="the workbook is damaged"):
        read_bytes(data, "a.xlsx")


@pytest.mark.parametrize(
    "xml",
    [
        b'<s><row r="1"><c r="A1"><v>1</v></c></row><row><c r="XFD1048576"><v>1</v></c></row></s>',
        b'<s xmlns="x"><c r="A1"/><c r="XFD1048576" foo="1"/></s>',
    ],
)
def test_a_far_cell_is_seen_however_the_sheet_is_written(xml):
    data = without(workbook([HEADER, ["a", "b"]]), "xl/worksheets/sheet1.xml", xml)

    with pytest.raises(UnpacksTooLarge):
        read_bytes(data, "a.xlsx")


def test_a_workbook_with_two_parts_of_one_name_is_refused():
    out = io.BytesIO(workbook([HEADER, ["a", "b"]]))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/worksheets/SHEET1.xml", b"<s/>")

    with pytest.raises(BrokenFile, match="two of its parts have the same name"):
        read_bytes(out.getvalue(), "a.xlsx")
