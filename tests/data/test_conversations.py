"""Conversations in every shape that people have them in become turns; the rest is told."""

import json

import pytest

from chatui.data.prepare import prepare
from tests.data.whole import read_bytes
from tests.data.writing import csv_text, write

SAID = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
MARKED = {
    "ChatML": (
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
        "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\nd<|im_end|>\n"
    ),
    "Llama 3": "<|begin_of_text|>"
    + "".join(
        f"<|start_header_id|>{who}<|end_header_id|>\n\n{text}<|eot_id|>" for who, text in SAID
    ),
    "Gemma": "<bos>"
    + "".join(
        f"<start_of_turn>{'model' if who == 'assistant' else who}\n{text}<end_of_turn>\n"
        for who, text in SAID
    ),
    "[INST]": "<s>[INST] a [/INST] b </s><s>[INST] c [/INST] d </s>",
}


def turns_of(draft):
    return [[(turn.speaker, turn.text) for turn in row.turns] for row in draft.kept]


def drafted(tmp_path, content, name="a.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return prepare(path)


MESSAGES = [{"role": who, "content": text} for who, text in SAID]
SHAPES = {
    "chat messages": [{"messages": MESSAGES}],
    "ShareGPT conversations": [{"x": [{"from": who, "value": text} for who, text in SAID]}],
    "lists of pairs": [{"turns": [{"user": "a", "agent": "b"}, {"user": "c", "agent": "d"}]}],
}


@pytest.mark.parametrize("kind", SHAPES)
def test_a_list_of_turns_is_recognised_by_its_shape(tmp_path, kind):
    draft = drafted(tmp_path, SHAPES[kind])

    assert turns_of(draft) == [SAID]
    assert (draft.recognition.format, draft.recognition.confidence) == (kind, 1.0)
    assert draft.recognition.is_sure


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("as_text", [json.dumps, repr])
def test_a_list_written_as_a_text_in_a_table_is_read_too(tmp_path, kind, as_text):
    rows = [{"conversation": as_text(next(iter(SHAPES[kind][0].values()))), "topic": "t"}]

    draft = prepare(write(tmp_path / "a.csv", rows))

    assert turns_of(draft) == [SAID]
    assert draft.conversations[0].label == "t"


@pytest.mark.parametrize(
    "content",
    [
        '{"user": "a", "agent": "b"}\n{"user": "c", "agent": "d"}',
        "{'user': 'a', 'agent': 'b'}\n{'user': \"c\", 'agent': 'd'}",
        "[{'user': 'a', 'agent': 'b'}]\n[{'user': 'c', 'agent': 'd'}]",
        csv_text([{"text": str({"user": u, "agent": r})} for u, r in (("a", "b"), ("c", "d"))]),
    ],
    ids=["json", "python", "lists", "in a table"],
)
def test_pairs_in_dictionaries_are_read_however_they_are_written(tmp_path, content):
    assert turns_of(drafted(tmp_path, content)) == [SAID[:2], SAID[2:]]


@pytest.mark.parametrize("name", MARKED)
def test_a_column_of_texts_with_marks_is_parsed_into_turns(tmp_path, name):
    draft = drafted(tmp_path, [{"text": MARKED[name], "id": 1}])

    assert turns_of(draft) == [SAID]
    assert draft.recognition.format == f"text with {name} marks"


@pytest.mark.parametrize("name", MARKED)
def test_a_file_of_nothing_but_marked_texts_is_read(tmp_path, name):
    other = MARKED[name].replace("\nd", "\ne").replace("d </s>", "e </s>")

    draft = drafted(tmp_path, f"{MARKED[name]}\n\n{other}\n", "a.txt")

    assert turns_of(draft) == [SAID, [*SAID[:3], ("assistant", "e")]]
    assert draft.kind == f"Text with {name} marks, UTF-8"


def test_a_conversation_in_each_line_is_read():
    read = read_bytes(b"[INST] a [/INST] b\n<s>[INST] c [/INST] d </s>\n", "a.txt")

    assert read.rows_read == 2


def test_a_long_text_of_questions_that_go_on_is_one_conversation():
    said = "[INST] a\n[/INST] b\n" * 60_000

    read = read_bytes(said.encode(), "a.txt")

    assert read.rows_read == 1


def test_system_prompts_in_marked_texts_are_kept(tmp_path):
    llama = "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\na [/INST] b </s>"
    chatml = (
        "<|im_start|>system\nBe kind.<|im_end|>\n"
        + MARKED["ChatML"].partition("<|im_start|>user\nc")[0]
    )

    expected = [("system", "Be kind."), *SAID[:2]]
    assert turns_of(drafted(tmp_path, [{"text": llama}])) == [expected]
    assert (
        turns_of(drafted(tmp_path, f"{chatml}\n{chatml.replace('b<', 'x<')}", "a.txt"))[0]
        == expected
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[INST] a [INST] b", "[INST] and [/INST] do not take turns"),
        ("[INST] a", "[INST] and [/INST] do not take turns"),
        ("[INST] a [/INST] b </s> more", "text stands after </s>: 'more'"),
        ("<|im_start|>user\na<|im_end|>x<|im_start|>assistant\nb", "text stands after <|im_end|>"),
        ("<|im_start|>tool\na<|im_end|>", "after <|im_start|> stands 'tool', which is no speaker"),
        ("plain", "holds a text that is no list of turns"),
    ],
)
def test_a_marked_text_that_is_broken_costs_its_row_and_says_why(tmp_path, text, reason):
    rows = [{"text": MARKED["[INST]"]}, {"text": MARKED["ChatML"]}, {"text": text}]

    draft = drafted(tmp_path, rows)

    assert [row.row for row in draft.kept] == [1]
    assert reason in draft.removed[-1].reason
    assert (draft.quarantined[0].row, draft.quarantined[0].field) == (3, "text")
    assert draft.accounted


