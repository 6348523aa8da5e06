"""Reading: what is in a file arrives as it stands there, or is told with its place."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatui.data import tables
from chatui.errors import BrokenFile, FileMissing, NoRows
from tests.data.whole import read_bytes, read_file
from tests.data.writing import ALL_FORMATS, FORMATS, csv_text, pairs, write

# Things that people say and that readers have turned into numbers, dates and nothing.
SAYINGS = [
    "NA",
    "null",
    "None",
    "nan",
    "007",
    "1e5",
    "true",
    "",
    "  ",
    "1,5",
    "2024-01-01",
    "-",
    "#",
]


@pytest.mark.parametrize("kind", ALL_FORMATS)
def test_words_that_look_like_values_stay_words_in_every_format(tmp_path, kind):
    rows = [{"user": saying or "x", "agent": saying} for saying in SAYINGS]

    read = read_file(write(tmp_path / f"a{kind}", rows))

    assert [record.values for record in read.good] == rows
    assert read.bad == ()


# No file of text can hold a lone surrogate; a quoted cell can hold everything else.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
@pytest.mark.parametrize("kind", FORMATS)
def test_any_text_comes_back_unchanged_from_every_format(tmp_path, kind, texts):
    rows = [{"user": user, "agent": agent} for user, agent in texts]

    read = read_file(write(tmp_path / f"a{kind}", rows))

    assert [record.values for record in read.good] == rows
    assert read.bad == ()


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_the_separator_is_found_out_although_texts_hold_the_others(separator):
    text = csv_text([{"user": "a, b; c | d\te", "agent": "1; 2, 3"}] * 3, separator)

    read = read_bytes(text.encode(), "a.csv")

    assert read.columns == ("user", "agent")
    assert read.good[2].values == {"user": "a, b; c | d\te", "agent": "1; 2, 3"}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read_and_those_inside_texts_are_kept(newline):
    text = newline.join(["user,agent", '"two\nlines",yes', "b,no"])

    read = read_bytes(text.encode(), "a.csv")

    assert [record.values["user"] for record in read.good] == ["two\nlines", "b"]


@pytest.mark.parametrize(
    ("codec", "title"),
    [("utf-8-sig", "UTF-8 with BOM"), ("utf-16", "UTF-16 LE with BOM"), ("utf-8", "UTF-8")],
)
def test_marks_of_encodings_are_read_and_named(codec, title):
    read = read_bytes("user,agent\nGrüße,schön\n".encode(codec), "a.csv")

    assert read.columns == ("user", "agent")
    assert read.good[0].values == {"user": "Grüße", "agent": "schön"}
    assert title in read.kind
    assert read.notes == ()


def test_a_file_that_is_no_utf8_is_read_as_windows_1252_and_that_is_said():
    read = read_bytes("user,agent\ncafé,schön\n".encode("cp1252"), "a.csv")

    assert read.good[0].values == {"user": "café", "agent": "schön"}
    assert "Windows-1252" in read.kind
    assert "not UTF-8" in read.notes[0]


def test_one_damaged_byte_does_not_garble_the_other_rows():
    data = "user,agent\nGrüße,schön\nfaul,x\n".encode().replace(b"faul", b"f\xffl")

    read = read_bytes(data, "a.csv")

    assert read.good[0].values["user"] == "Grüße"
    assert "1 byte not UTF-8, the first at byte 28" in read.notes[0]


def test_a_ragged_row_is_told_with_its_line_and_the_others_are_read():
    read = read_bytes(b"user,agent\nhi,hello\nonly one\na,b,c\nbye,ciao\n", "a.csv")

    assert [record.row for record in read.good] == [1, 4]
    assert [bad.reason for bad in read.bad] == [
        "line 3: 1 value where the header names 2 columns",
        "line 4: 3 values where the header names 2 columns",
    ]
    assert read.bad[0].raw == "only one"
    assert read.rows_read == 4


def test_empty_cells_at_the_end_of_a_row_are_not_ragged():
    read = read_bytes(b"user,agent\nhi,hello,,\n", "a.csv")

    assert read.good[0].values == {"user": "hi", "agent": "hello"}


def test_an_open_quote_costs_one_row_and_not_the_rest_of_the_file():
    read = read_bytes(b'user,agent\nhi,hello\nwhat,"never closed\nbye,ciao\nso,long\n', "a.csv")

    assert [record.values["user"] for record in read.good] == ["hi", "bye", "so"]
    assert read.bad[0].reason.startswith("line 3: a quote is opened here and never closes")


def test_a_quote_inside_a_quoted_text_costs_its_own_row_only():
    read = read_bytes(b'user,agent\n"say "hi" now",x\n"a, b",y\n', "a.csv")

    assert [record.values["user"] for record in read.good] == ["a, b"]
    assert "line 2: a quote is closed and text follows" in read.bad[0].reason


def test_many_open_quotes_are_read_in_a_time_that_grows_with_the_text():
    lines = [f'{n},"open {n}' for n in range(3000)]
    visited = 0

    class Counted(list):
        def __getitem__(self, index):
            nonlocal visited
            visited += 1
            return super().__getitem__(index)

    parsed = list(tables._parse(Counted(lines), ","))

    assert len(parsed) >= 1500
    assert visited < 4 * len(lines)


def test_columns_without_a_name_or_twice_there_get_one_of_their_own():
    read = read_bytes(b"user,agent,,user\na,b,c,d\n", "a.csv")

    assert read.columns == ("user", "agent", "column 3", "user (2)")
    assert "column 3, user (2)" in read.notes[0]


def test_a_missing_header_is_noticed_and_no_row_is_eaten():
    read = read_bytes(b"How do I pay?,By card.\nWhere is it?,On its way.\n", "a.csv")

    assert read.columns == ("column 1", "column 2")
    assert len(read.good) == 2
    assert "not taken as column names" in read.notes[0]


def test_the_first_line_of_excel_and_spaces_before_quotes_are_understood():
    assert read_bytes(b"sep=;\nuser;agent\na;b\n", "a.csv").good[0].values == {
        "user": "a",
        "agent": "b",
    }
    padded = read_bytes(b'"user", "agent"\n"hi, you", "hello"\n', "a.csv")
    assert padded.good[0].values == {"user": "hi, you", "agent": "hello"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the file is empty"),
        (b" \n\t\n", "only white space"),
        (b"\xef\xbb\xbf", "only white space"),
        (b"user,agent\n", "only a header"),
        (b"[]", "an empty list"),
    ],
)
def test_a_file_without_rows_says_why(data, why):
    with pytest.raises(NoRows, match=why):
        read_bytes(data, "a.csv")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileMissing, match=r"gone\.csv can't be read: no such file"):
        read_file(tmp_path / "gone.csv")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(pairs(3)),
        json.dumps(pairs(3), indent=2),
        json.dumps({"version": 1, "data": pairs(3)}),
        "\n".join(json.dumps(row) for row in pairs(3)),
        "\r\n\r\n".join(json.dumps(row) for row in pairs(3)),
        "\n".join(json.dumps(row, indent=2) for row in pairs(3)),
        json.dumps({key: [row[key] for row in pairs(3)] for key in ("user", "agent")}),
        json.dumps({k: {str(n): r[k] for n, r in enumerate(pairs(3))} for k in ("user", "agent")}),
    ],
    ids=["list", "pretty", "inside", "lines", "gaps", "pretty-lines", "columns", "pandas"],
)
def test_json_is_read_in_every_shape_whatever_the_file_is_called(text):
    read = read_bytes(text.encode(), "a.csv")

    assert [record.values for record in read.good] == pairs(3)


def test_a_key_that_first_comes_late_is_a_column():
    rows = [{"user": "a", "agent": "b"}] * 300 + [{"user": "a", "agent": "b", "system": "s"}]

    read = read_bytes("\n".join(json.dumps(row) for row in rows).encode(), "a.jsonl")

    assert read.columns == ("user", "agent", "system")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"user": "a", "agent": ', "line 2: the JSON is broken at column"),
        ('{"user": "a", "user": "b"}', "line 2: the key 'user' stands twice"),
        ('{"user": NaN}', "line 2: NaN is no JSON value"),
        ("[" * 100_000, "line 2: the JSON is nested too deeply"),
        ('"just a text"', "this is a text, not an object"),
        ("42", "this is a number (42), not an object"),
    ],
)
def test_a_bad_line_is_told_and_the_other_lines_are_read(line, reason):
    good = '{"user": "a", "agent": "b"}'

    read = read_bytes("\n".join([good, line, good]).encode(), "a.jsonl")

    assert [record.row for record in read.good] == [1, 3]
    assert read.bad[0].row == 2
    assert reason in read.bad[0].reason


def test_a_broken_element_of_a_list_costs_only_itself():
    text = json.dumps(pairs(4), indent=2).replace('"reply 1"', '"reply 1')

    read = read_bytes(text.encode(), "a.json")

    assert [record.values["user"] for record in read.good] == [
        "question 0",
        "question 2",
        "question 3",
    ]
    assert "line 6" in read.bad[0].reason


def test_a_list_that_breaks_off_keeps_what_came_before():
    text = json.dumps(pairs(4), indent=2)[:-40]

    read = read_bytes(text.encode(), "a.json")

    assert len(read.good) == 3
    assert len(read.bad) == 1


def test_a_damaged_parquet_file_says_so():
    with pytest.raises(BrokenFile, match=r"a\.parquet can't be read"):
        read_bytes(b"PAR1" + bytes(100), "a.parquet")


def test_lists_of_turns_are_read_from_parquet(tmp_path):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]

    read = read_file(write(tmp_path / "a.parquet", [{"messages": turns}]))

    assert read.good[0].values == {"messages": turns}
