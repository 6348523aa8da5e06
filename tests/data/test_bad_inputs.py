"""Bad files that people have, each with the sentence that it gets and the rows that are left."""

import io
import json

import pyarrow
import pyarrow.parquet
import pytest

from chatui.data.prepare import prepare
from chatui.errors import ChatUIError

HEAD = b"user,agent\n"
GOOD = b"hi,hello\n"
LINE = b'{"user": "hi", "agent": "hello"}\n'
DEEP = b'{"user": ' + b"[" * 100_000 + b"]" * 100_000 + b', "agent": "a"}\n'


def parquet(rows):
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), out)
    return out.getvalue()


def line(**values):
    return json.dumps(values).encode() + b"\n"


# Content, how many rows are kept, and a part of what is said about the others or the file.
CASES = {
    "nothing": (b"", None, "has no rows: the file is empty"),
    "spaces": (b"  \n ", None, "has no rows: there is only white space in it"),
    "only a header": (HEAD, None, "has no rows: there is only a header"),
    "missing header": (b"Where is it?,On its way.\n", 1, "The first row looks like a conversation"),
    "header twice": (b"user,agent,user\na,b,c\n", 1, "twice there, are called user (2)"),
    "a row too short": (HEAD + GOOD + b"alone\n", 1, "line 3: 1 value where the header names 2"),
    "a row too long": (HEAD + GOOD + b"a,b,c\n", 1, "line 3: 3 values where the header names 2"),
    "open quote": (HEAD + b'"a,b\n' + GOOD, 1, "line 2: a quote is opened here and never closes"),
    "NUL in a text": (HEAD + GOOD + b"a\x00b,c\n", 2, ""),
    "control characters": (HEAD + b"a\x07,b\x1b[0m\n", 1, ""),
    "a byte that is no UTF-8": (
        HEAD + "Grüße,schön\n".encode() + b"f\xffl,x\n",
        1,
        "the column 'user' has a broken character at position 2",
    ),
    "half a character": (LINE + b'{"user": "\\ud83d", "agent": "a"}\n', 1, "a broken character"),
    "Windows-1252": (HEAD + "café,schön\n".encode("cp1252"), 1, "it was read as Windows-1252"),
    "a text without end": (
        HEAD + GOOD + b"a," + b"x" * 1_000_001 + b"\n",
        1,
        "the column 'agent' holds 1,000,001 characters; a turn may have 1,000,000",
    ),
    "a line without end": (HEAD + GOOD + b"x" * 3_000_000, 1, "line 3: 1 value"),
    "an object as a text": (LINE + line(user={"a": 1}, agent="b"), 1, "holds an object ("),
    "a list as a text": (LINE + line(user=["a"], agent="b"), 1, "holds a list ("),
    "a number as a text": (LINE + line(user=1, agent="b"), 1, "holds a number (1), not a text"),
    "true as a text": (LINE + line(user=True, agent="b"), 1, "holds true or false (True)"),
    "nothing as a text": (LINE + line(user="a", agent=None), 1, "the reply is blank"),
    "a key twice": (LINE + b'{"user": "a", "user": "b"}\n', 1, "the key 'user' stands twice"),
    "NaN": (LINE + b'{"user": NaN, "agent": "b"}\n', 1, "line 2: NaN is no JSON value"),
    "Infinity": (LINE + b'{"user": -Infinity, "agent": "b"}\n', 1, "-Infinity is no JSON value"),
    "a huge number": (LINE + b'{"user": 1e999, "agent": "b"}\n', 1, "holds a number (inf)"),
    "endless digits": (
        LINE + b'{"user": ' + b"9" * 5000 + b"}\n",
        1,
        "line 2: a number has too many digits",
    ),
    "nested too deeply": (LINE + DEEP, 1, "line 2: the JSON is nested too deeply"),
    "a line cut off": (LINE + LINE[:-9], 1, "line 2: the JSON is broken at column"),
    "a late column": (LINE + line(user="a", agent="b", system="s"), 2, ""),
    "nested in data": (line(data=[{"user": "a", "agent": "b"}]), 1, "from the list 'data'"),
    "a picture": (b"\x89PNG\r\n\x1a\n", None, "a.csv is a PNG image. Add CSV"),
    "a sheet of old": (b"\xd0\xcf\x11\xe0" + bytes(600), None, "save it as CSV"),
    "a web page": (b"<!doctype html><p>hi", None, "is a web page or XML document"),
    "false parquet": (b"PAR1" + bytes(99), None, "a.csv can't be read"),
    "parquet of numbers": (parquet([{"user": 1, "agent": "a"}]), None, "holds a number (1)"),
    "ten thousand columns": (
        b",".join(b"c%d" % n for n in range(10_000)) + b"\n" + b"," * 9_999 + b"\n",
        None,
        "There are: c0, c1, c2",
    ),
    "a column name of 1 MB": (b"x" * 1_000_000 + b",y,z\na,b,c\n", None, "There are: xxx"),
    "formulas": (HEAD + b"=1+1,@SUM(A1)\n", 1, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_file_keeps_its_good_rows_and_says_what_is_wrong_with_the_others(tmp_path, name):
    content, kept, sentence = CASES[name]
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    try:
        draft = prepare(path)
    except ChatUIError as error:
        found, told = None, [str(error)]
    else:
        found = len(draft.kept)
        told = [*draft.notes, *(row.reason for row in draft.removed)]
        assert draft.accounted

    assert found == kept
    assert sentence in "\n".join(told)
    assert bool(sentence) == bool(told)
    assert all(len(said) < 1000 for said in told)


def test_texts_that_look_like_formulas_or_values_stay_as_they_are(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD + b"=1+1,@SUM(A1)\n-2,+3\n")

    kept = prepare(path).kept

    assert [turn.text for row in kept for turn in row.turns] == ["=1+1", "@SUM(A1)", "-2", "+3"]
