"""The difference of two versions names every row that is not the same, and no other."""

import pytest

from chatui.data.comparing import compare
from chatui.data.mixing import Part, mixture, save_mixture
from chatui.data.prepare import prepare
from chatui.data.recipe import Recipe
from chatui.data.revising import cleaned_draft, restore
from chatui.data.store import DatasetStore
from chatui.errors import NotFound
from tests.data.writing import pairs, write


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def file(tmp_path):
    return lambda rows, name="a.csv": write(tmp_path / name, rows)


def rows_of(conversations):
    return [conversation.row for conversation in conversations]


def test_a_version_does_not_differ_from_itself(store, file):
    version = store.save(prepare(file(pairs(10))), "a").id

    found = compare(store, version, version)

    assert (found.added, found.removed, found.changed, found.same) == ((), (), (), 10)


def test_rows_of_the_same_file_are_found_again_by_their_number(store, file):
    rows = [*pairs(9), {"user": "<b>x</b>", "agent": "y"}, {"user": "<p>x</p>", "agent": "y"}]
    one = store.save(prepare(file(rows), steps=("spaces",)), "a").id
    two = store.save(prepare(file(rows), steps=("html", "duplicates")), "a").id

    found = compare(store, one, two)
    back = compare(store, two, one)

    assert (rows_of(found.added), rows_of(found.removed)) == ([], [11])
    assert ["turns" in change.what for change in found.changed if change.after.row == 10] == [True]
    assert rows_of(back.added) == [11]
    assert found.same + len(found.changed) == 10


def test_a_version_cleaned_from_another_is_compared_row_by_row(store, file):
    rows = [{"user": "", "agent": "x"}, *pairs(8), {"user": "I am jo@example.org", "agent": "Hi"}]
    one = store.save(prepare(file(rows)), "a")
    recipe = Recipe(steps=("pii", "flagged"), parameters={"flagged_words": ["question 0"]})
    two = store.save(cleaned_draft(store, one.id, recipe), "a", parent=one.id)

    found = compare(store, one.id, two.id)

    assert rows_of(found.removed) == [2]
    texts = [(c.before.turns[0].text, c.after.turns[0].text) for c in found.changed]
    assert ("I am jo@example.org", "I am <EMAIL_1>") in texts
    assert rows_of(compare(store, two.id, one.id).added) == [2]


def test_a_row_that_came_back_is_the_only_one_added(store, file):
    one = store.save(prepare(file([*pairs(9), pairs(1)[0]])), "a")
    two = restore(store, one.id, [10])

    found = compare(store, one.id, two.id)

    assert (rows_of(found.added), found.removed) == ([10], ())
    assert {tuple(change.what) for change in found.changed} <= {("split",)}


def test_versions_of_two_files_are_compared_by_what_they_say(store, file):
    one = store.save(prepare(file(pairs(10))), "a").id
    two = store.save(prepare(file(pairs(12)[2:], "b.jsonl")), "b").id

    found = compare(store, one, two)

    assert {c.turns[0].text for c in found.added} == {"question 10", "question 11"}
    assert {c.turns[0].text for c in found.removed} == {"question 0", "question 1"}


def test_a_version_that_is_not_there_is_named(store):
    with pytest.raises(NotFound, match="'a-v1'"):
        compare(store, "a-v1", "a-v2")


@pytest.fixture
def mixed(store, file, tmp_path):
    """Two datasets of files that are called the same, and mixtures of them."""
    (tmp_path / "b").mkdir()
    bikes = [{"user": f"Bike {n}?", "agent": f"Wheel {n}."} for n in range(10)]
    store.save(prepare(file(pairs(10))), "a")
    store.save(prepare(file(bikes, "b/a.csv")), "b")

    def mix(*sources, name="both", **more):
        made = mixture(store, [Part(source) for source in sources], name, **more)
        return save_mixture(store, made, name).id

    return mix


def account(found, store):
    """Every row of both versions is in one place."""
    before, after = (len(store.conversations(v)) for v in (found.before, found.after))
    shared = len(found.changed) + found.same
    assert before == shared + len(found.removed)
    assert after == shared + len(found.added)


def test_rows_of_sources_with_one_file_name_are_told_apart(store, mixed):
    both = mixed("a-v1", "b-v1")
    half = mixed("a-v1", "b-v1", rows=8)

    same, less = compare(store, both, both), compare(store, both, half)

    assert (same.same, same.added, same.removed, same.changed) == (20, (), (), ())
    assert [row.source for row in less.removed] == ["a-v1"] * 4 + ["b-v1"] * 4
    assert (less.added, less.changed) == ((), ())
    for found in (same, less):
        account(found, store)


def test_a_source_beside_its_mixture_has_its_own_rows_in_common_with_it(store, mixed):
    both = mixed("a-v1", "b-v1")

    ours, theirs = compare(store, "a-v1", both), compare(store, both, "b-v1")

    assert [row.source for row in ours.added] == ["b-v1"] * 10
    assert ours.removed == ()
    assert ["turns" in change.what for change in ours.changed].count(True) == 0
    assert [row.source for row in theirs.removed] == ["a-v1"] * 10
    assert theirs.added == ()
    for found in (ours, theirs):
        account(found, store)


def test_a_mixture_of_newer_versions_is_compared_source_by_source(store, mixed, file):
    old = mixed("a-v1", "b-v1")
    changed = [{"user": "<b>question 0</b>?", "agent": "answer"}, *pairs(10)[1:]]
    newer = store.save(prepare(file(changed)), "a").id
    new = mixed(newer, "b-v1", name="both")

    found = compare(store, old, new)

    assert (found.added, found.removed) == ((), ())
    assert [c.after.source for c in found.changed if "turns" in c.what] == [newer]
    account(found, store)


def test_rows_of_a_mixture_of_mixtures_are_told_apart_by_what_they_say(store, mixed, file):
    other = store.save(prepare(file(pairs(9), "c.csv")), "c")
    whole = mixed(mixed("a-v1", "b-v1"), other.id, name="whole")

    found = compare(store, whole, whole)

    assert (found.same, found.added, found.removed) == (len(store.conversations(whole)), (), ())
    account(found, store)
