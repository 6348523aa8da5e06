"""A version is cleaned again or gets rows back as a new version; the old one never changes."""

import pytest

from chatui.data.prepare import prepare
from chatui.data.recipe import Recipe, recipe_of
from chatui.data.revising import cleaned_draft, restore
from chatui.data.store import DatasetStore
from chatui.errors import NotRestorable
from tests.data.whole import prepare_by
from tests.data.writing import pairs, write


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def file(tmp_path):
    rows = [r | {"label": f"l{n}"} for n, r in enumerate(pairs(30))]
    rows[4] |= {"user": " question 3", "agent": "reply 3"}
    rows[9] |= {"user": "<b>question</b> 9", "agent": " "}
    return write(tmp_path / "a.csv", rows)


@pytest.fixture
def version(store, file):
    return store.save(prepare(file), "desk")


def test_a_row_that_comes_back_is_mended_and_stands_in_its_place(store, version):
    made = restore(store, version.id, [5, 10])

    rows = store.conversations(made.id)
    assert (made.id, made.parent) == ("desk-v2", "desk-v1")
    assert (made.rows_read, made.kept, made.removed) == (30, 30, {})
    assert [row.row for row in rows] == list(range(1, 31))
    assert [turn.text for turn in rows[4].turns] == ["question 3", "reply 3"]
    assert [turn.text for turn in rows[9].turns] == ["question 9", ""]
    assert rows[4].label == "l4"
    assert len({row.id for row in rows}) == 30
    assert rows[4].split == rows[3].split
    assert store.removed_rows(version.id) != []


def test_restoring_a_version_is_restoring_the_file_by_its_recipe(store, version, file):
    made = restore(store, version.id, [5])

    draft = prepare_by(store.recipe(made.id), file)

    assert store.recipe(made.id) == recipe_of(draft)
    assert store.find(draft, "desk") == made
    assert [r.row for r in draft.removed] == [r.row for r in store.removed_rows(made.id)]


def test_rows_come_back_one_after_the_other_or_together(store, version):
    apart = restore(store, restore(store, version.id, [5]).id, [10])

    together = restore(store, version.id, [5, 10])

    assert apart.sha256 == together.sha256
    assert store.recipe(apart.id).restored == (5, 10)


@pytest.mark.parametrize(
    ("number", "told"), [(1, "it was not removed"), (31, "it was not removed")]
)
def test_a_row_that_is_no_removed_row_is_named(store, version, number, told):
    with pytest.raises(NotRestorable, match=f"Row {number} can't be brought back .* {told}"):
        restore(store, version.id, [number])


def test_a_row_that_holds_no_conversation_stays_out(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"user": "a", "agent": "b"}\n{broken\n{"user": "c", "agent": 7}\n')
    version = store.save(prepare(path), "desk")

    for number in (2, 3):
        with pytest.raises(NotRestorable, match=f"Row {number}"):
            restore(store, version.id, [number])
    assert len(store.all()) == 1


def test_what_was_tested_is_never_learned_after_rows_came_back(store, tmp_path):
    rows = [r for r in pairs(40) for _ in range(2)]
    version = store.save(prepare(write(tmp_path / "a.csv", rows)), "desk")
    tested = {c.group for c in store.conversations(version.id, "test")}

    for row in store.removed_rows(version.id)[:10]:
        version = restore(store, version.id, [row.row])
        learned = {c.group for c in store.conversations(version.id, "train")}
        assert tested.isdisjoint(learned)
        tested |= {c.group for c in store.conversations(version.id, "test")}


def test_masked_data_stays_masked_in_what_was_removed_and_comes_back(store, workspace, tmp_path):
    rows = [{"user": "I am jo@example.org", "agent": text} for text in ("Hi jo@example.org", "")]
    path = write(tmp_path / "a.csv", [*rows, *pairs(3)])
    version = store.save(prepare_by(Recipe(steps=("blank", "pii")), path), "desk")

    made = restore(store, version.id, [2])

    assert store.conversations(made.id)[1].turns[0].text == "I am <EMAIL_1>"
    for dataset in (version, made):
        for file in workspace.folder("datasets", dataset.id).iterdir():
            assert b"jo@example.org" not in file.read_bytes()


def test_a_version_is_cleaned_by_a_recipe_into_the_next_one(store, version):
    recipe = Recipe(steps=("flagged",), parameters={"flagged_words": ["7", "8"]})

    made = store.save(cleaned_draft(store, version.id, recipe), version.name, parent=version.id)

    assert (made.id, made.parent) == ("desk-v2", "desk-v1")
    assert (made.rows_read, made.removed) == (28, {"flagged": 2})


def test_the_system_prompt_of_a_version_stays_when_it_is_cleaned(store, file):
    version = store.save(prepare(file, system="Be kind."), "desk")

    assert cleaned_draft(store, version.id, Recipe()).options.system == "Be kind."
    assert (
        cleaned_draft(store, version.id, Recipe(system="Be short.")).options.system == "Be short."
    )