def test_a_prompt_with_marks_beside_its_reply_stays_a_pair(tmp_path):
    draft = drafted(tmp_path, [{"prompt": "<s>[INST] a [/INST]", "completion": "b"}])

    # One question, with its marks defused, and not a conversation parsed out of it.
    assert turns_of(draft) == [[("user", "< s>[ INST] a [ /INST]"), ("assistant", "b")]]


def node(name, parent, role, text, **message):
    content = {"content_type": "text", "parts": [text]}
    author = {"role": role}
    return {
        "id": name,
        "parent": parent,
        "message": {"author": author, "content": content} | message,
    }


def export(*nodes, current):
    tree = {"root": {"id": "root", "parent": None, "message": None}}
    return {"title": "t", "mapping": tree | {n["id"]: n for n in nodes}, "current_node": current}


ASKED, ANSWERED = node("1", "root", "user", "a"), node("2", "1", "assistant", "b")


def test_of_a_chatgpt_export_the_current_branch_is_kept_and_the_others_are_counted(tmp_path):
    hidden = {"metadata": {"is_visually_hidden_from_conversation": True}}
    nodes = [
        node("0", "root", "system", ""),
        node("h", "0", "user", "hidden", **hidden),
        ASKED | {"parent": "h"},
        ANSWERED,
        node("2b", "1", "assistant", "another reply"),
        node("t", "2b", "tool", "a page"),
        node("3", "t", "user", "c"),
        node("4", "3", "assistant", "d", recipient="all"),
    ]

    draft = drafted(tmp_path, [export(*nodes, current="4")])

    assert turns_of(draft) == [
        [("user", "a"), ("assistant", "another reply"), ("user", "c"), ("assistant", "d")]
    ]
    assert draft.recognition.format == "ChatGPT export"
    assert draft.notes == (
        "1 conversation has other branches (edited questions, replies made again): 1 message there "
        "is left out, the branch that was read last is kept.",
    )


@pytest.mark.parametrize(
    ("nodes", "current", "reason"),
    [
        ([ASKED, ANSWERED], "gone", "the message 'gone' is not in the export"),
        ([ASKED | {"parent": "2"}, ANSWERED], "2", "follow each other in a circle"),
        ([ASKED, node("2", "1", "critic", "b")], "2", "message 2 has the role 'critic'"),
        (
            [ASKED, ANSWERED, node("3", "2", "user", {"asset_pointer": "file"})],
            "3",
            "message 3 has a part that is no text",
        ),
    ],
)
def test_a_damaged_conversation_of_an_export_says_what_is_wrong(tmp_path, nodes, current, reason):
    whole = export(ASKED, ANSWERED, current="2")

    draft = drafted(tmp_path, [whole, export(*nodes, current=current)])

    assert turns_of(draft) == [SAID[:2]]
    assert reason in draft.quarantined[0].reason
    assert draft.quarantined[0].field == "mapping"


def test_one_conversation_of_an_export_and_none_current_is_read(tmp_path):
    assert turns_of(drafted(tmp_path, export(ASKED, ANSWERED, current=None))) == [SAID[:2]]


def messages(*rows, columns=("conversation_id", "turn", "role", "content")):
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_messages_are_joined_by_their_conversation_in_their_order(tmp_path):
    rows = messages(
        ("x", "10", "agent", "d"),
        ("y", "1", "customer", "e"),
        ("x", "1", "customer", "a"),
        ("x", "9", "customer", "c"),
        ("x", "2", "agent", "b"),
        ("y", "2", "agent", "f"),
    )

    draft = prepare(write(tmp_path / "a.csv", rows))

    assert turns_of(draft) == [SAID, [("user", "e"), ("assistant", "f")]]
    assert [row.row for row in draft.kept] == [1, 6]
    assert draft.joined == {2: 6, 3: 1, 4: 1, 5: 1}
    assert draft.recognition.format == "messages joined by 'conversation_id'"
    assert draft.accounted


