"""A row can be edited, left out and flagged by hand; the recipe knows, and all of it comes back."""

import json

import pytest
from pydantic import ValidationError

from chatui.conversation import Turn
from chatui.data.cleaning import EDITED, EXCLUDED
from chatui.data.editing import (
    Edit,
    brought_back,
    checked_edits,
    excluded_rows,
    flagged,
    flagged_rows,
    left_out,
    reworded,
)
from chatui.data.prepare import Draft
from chatui.data.recipe import Recipe, read_recipe, recipe_of
from chatui.data.revising import restore, revise, turns_of
from chatui.data.store import DatasetStore
from chatui.errors import BadRecipe, NotEditable
from tests.data.whole import prepare_by
from tests.data.writing import pairs, write


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def file(tmp_path):
    rows = [r | {"label": f"l{n}"} for n, r in enumerate(pairs(30))]
    rows[4] |= {"user": "question 3", "agent": "reply 3"}
    rows[9] |= {"user": "<b>question</b> 9", "agent": " "}
    return write(tmp_path / "a.csv", rows)


def said(question: str, reply: str) -> tuple[Turn, ...]:
    return (Turn("user", question), Turn("assistant", reply))


def drafted(file, edits, **chosen) -> Draft:
    return prepare_by(Recipe(edits=edits, **chosen), file)


def kept_of(draft: Draft, row: int) -> tuple[Turn, ...] | None:
    return next((r.turns for r in draft.kept if r.row == row), None)


def test_an_edited_row_says_what_was_written_and_its_text_is_mended_like_others(file):
    draft = drafted(file, reworded((), 7, said(" <i>new</i> question", "new reply")))

    assert kept_of(draft, 7) == said("new question", "new reply")
    assert draft.changed[EDITED.name] == 1
    assert draft.examples[EDITED.name][0].before == "user: question 6\nassistant: reply 6"
    assert draft.accounted


def test_an_edited_row_stays_whatever_a_step_would_say_of_it(file):
    edits = reworded((), 7, said("question 3", "reply 3"))

    assert kept_of(drafted(file, edits), 7) == said("question 3", "reply 3")


def test_editing_a_removed_row_brings_it_back(file):
    draft = drafted(file, reworded((), 10, said("question 9", "reply 9")))

    assert kept_of(draft, 10) == said("question 9", "reply 9")
    assert draft.removed_by == {"duplicates": 1}


def test_a_decision_about_a_row_leaves_its_copies_where_they_are(file):
    edited = drafted(file, reworded((), 4, said("question three", "reply 3")))
    without = drafted(file, left_out((), [4]))

    assert edited.removed_by == {"blank": 1, "duplicates": 1}
    assert without.removed_by == {"blank": 1, "duplicates": 1, EXCLUDED.name: 1}


def test_a_row_that_was_left_out_is_a_removed_row_with_its_reason(file):
    draft = drafted(file, left_out((), [7]))
    gone = next(row for row in draft.removed if row.row == 7)

    assert (gone.step, gone.reason, gone.label) == ("excluded", "you left it out", "l6")
    assert gone.turns == said("question 6", "reply 6")
    assert draft.accounted


def test_a_flagged_row_is_kept_and_listed(file):
    edits = flagged((), [7, 2])

    assert len(drafted(file, edits).kept) == len(drafted(file, ()).kept)
    assert flagged_rows(edits) == [2, 7]
    assert flagged(edits, [7, 2], is_on=False) == ()


