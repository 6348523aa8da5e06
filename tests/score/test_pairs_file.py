"""A file of pairs is read line by line; what can't be scored is refused with line and field."""

import json

import pytest

from chatui.errors import BadPair, FileMissing
from chatui.score.pairs_file import read_pairs
from chatui.score.text_figures import Pair

GOOD = '{"reply": "a", "references": ["b", "c"]}'


def written(tmp_path, *lines: str | bytes):
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    )
    return path


def line(**fields: object) -> str:
    return json.dumps({"reply": "a", "references": ["b", "c"], **fields})


def test_all_fields_are_read_and_others_left_alone(tmp_path):
    path = written(tmp_path, line(prompt="p", label="l", reply_b="z", id=7), "")

    assert read_pairs(path) == [Pair("a", ("b", "c"), "p", "l", "z")]


def test_blank_lines_a_byte_order_mark_and_windows_ends_do_no_harm(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbf" + GOOD.encode() + b"\r", "", "  ", GOOD)

    assert read_pairs(path) == [Pair("a", ("b", "c"))] * 2


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path):
    path = written(tmp_path, '{"reply": "a\u2028b", "references": ["c"]}')

    assert read_pairs(path)[0].reply == "a\u2028b"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("{reply: a}", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        (b'{"reply": "\xff"}', "it is not UTF-8"),
        ("[1, 2]", "it is a list, not a JSON object"),
        ("null", "it is missing, not a JSON object"),
        ('{"references": ["b", "c"]}', "'reply' is missing"),
        (line(reply=None), "'reply' is missing"),
        (line(reply=3), "'reply' is a number"),
        ('{"reply": NaN, "references": ["b", "c"]}', "'reply' is a number"),
        (line(reply=["a", "b"]), "'reply' is a list: replies and lines seem transposed"),
        ('{"reply": "a"}', "'references' is missing, not a list"),
        (line(references="b"), "'references' is a bare text"),
        (line(references={"0": "b"}), "'references' is an object, not a list"),
        (line(references=[]), "'references' is empty"),
        (line(references=["b", None]), "'references[1]' is missing"),
        (line(references=["b", 3]), "'references[1]' is a number"),
        (line(references=[["b"], ["c"]]), "they seem transposed"),
        (line(references=["b"]), "'references' has 1 texts and line 1 has 2"),
        (line(prompt=None), "'prompt' is missing"),
        (line(label=True), "'label' is true or false"),
        (line(reply_b="z"), "'reply_b' must be in all lines or in none, and line 1 has none"),
        (line(reply="\ud800"), "'reply' has half of a character"),
    ],
)
def test_a_line_that_cannot_be_scored_is_refused_by_number_and_field(tmp_path, bad, told):
    with pytest.raises(BadPair) as refused:
        read_pairs(written(tmp_path, GOOD, "", bad))

    assert str(refused.value).startswith("pairs.jsonl, line 3: ")
    assert told in str(refused.value)


def test_a_second_reply_that_is_missing_later_is_refused(tmp_path):
    with pytest.raises(BadPair, match=r"line 2: 'reply_b' .* line 1 has one"):
        read_pairs(written(tmp_path, line(reply_b="z"), GOOD))


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_refused(tmp_path, content):
    with pytest.raises(BadPair, match=r"pairs\.jsonl: it is empty"):
        read_pairs(written(tmp_path, content))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileMissing, match="nowhere"):
        read_pairs(tmp_path / "nowhere.jsonl")
    with pytest.raises(FileMissing):
        read_pairs(tmp_path)
