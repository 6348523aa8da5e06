"""Reading in batches: the same records wherever a batch, a block or a letter is cut."""

import gzip
import io
import json
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatui.data import json_lines, origins, pieces
from chatui.data.pieces import Piece
from chatui.data.reading import HowToRead, collected, open_reading
from tests.data.whole import of_bytes, read_bytes
from tests.data.writing import csv_text, pairs

MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SCRAPS = st.sampled_from(
    ["a", ",", '"', '""', "\n", "\r\n", "\r", "é", "日", "user,agent\n", "a,b\n", " ", "😀"]
)
LINES = st.sampled_from(
    [
        '{"user": "a", "agent": "b"}',
        '{"user": "a", "user": "b"}',
        '{"user" : "a", "user" :"b"}',
        '{"user":1,"user"\t:2}',
        '{"user": ": b", "agent": "say \\": c"}',
        '{"user": 123456789012345678901234567890}',
        '{"user": 1.50, "agent": -0.0, "x": {"y": [1e400, 2]}}',
        '{"user": "\\ud83d", "agent": "é"}',
        '{"user": NaN}',
        "{'user': 'a', 'agent': None}",
        '[{"role": "user", "content": "a", "role": "b"}]',
        '{"a": {"b": 1, "b": 2}}',
        "",
        "  ",
        "\x1c",
        "7",
        '"text"',
        "{",
        "[" * 1200 + "]" * 1200,
        '{"user": "a\u2028b", "agent": "c\x0bd"}',
    ]
)


def in_blocks(data: bytes, size: int, name: str = "a.csv"):
    before, origins.BLOCK = origins.BLOCK, size
    try:
        return read_bytes(data, name)
    finally:
        origins.BLOCK = before