def test_pairs_of_one_conversation_are_joined_and_it_is_said(tmp_path):
    rows = messages(
        ("x", "a", "b"), ("x", "c", "d"), ("y", "e", "f"), columns=("thread_id", "user", "agent")
    )

    draft = prepare(write(tmp_path / "a.csv", rows))

    assert turns_of(draft) == [SAID, [("user", "e"), ("assistant", "f")]]
    assert draft.notes == ("Rows with the same 'thread_id' were joined.",)
    assert not draft.recognition.is_sure


def test_an_id_of_each_row_joins_nothing(tmp_path):
    rows = [{"conversation_id": str(n), "user": f"q{n}", "agent": "r"} for n in range(3)]

    draft = prepare(write(tmp_path / "a.csv", rows))

    assert len(draft.kept) == 3
    assert draft.joined == {}


def test_replies_are_joined_to_what_they_reply_to_and_branches_are_conversations(tmp_path):
    rows = messages(
        ("1", None, "prompter", "a"),
        ("2", "1", "assistant", "b"),
        ("2b", "1", "assistant", "other"),
        ("3", "2", "prompter", "c"),
        ("4", "3", "assistant", "d"),
        columns=("message_id", "parent_id", "role", "text"),
    )

    draft = drafted(tmp_path, rows)

    assert turns_of(draft) == [[("user", "a"), ("assistant", "other")], SAID]
    assert draft.joined == {1: 3, 2: 5, 4: 5}
    assert draft.accounted


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        ([("8", "9", "user", "x"), ("9", "8", "user", "y")], "parent_id", "in a circle"),
        ([("8", "gone", "user", "x")], "parent_id", "no row has the id 'gone'"),
        ([("2", "1", "assistant", "x")], "message_id", "'2' stands twice"),
        ([("", "1", "assistant", "x")], "message_id", "is blank"),
        ([("8", "1", "tool", "x")], "role", "has the role 'tool'"),
    ],
)
def test_a_message_that_belongs_nowhere_says_why(tmp_path, bad, field, reason):
    columns = ("message_id", "parent_id", "role", "content")
    rows = messages(("1", "", "user", "a"), ("2", "1", "assistant", "b"), *bad, columns=columns)

    draft = prepare(write(tmp_path / "a.csv", rows))

    assert turns_of(draft) == [SAID[:2]]
    assert reason in draft.quarantined[0].reason
    assert {q.field for q in draft.quarantined} == {field}
    assert draft.accounted


def test_a_conversation_with_a_row_that_is_none_names_that_row(tmp_path):
    rows = messages(
        ("x", "1", "user", "a"), ("x", "2", "agent", "b"),
        ("y", "1", "user", "a"), ("y", "2", "clerk", "b"), ("y", "3", "agent", "b"),
        ("", "1", "user", "a"),
    )  # fmt: skip

    draft = prepare(write(tmp_path / "a.csv", rows))

    assert [(q.row, q.field) for q in draft.quarantined] == [(5, "role"), (6, "conversation_id")]
    assert "row 4: the column 'role' has the role 'clerk'" in draft.quarantined[0].reason
    assert draft.accounted


def test_times_order_messages_too_and_rows_without_one_stay_as_they_are(tmp_path):
    columns = ("session_id", "created_at", "role", "content")
    rows = messages(
        ("x", "2024-01-02", "agent", "b"), ("x", "2024-01-01", "user", "a"),
        ("y", "", "user", "c"), ("y", "2024-01-01", "agent", "d"), columns=columns,
    )  # fmt: skip

    assert turns_of(prepare(write(tmp_path / "a.csv", rows))) == [SAID[:2], SAID[2:]]


def test_a_mapping_of_pairs_goes_before_joining_messages(tmp_path):
    rows = messages(("x", "1", "user", "a"), ("x", "2", "agent", "b"))

    draft = prepare(
        write(tmp_path / "a.csv", rows), mapping={"user": "role", "assistant": "content"}
    )

    assert turns_of(draft) == [
        [("user", "user"), ("assistant", "a")],
        [("user", "agent"), ("assistant", "b")],
    ]


def test_the_confidence_is_the_share_of_rows_that_are_conversations(tmp_path):
    rows = [{"user": "a", "agent": "b"}] + [{"user": "a", "agent": ""}] * 3

    found = prepare(write(tmp_path / "a.csv", rows)).recognition

    assert (found.confidence, found.is_sure) == (0.25, False)
