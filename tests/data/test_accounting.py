"""Every record of any file is kept, removed, quarantined or joined, and the account says so."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatui.data.cleaning import DEFAULT_STEPS
from chatui.data.prepare import Draft, prepare
from chatui.errors import ChatUIError, NoRows
from tests.data.writing import ALL_FORMATS, pairs, write

MANY = settings(
    max_examples=65, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CELLS = st.sampled_from(
    [
        "a",
        "b",
        "b ",
        "",
        "NA",
        "<b>a</b>",
        "a\nb",
        '"',
        "a,b",
        "donâ€™t",
        "=1",
        "[INST] a",
        "{",
        "7",
    ]
)
PAIRS = st.fixed_dictionaries({"user": CELLS, "agent": CELLS})
NAMES = st.sampled_from(["", "1", "2", "3", "4", "5"])
MESSAGES = {
    "role": st.sampled_from(["user", "agent", "system", "clerk", ""]),
    "content": CELLS,
}


def places(draft: Draft) -> list[int]:
    """Where each record went, added up here and not by the draft."""
    assert draft.accounted
    assert draft.rows_read == len(draft.kept) + sum(draft.removed_by.values()) + len(draft.joined)
    quarantined = {row.row for row in draft.quarantined}
    assert quarantined <= {row.row for row in draft.removed}
    return sorted([r.row for r in (*draft.kept, *draft.removed)] + list(draft.joined))


def accounted(path, rows: int) -> None:
    """The records of a file are `rows`, each in one place, unless it is refused as a whole."""
    try:
        draft = prepare(path)
    except NoRows:
        assert rows == 0
    except ChatUIError:
        return
    else:
        assert places(draft) == list(range(1, rows + 1))


@MANY
@given(rows=st.lists(PAIRS, min_size=1, max_size=9))
@pytest.mark.parametrize("kind", ALL_FORMATS)
def test_every_row_of_every_format_is_in_one_place(tmp_path, kind, rows):
    path = write(tmp_path / f"a{kind}", rows)

    # A row of a sheet without a cell in it is no record.
    filled = [row for row in rows if kind != ".xlsx" or any(row.values())]
    accounted(path, len(filled))


@MANY
@given(rows=st.lists(st.fixed_dictionaries({"thread_id": NAMES, "turn": NAMES, **MESSAGES})))
@pytest.mark.parametrize("kind", [".csv", ".json", ".xlsx"])
def test_every_message_of_a_conversation_is_in_one_place(tmp_path, kind, rows):
    first = [{"thread_id": "1", "turn": "1", "role": "user", "content": "a"}]

    path = write(tmp_path / f"a{kind}", first + rows)

    accounted(path, len(rows) + 1 - sum(kind == ".xlsx" and not any(r.values()) for r in rows))


@MANY
@given(
    rows=st.lists(st.fixed_dictionaries({"id": NAMES, "parent_id": NAMES, **MESSAGES}), max_size=9)
)
def test_every_message_is_in_one_place_whatever_it_replies_to(tmp_path, rows):
    first = [
        {"id": "1", "parent_id": "", "role": "user", "content": "a"},
        {"id": "2", "parent_id": "1", "role": "agent", "content": "b"},
    ]

    accounted(write(tmp_path / "a.csv", first + rows), len(rows) + 2)


@MANY
@given(
    tree=st.dictionaries(
        NAMES, st.tuples(st.none() | NAMES, st.sampled_from(["user", "assistant", "tool"]), CELLS)
    ),
    current=NAMES,
)
def test_any_tree_of_an_export_is_in_one_place(tmp_path, tree, current):
    nodes = {
        name: {
            "parent": parent,
            "message": {"author": {"role": role}, "content": {"parts": [text]}},
        }
        for name, (parent, role, text) in tree.items()
    }
    path = tmp_path / "a.json"
    whole = {"messages": [{"role": "user", "content": "a"}, {"role": "bot", "content": "b"}]}
    path.write_text(json.dumps([whole, {"mapping": nodes, "current_node": current}]))

    accounted(path, 2)


PIECES = st.sampled_from(
    [
        "[INST]",
        "[/INST]",
        "<s>",
        "</s>",
        "<|im_start|>",
        "<|im_end|>",
        "user\n",
        "assistant\n",
        "a ",
    ]
    + ["\n", "\n\n", "<<SYS>>", "<</SYS>>", "<|start_header_id|>", "<|end_header_id|>", "{'a': "]
)


@MANY
@given(pieces=st.lists(PIECES, max_size=20).map("".join))
def test_any_text_with_marks_gives_rows_or_a_sentence(tmp_path, pieces):
    path = tmp_path / "a.txt"
    path.write_text(f"[INST] a [/INST] b\n{pieces}")
    column = tmp_path / "a.json"
    column.write_text(json.dumps([{"text": "[INST] a [/INST] b"}, {"text": pieces}]))

    accounted(column, 2)
    try:
        draft = prepare(path)
    except ChatUIError:
        return
    assert places(draft) == list(range(1, draft.rows_read + 1))


@pytest.fixture
def draft(tmp_path):
    rows = [*pairs(5), {"user": 7, "agent": "b"}, {"user": "question 1", "agent": "reply 1"}]
    return prepare(write(tmp_path / "a.json", rows))


def test_a_sound_account_adds_up(draft):
    assert draft.accounted
    assert [q.row for q in draft.quarantined] == [6]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda d: {"removed": d.removed[1:]},
        lambda d: {"kept": d.kept[1:], "conversations": d.conversations[1:]},
        lambda d: {"removed": (*d.removed, d.removed[0])},
        lambda d: {"conversations": d.conversations[1:]},
        lambda d: {"quarantined": ()},
        lambda d: {"joined": {8: 1}},
        lambda d: {"rows_read": d.rows_read + 1},
        lambda d: {"changed": {"spaces": 99}},
    ],
)
def test_an_account_that_misses_a_row_does_not_add_up(draft, tamper):
    assert not replace(draft, **tamper(draft)).accounted


def test_reasons_of_quarantined_rows_are_masked_like_everything_else(tmp_path):
    good = [
        {"messages": [{"role": "user", "content": f"q {n}"}, {"role": "assistant", "content": "a"}]}
        for n in range(3)
    ]
    bad = {"messages": [{"role": "anna@example.org", "content": "q"}]}
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in [*good, bad]))

    shown = prepare(file).quarantined[0].reason
    masked = prepare(file, steps=[*DEFAULT_STEPS, "pii"]).quarantined[0].reason
    assert "anna@example.org" in shown
    assert "anna@example.org" not in masked
