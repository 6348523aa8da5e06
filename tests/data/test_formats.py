"""Columns are recognised by their usual names, and doubts are told."""

import json

import pytest

from chatui.data.prepare import prepare, recognise_file
from chatui.errors import BadColumn, BadMapping, ColumnsUnknown, NoUsableRow
from tests.data.writing import write


def turns_of(draft):
    return [[(turn.speaker, turn.text) for turn in row.turns] for row in draft.kept]


@pytest.mark.parametrize(
    ("user", "assistant"),
    [
        ("user", "agent"),
        ("User", "Assistant"),
        ("prompt", "completion"),
        ("prompt", "response"),
        ("question", "answer"),
        ("instruction", "output"),
        ("input", "response"),
        ("input", "output"),
        ("Customer Message", "Agent Reply"),
        ("human", "bot"),
        ("query", "reply"),
    ],
)
def test_pairs_are_recognised_in_the_usual_columns(tmp_path, user, assistant):
    path = write(tmp_path / "a.csv", [{"id": "7", assistant: "reply", user: "question"}])

    draft = prepare(path)

    assert turns_of(draft) == [[("user", "question"), ("assistant", "reply")]]
    assert draft.recognition.is_sure


def test_an_input_that_is_not_blank_is_joined_to_its_instruction(tmp_path):
    rows = [
        {"instruction": "Add", "input": "1 and 2", "output": "3"},
        {"instruction": "Greet", "input": "", "output": "hi"},
    ]

    draft = prepare(write(tmp_path / "a.json", rows))

    assert [row.turns[0].text for row in draft.kept] == ["Add\n\n1 and 2", "Greet"]


def test_the_history_of_instruction_data_becomes_turns(tmp_path):
    row = {"instruction": "c", "output": "d", "history": [["a", "b"]]}

    draft = prepare(write(tmp_path / "a.json", [row]))

    assert [text for _, text in turns_of(draft)[0]] == ["a", "b", "c", "d"]


def test_system_prompt_label_and_rejected_reply_come_along(tmp_path):
    row = {"prompt": "a", "chosen": "b", "rejected": "c", "system": "s", "category": "billing"}

    draft = prepare(write(tmp_path / "a.jsonl", [row]))
    conversation = draft.conversations[0]

    assert turns_of(draft) == [[("system", "s"), ("user", "a"), ("assistant", "b")]]
    assert (conversation.label, conversation.rejected) == ("billing", "c")


@pytest.mark.parametrize("name", ["messages", "conversations", "whatever"])
@pytest.mark.parametrize("keys", [("role", "content"), ("from", "value")])
def test_conversations_are_recognised_by_their_shape(tmp_path, name, keys):
    said = [("system", "s"), ("human", "a"), ("gpt", "b"), ("user", "c"), ("assistant", "d")]
    turns = [dict(zip(keys, pair, strict=True)) for pair in said]

    draft = prepare(write(tmp_path / "a.json", [{"id": 1, name: turns}]))

    assert [text for _, text in turns_of(draft)[0]] == ["s", "a", "b", "c", "d"]


def test_conversations_written_as_json_in_a_table_are_read(tmp_path):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]

    draft = prepare(write(tmp_path / "a.csv", [{"messages": json.dumps(turns)}]))

    assert turns_of(draft) == [[("user", "a"), ("assistant", "b")]]


def test_bare_lists_of_turns_and_contents_in_parts_are_read(tmp_path):
    part = [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": part}]

    draft = prepare(write(tmp_path / "a.json", [turns]))

    assert turns_of(draft) == [[("user", "a"), ("assistant", "bc")]]


GOOD = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}


ASKED, ANSWERED = GOOD["messages"]
PICTURE = {"role": "user", "content": [{"type": "image"}]}
SYSTEM = {"role": "system", "content": "s"}