@MANY
@given(
    text=st.lists(SCRAPS, max_size=40).map("".join),
    size=st.integers(1, 9),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_a_table_is_the_same_wherever_its_blocks_are_cut(text, size, codec):
    data = ("user,agent\nx,y\n" + text).encode(codec)

    assert in_blocks(data, size) == read_bytes(data, "a.csv")


@MANY
@given(lines=st.lists(LINES, max_size=12), size=st.integers(1, 30), end=st.sampled_from("\r\n"))
def test_json_lines_are_the_same_wherever_their_blocks_are_cut(lines, size, end):
    data = end.join(['{"user": "x", "agent": "y"}'] * 40 + lines).encode("utf-8", "surrogatepass")

    assert repr(in_blocks(data, size)) == repr(read_bytes(data, "a.jsonl"))


@MANY
@given(lines=st.lists(LINES, min_size=1, max_size=20))
def test_the_quick_parser_reads_every_line_as_the_exact_one_does(lines):
    lines = [f"{line}\n" for line in lines]

    def read(parse):
        batch = json_lines.Objects().batch(parse(lines, 0))
        return repr((batch.good, batch.bad, batch.columns))

    is_spaced = json_lines._SPACED.search("".join(lines).encode("utf-8", "surrogatepass"))
    assert is_spaced or read(json_lines._quickly) == read(json_lines._slowly)


KEYS = st.sampled_from(['"a"', '"b"', '"a\\""', '"a\\\\"', '"c:"', '"":"'])
TEXTS = st.sampled_from(
    [
        '"x"',
        '": y"',
        '"say \\": z"',
        '"\\\\"',
        "1",
        "1.5",
        "null",
        "[]",
        '{"a": 1}',
        "NaN",
        "12" * 10,
    ]
)
GAPS = st.sampled_from(["", " ", "\t", "\n", "\r\n", "\r"])
OBJECTS = st.lists(st.tuples(KEYS, GAPS, TEXTS), max_size=3).map(
    lambda pairs: "{" + ",".join(f"{key}{gap}:{text}" for key, gap, text in pairs) + "}"
)


@MANY
@given(
    objects=st.lists(st.tuples(OBJECTS, st.sampled_from(["\n", "\n\n", ",", ",\n", "\r\n", " "]))),
)
def test_lines_that_are_read_at_once_are_read_as_one_by_one(objects):
    text = "".join(f"{item}{end}" for item, end in objects) + '{"user": "x", "agent": "y"}\n'
    at_once = json_lines._at_once(text.encode())

    batch = json_lines.Objects().batch(json_lines._slowly(Piece(text.encode()).lines(), 0))

    assert at_once is None or (at_once, ()) == ([r.values for r in batch.good], tuple(batch.bad))


CELLS = st.sampled_from(
    ["a", "", " ", '"b"', '"c,d"', '"e\nf"', '"g""h"', 'i"', '"j"k', "é", '""', '"']
)
ROWS = st.lists(CELLS, min_size=1, max_size=3).map(",".join)


@MANY
@given(rows=st.lists(ROWS, max_size=12), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_table_is_read_quickly_as_it_is_read_with_care(rows, end):
    data = end.join(["user,agent", "x,y", *rows, ""]).encode()
    quick = in_blocks(data, 16)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chatui.data.tables.plain_rows", lambda *_: None)
        patch.setattr("chatui.data.tables.strict_rows", lambda *_, **__: None)
        assert read_bytes(data, "a.csv") == quick


@pytest.mark.parametrize("size", [1, 7, 100])
def test_letters_that_blocks_cut_in_two_are_whole(size):
    rows = [{"user": "Grüße, 注文した", "agent": "😀 schön\nja"}] * 9

    read = in_blocks(csv_text(rows).encode("utf-16"), size)

    assert [record.values for record in read.good] == rows


def test_a_quoted_text_that_goes_on_in_the_next_block_is_one_text():
    rows = [{"user": f"a {n}\n" * 40, "agent": 'say "b"'} for n in range(30)]

    assert [r.values for r in in_blocks(csv_text(rows).encode(), 64).good] == rows


def test_a_quote_that_never_closes_costs_one_row_also_where_the_file_goes_on(monkeypatch):
    monkeypatch.setattr("chatui.data.tables.LONGEST", 1000)
    lines = ["user,agent", '"open,x', *(f"q {n},a {n}" for n in range(2000))]

    read = in_blocks("\n".join(lines).encode(), 500)

    assert [(bad.row, bad.reason[:44]) for bad in read.bad] == [
        (1, "line 2: a quote is opened here and never clo")
    ]
    assert len(read.good) == 2000
    assert read.good[-1].values == {"user": "q 1999", "agent": "a 1999"}


@pytest.mark.parametrize(
    ("kind", "end"),
    [("csv", "\n"), ("csv", "\r\n"), ("csv", "\r"), ("jsonl", "\n"), ("jsonl", "\r\n")],
)
def test_a_line_without_end_costs_itself_and_says_how_long_it_is(monkeypatch, kind, end):
    monkeypatch.setattr(pieces, "LONGEST", 2000)
    good = "a,b" if kind == "csv" else '{"user": "a", "agent": "b"}'
    head = ["user,agent"] if kind == "csv" else [good]
    text = end.join([*head, good, "x" * 9000, good, ""])

    read = in_blocks(text.encode(), 512)

    assert [bad.row for bad in read.bad] == [2 if kind == "csv" else 3]
    length = 9000 + len(end)
    assert read.bad[0].reason == f"line 3: it has {length:,} bytes, and no end in sight"
    assert [r.row for r in read.good] == ([1, 3] if kind == "csv" else [1, 2, 4])


def test_batches_say_how_much_of_the_file_was_read():
    data = csv_text(pairs(5000)).encode()

    for packed in (data, gzip.compress(data)):
        before, origins.BLOCK = origins.BLOCK, 4096
        try:
            read = [batch.read for batch in open_reading(of_bytes(packed, "a")).batches()]
        finally:
            origins.BLOCK = before
        assert read == sorted(read)
        assert len(set(read)) > 2 or packed is not data
        assert read[-1] == len(packed)


def test_parquet_is_read_in_batches_out_of_an_archive_too(tmp_path):
    import pyarrow
    import pyarrow.parquet

    out, packed = io.BytesIO(), io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(pairs(5000)), out)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.parquet", out.getvalue())

    batches = list(open_reading(of_bytes(packed.getvalue(), "a.zip")).batches())

    assert len(batches) == 3
    assert [r.values for batch in batches for r in batch.good] == pairs(5000)


@pytest.mark.parametrize(
    "data",
    [
        csv_text(pairs(9000)).encode(),
        csv_text(pairs(9000)).encode("utf-16"),
        gzip.compress(csv_text(pairs(9000)).encode()),
        "\n".join(map(json.dumps, pairs(9000))).encode(),
        json.dumps(pairs(9000)).encode(),
        json.dumps(pairs(9000), indent=1).encode(),
    ],
    ids=["csv", "utf-16", "gzip", "lines", "list", "pretty"],
)
def test_the_beginning_of_a_file_is_whole_records_of_it(data):
    part = collected(open_reading(of_bytes(data, "a"), HowToRead(limit=20_000)))
    whole = read_bytes(data, "a")

    assert 0 < len(part.good) < 9000
    assert part.bad == ()
    assert part.good == whole.good[: len(part.good)]
