"""A draft accounts for every record of any file, and depends on the file and options only."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatui.data.prepare import Options, draft_of, prepare
from chatui.errors import ChatUIError, FileMissing
from tests.data.writing import FORMATS, pairs, write

CELLS = st.sampled_from(
    ["a", "b", " a ", "", "NA", "<b>a</b>", "a\nb", '"', "a,b", "donâ€™t", ";", "|"]
)
VALUES = st.one_of(CELLS, st.none(), st.integers(0, 9), st.lists(CELLS, max_size=2))


def accounted(path: Path) -> list[int]:
    """The numbers of all rows in the draft of a file; none if it is refused as a whole."""
    try:
        draft = prepare(path)
    except ChatUIError:
        return []
    rows = [row.row for row in draft.kept] + [row.row for row in draft.removed]
    assert draft.accounted
    assert sum(draft.removed_by.values()) == len(draft.removed)
    assert draft.rows_read == len(draft.kept) + sum(draft.removed_by.values())
    assert sum(draft.splits.values()) == len(draft.kept)
    return sorted(rows)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.fixed_dictionaries({"user": CELLS, "agent": CELLS}), min_size=1, max_size=12)
)
@pytest.mark.parametrize("kind", FORMATS)
def test_every_row_of_a_sound_file_is_kept_or_removed(tmp_path, kind, rows):
    path = write(tmp_path / f"a{kind}", rows)

    assert accounted(path) in ([], list(range(1, len(rows) + 1)))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(st.lists(CELLS, min_size=1, max_size=4).map(",".join), max_size=12))
def test_every_row_of_a_broken_table_is_kept_or_removed(tmp_path, lines):
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join(["user,agent", *lines]).encode())

    rows = accounted(path)

    assert rows == list(range(1, len(rows) + 1))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["user", "agent", "x"]), VALUES), max_size=12),
    cut=st.integers(0, 400),
    lines=st.booleans(),
)
def test_every_record_of_a_truncated_json_file_is_kept_or_removed(tmp_path, rows, cut, lines):
    text = "\n".join(json.dumps(row) for row in rows) if lines else json.dumps(rows, indent=1)
    path = tmp_path / "a.json"
    path.write_text(text[:-cut] if cut else text)

    rows_out = accounted(path)

    assert rows_out == list(range(1, len(rows_out) + 1))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=200), head=st.sampled_from([b"", b"user,agent\n", b"[{", b'{"a": ']))
def test_any_bytes_at_all_give_a_draft_or_a_sentence(tmp_path, data, head):
    path = tmp_path / "a.csv"
    path.write_bytes(head + data)

    accounted(path)


def test_the_same_file_and_options_are_prepared_once(tmp_path):
    path = write(tmp_path / "a.csv", pairs(5))

    assert draft_of(path, Options(), "a.csv") is draft_of(path, Options(), "a.csv")
    assert draft_of(path, Options(seed=1), "a.csv") is not draft_of(path, Options(), "a.csv")


def test_a_file_that_changes_is_read_again(tmp_path):
    path = write(tmp_path / "a.csv", pairs(5))
    before = prepare(path)

    write(path, pairs(6))

    assert (before.rows_read, prepare(path).rows_read) == (5, 6)


def test_two_rows_are_a_dataset(tmp_path):
    draft = prepare(write(tmp_path / "a.csv", pairs(2)))

    assert draft.splits == {"train": 1, "validation": 0, "test": 1}


def test_rows_that_ask_the_same_are_in_one_split(tmp_path):
    rows = [{"user": f"question {n // 2}", "agent": f"reply {n}"} for n in range(100)]

    draft = prepare(write(tmp_path / "a.csv", rows))

    splits = {}
    for conversation in draft.conversations:
        splits.setdefault(conversation.group, set()).add(conversation.split)
    assert len(splits) == 50
    assert all(len(names) == 1 for names in splits.values())


def test_copies_that_are_kept_have_names_of_their_own(tmp_path):
    draft = prepare(write(tmp_path / "a.csv", [{"user": "a", "agent": "b"}] * 3), steps=())

    assert len({conversation.id for conversation in draft.conversations}) == 3


def test_a_file_that_is_gone_is_said(tmp_path):
    with pytest.raises(FileMissing, match=r"gone\.csv"):
        prepare(tmp_path / "gone.csv")