def test_decisions_about_a_row_add_up_and_are_taken_back_one_by_one():
    edits = flagged(reworded(left_out((), [3]), 3, said("a", "b")), [3])

    assert edits == (Edit(row=3, turns=said("a", "b"), flagged=True),)
    assert excluded_rows(left_out(edits, [3])) == {3}
    assert brought_back(left_out(edits, [3]), [3]) == edits


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([{"row": 0}], "greater than or equal to 1"),
        ([{"row": 2, "turns": [{"role": "user", "content": "a"}]}], "there is no reply in it"),
        ([{"row": 2, "turns": [{"role": "poet", "content": "a"}]}], "edits.0.turns.0.speaker"),
        ([{"row": 2, "flagged": True}, {"row": 2, "excluded": True}], "row 2 stands there twice"),
        ([{"row": 2, "colour": "red"}], "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_with_an_edit_in_a_recipe_is_named(tmp_path, edits, told):
    (tmp_path / "r.json").write_text(json.dumps({"edits": edits}))

    with pytest.raises(BadRecipe, match="r.json can't be used as a recipe") as problem:
        read_recipe(tmp_path / "r.json")

    assert told in str(problem.value)


def test_an_edit_without_a_reply_is_refused_with_the_reason():
    with pytest.raises(ValidationError, match="the reply is blank"):
        reworded((), 3, said("a", " "))


def test_what_was_not_decided_is_not_written():
    edits = checked_edits([Edit(row=9), *flagged((), [4])])

    assert Recipe(edits=edits).as_json()["edits"] == [{"row": 4, "flagged": True}]


def test_edits_belong_to_one_file(file, tmp_path):
    recipe = recipe_of(drafted(file, left_out((), [7])))

    other = prepare_by(recipe, write(tmp_path / "b.csv", pairs(10)))

    assert len(other.kept) == 10
    assert "The recipe edits, leaves out or flags one row of a.csv" in other.notes[-1]


def test_editing_a_version_is_editing_the_file_by_its_recipe(store, file):
    version = store.save(prepare_by(Recipe(), file), "desk")
    edits = reworded(left_out((), [7]), 10, said("question 9", "<b>reply</b> 9"))

    made = revise(store, version.id, edits)
    draft = prepare_by(store.recipe(made.id), file)

    assert (made.id, made.parent, made.rows_read) == ("desk-v2", "desk-v1", 30)
    assert made.removed == {"duplicates": 1, "excluded": 1}
    assert store.recipe(made.id) == recipe_of(draft)
    assert store.find(draft, "desk") == made
    assert [tuple(c.turns) for c in store.rows(made.id)] == [row.turns for row in draft.kept]
    assert store.removed_rows(made.id) == list(draft.removed)


def test_a_row_that_was_excluded_can_come_back(store, file):
    version = store.save(prepare_by(Recipe(), file), "desk")
    without = revise(store, version.id, left_out((), [7, 8]))

    again = restore(store, without.id, [7])

    assert store.recipe(again.id).edits == left_out((), [8])
    assert store.recipe(again.id).restored == ()
    assert [c.turns for c in store.rows(restore(store, again.id, [8]).id)] == [
        c.turns for c in store.rows(version.id)
    ]


def test_flags_alone_make_a_version_of_their_own(store, file):
    version = store.save(prepare_by(Recipe(), file), "desk")

    saved = store.save(drafted(file, flagged((), [7])), "desk")

    assert (saved.id, saved.sha256) == ("desk-v2", version.sha256)
    assert store.save(drafted(file, flagged((), [7])), "desk") == saved
    assert revise(store, version.id, flagged((), [9])).id == "desk-v3"


def test_what_was_tested_stays_tested_when_it_is_reworded(store, tmp_path):
    version = store.save(prepare_by(Recipe(), write(tmp_path / "a.csv", pairs(40))), "desk")
    tested = [c.row for c in store.conversations(version.id, "test")]
    edits = ()
    for row in tested:
        edits = reworded(edits, row, said(f"quite another thing {row}", "yes"))

    made = revise(store, version.id, edits)

    assert {c.row for c in store.conversations(made.id, "test")} >= set(tested)
    drawn = store.locked(prepare_by(store.recipe(made.id), tmp_path / "a.csv"), "desk")
    assert {c.row for c in drawn.conversations if c.split == "test"} >= set(tested)


def test_what_is_written_by_hand_is_masked_too_and_no_placeholder_changes(
    store, workspace, tmp_path
):
    rows = [
        {"user": f"I am {name}@example.org", "agent": f"Hi {n}"} for n, name in enumerate("abc")
    ]
    file = write(tmp_path / "a.csv", [*rows, {"user": "d@example.org", "agent": ""}])
    edits = reworded((), 1, said("I am b@example.org, not new@example.org", "Hi"))

    draft = drafted(file, edits, steps=("blank", "pii"))
    version = store.save(draft, "desk")
    again = store.save(prepare_by(store.recipe(version.id), file), "again")
    known = store.recipe(version.id).edits
    later = revise(store, version.id, reworded(known, 2, said("I am x@example.org", "Hi")))

    assert [row.turns[0].text for row in draft.kept] == [
        "I am <EMAIL_2>, not <EMAIL_5>",
        "I am <EMAIL_2>",
        "I am <EMAIL_3>",
    ]
    assert again.sha256 == version.sha256
    assert store.removed_rows(again.id) == store.removed_rows(version.id)
    assert store.rows(later.id)[1].turns[0].text == "I am <EMAIL_6>"
    for made in (version, again, later):
        for path in workspace.folder("datasets", made.id).iterdir():
            assert b"@example.org" not in path.read_bytes()


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        (flagged((), [99]), "Row 99 of desk-v1 can't be changed: there is no such row"),
        (flagged((), [2]), "Row 2 .* it was removed|Row 2 of desk-v1 can't be changed"),
        (left_out((), [1]), "no row would be left"),
    ],
)
def test_a_row_that_cannot_be_decided_about_is_named(store, tmp_path, edits, told):
    (tmp_path / "a.jsonl").write_text('{"user": "a", "agent": "b"}\n{broken\n')
    store.save(prepare_by(Recipe(), tmp_path / "a.jsonl"), "desk")

    with pytest.raises(NotEditable, match=told):
        revise(store, "desk-v1", edits)
    assert len(store.all()) == 1


def test_the_words_of_a_row_are_found_whether_it_is_kept_or_removed(store, file):
    version = store.save(prepare_by(Recipe(), file), "desk")

    assert turns_of(store, version.id, 1) == said("question 0", "reply 0")
    assert turns_of(store, version.id, 5) == said("question 3", "reply 3")
    with pytest.raises(NotEditable, match="there is no such row"):
        turns_of(store, version.id, 31)