@pytest.mark.parametrize(
    ("turns", "step", "reason"),
    [
        ([ASKED], "order", "there is no reply"),
        ([ANSWERED], "order", "nobody asks"),
        ([ASKED, ANSWERED, SYSTEM, ASKED, ANSWERED], "order", "a system turn stands in the middle"),
        ([{"role": "tool", "content": "a"}], "read", "has the role 'tool'"),
        (
            [{"role": "user", "content": 5}],
            "read",
            "turn 1 of the column 'messages' holds a number",
        ),
        ([PICTURE], "read", "a part that is no text"),
        ([{"role": "user", "content": "\ud83d"}], "read", "a broken character at position 1"),
        (["a"], "read", "turn 1 of the column 'messages' is a text"),
        ([], "read", "holds an empty list"),
        (None, "read", "holds nothing (null)"),
    ],
)
def test_a_row_that_is_no_conversation_goes_with_its_reason(tmp_path, turns, step, reason):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in (GOOD, {"messages": turns})))

    draft = prepare(path)

    assert len(draft.kept) == 1
    assert (draft.removed[0].row, draft.removed[0].step) == (2, step)
    assert reason in draft.removed[0].reason


def test_a_number_where_a_text_belongs_is_not_made_a_text(tmp_path):
    rows = [{"user": "a", "agent": "b"}, {"user": 7, "agent": "b"}]

    draft = prepare(write(tmp_path / "a.json", rows))

    assert draft.removed[0].reason == "the column 'user' holds a number (7), not a text"


def test_a_conversation_is_cut_to_begin_with_a_question_and_end_with_a_reply(tmp_path):
    said = [("gpt", "hi"), ("human", "a"), ("human", "b"), ("gpt", "c"), ("human", "thanks")]
    turns = [{"from": who, "value": text} for who, text in said]

    draft = prepare(write(tmp_path / "a.json", [{"conversations": turns}]))

    assert turns_of(draft) == [[("user", "a\n\nb"), ("assistant", "c")]]
    assert draft.changed == {"order": 1}


def test_where_several_columns_fit_the_first_is_taken_and_the_doubt_is_told(tmp_path):
    row = {"prompt": "a", "question": "b", "answer": "c"}

    draft = prepare(write(tmp_path / "a.csv", [row]))

    assert not draft.recognition.is_sure
    assert draft.notes == (
        "Several columns could be what the user says: 'prompt', 'question'. 'prompt' was taken.",
    )


def test_two_columns_of_any_name_are_taken_in_their_order_and_it_is_said(tmp_path):
    draft = prepare(write(tmp_path / "a.csv", [{"links": "a", "rechts": "b"}]))

    assert turns_of(draft) == [[("user", "a"), ("assistant", "b")]]
    assert "one of two columns" in draft.notes[0]


def test_columns_that_mean_nothing_are_asked_for(tmp_path):
    path = write(tmp_path / "a.csv", [{"x": "a", "y": "b", "z": "c"}])

    with pytest.raises(ColumnsUnknown, match="There are: x, y, z"):
        prepare(path)
    assert recognise_file(path).columns == ("x", "y", "z")
    draft = prepare(path, mapping={"user": "z", "assistant": "x", "system": "y"})
    assert turns_of(draft) == [[("system", "b"), ("user", "c"), ("assistant", "a")]]
    assert draft.notes == ()


def test_a_mapping_goes_before_what_was_recognised(tmp_path):
    row = {"instruction": "a", "input": "i", "output": "b", "better": "c"}

    draft = prepare(write(tmp_path / "a.json", [row]), mapping={"assistant": "better"})

    assert turns_of(draft) == [[("user", "a\n\ni"), ("assistant", "c")]]


@pytest.mark.parametrize(
    ("mapping", "error", "sentence"),
    [
        ({"user": "nope"}, BadColumn, "no column 'nope'. Choose among: user, agent"),
        ({"bot": "agent"}, BadMapping, "'bot' is none of user, assistant, system"),
        ({"user": "agent"}, BadMapping, "can't be both"),
    ],
)
def test_a_mapping_that_cannot_be_says_why(tmp_path, mapping, error, sentence):
    path = write(tmp_path / "a.csv", [{"user": "a", "agent": "b"}])

    with pytest.raises(error, match=sentence):
        prepare(path, mapping=mapping)


def test_a_file_without_one_usable_row_names_the_first_and_its_reason(tmp_path):
    path = write(tmp_path / "a.csv", [{"user": "a", "agent": ""}, {"user": "", "agent": "b"}])

    with pytest.raises(NoUsableRow, match="None of its 2 rows can be used. Row 1: the reply is"):
        prepare(path)
