"""A mixture by weight: every row accounted for, no test item learned, each row with its source."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.data.draws import apportioned, times_seen
from chatui.data.mixing import Part, mixture, save_mixture
from chatui.data.recipe import Recipe
from chatui.data.revising import cleaned_draft, restore
from chatui.data.store import DatasetStore
from chatui.errors import BadMixture, NotFound, NotRestorable
from tests.data.making import asked, learned, questions, save


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def two(store, tmp_path):
    """A dataset of 200 rows and one of 50 that share no question."""
    return (
        save(store, tmp_path, "large", questions(200)),
        save(store, tmp_path, "small", questions(50, start=1000)),
    )


def mixed(store, *parts, rows=None, name="both"):
    return mixture(store, [Part(*part) for part in parts], name, rows)


@given(total=st.integers(1, 5000), weights=st.lists(st.floats(0.01, 100), min_size=2, max_size=6))
def test_parts_add_up_and_none_is_off_by_a_row(total, weights):
    parts = apportioned(total, weights)

    assert sum(parts) == total
    assert all(abs(n - total * w / sum(weights)) < 1 for n, w in zip(parts, weights, strict=True))


@given(rows=st.integers(1, 60), wanted=st.integers(0, 300), seed=st.integers(0, 9))
def test_all_rows_are_seen_equally_often_or_once_more(rows, wanted, seed):
    names = [str(n) for n in range(rows)]

    seen = times_seen(names, wanted, seed)

    assert sum(seen) == wanted
    assert max(seen) - min(seen) <= 1
    again = dict(zip(names[::-1], times_seen(names[::-1], wanted, seed), strict=True))
    assert dict(zip(names, seen, strict=True)) == again


def test_the_table_says_what_becomes_of_each_source(store, two):
    made = mixed(store, ("large-v1", 1), ("small-v1", 1))

    large, small = made.lines
    assert (large.rows, large.validation, large.test, large.left_out) == (200, 20, 20, 0)
    assert (large.seen, large.repeats, large.unused) == (100, 1.0, 60)
    assert (small.rows, small.seen, small.unused) == (50, 100, 0)
    assert small.repeats == 2.5
    assert large.share == small.share == 0.5
    assert len(store.all()) == 2


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (0.2, 5), (7, 2)])
def test_the_share_that_is_seen_is_the_weight_within_a_point(store, two, weights):
    made = mixed(store, ("large-v1", weights[0]), ("small-v1", weights[1]), rows=1000)
    version = save_mixture(store, made, "both")

    rows = store.conversations(version.id, "train")

    sources = Counter(row.source for row in rows)
    assert len(rows) == 1000
    assert abs(sources["large-v1"] / 1000 - weights[0] / sum(weights)) <= 0.01


def test_a_mixture_is_a_version_with_parents_that_accounts_for_every_row(store, workspace, two):
    version = save_mixture(store, mixed(store, ("large-v1", 1), ("small-v1", 1)), "both")

    rows = store.conversations(version.id)
    repeated = [row for row in rows if row.made_by]
    assert (version.id, version.parent) == ("both-v1", "large-v1")
    assert version.parents == ["large-v1", "small-v1"]
    assert version.rows_read == 250 == version.kept + sum(version.removed.values())
    assert version.removed == {"mix": 60}
    assert version.added == len(repeated) == 60
    assert sum(version.splits.values()) == len(rows) == version.kept + version.added
    assert len({row.id for row in rows}) == len(rows)
    assert {(row.split, row.made_by) for row in repeated} == {("train", "repeat")}
    assert {row.parent for row in repeated} <= {row.id for row in rows}
    assert store.recipe(version.id).made_by["mix"][0]["source"] == "large-v1"
    manifest = json.loads((workspace.folder("datasets", "both-v1") / "manifest.json").read_text())
    assert manifest["format"] == 1


def test_each_row_keeps_its_source_its_file_and_its_row(store, two):
    version = save_mixture(store, mixed(store, ("large-v1", 1), ("small-v1", 1)), "both")

    before = {(row.file, row.row): row for view in two for row in store.rows(view.id)}
    for row in store.rows(version.id):
        origin = before[row.file, row.row]
        assert row.turns == origin.turns
        assert row.source == ("large-v1" if origin in store.rows("large-v1") else "small-v1")


def test_the_test_split_is_that_of_the_sources_and_none_of_it_is_learned(store, tmp_path):
    save(store, tmp_path, "one", questions(100), seed=1)
    save(store, tmp_path, "two", questions(100), seed=2)  # the same questions, split otherwise

    made = mixed(store, ("one-v1", 1), ("two-v1", 1))
    version = save_mixture(store, made, "both")

    tested = [row for name in ("one-v1", "two-v1") for row in store.rows(name)]
    assert asked(store.rows(version.id), "test") == asked(tested, "test")
    assert learned(store.rows(version.id)).isdisjoint(asked(tested, "test"))
    assert sum(line.left_out for line in made.lines) > 0
    rows = store.rows(version.id)
    assert asked(rows, "train").isdisjoint(asked(rows, "validation"))
    assert version.rows_read == 200


def test_near_copies_of_what_another_source_tests_are_left_out(store, tmp_path):
    rows = [
        {"user": f"May I pick up parcel{n} at the old shop in town on a monday", "agent": "Yes."}
        for n in range(60)
    ]
    copies = [row | {"user": f"{row['user']} please"} for row in rows]
    one = save(store, tmp_path, "one", rows, seed=1)
    save(store, tmp_path, "two", [*copies, *questions(60)], seed=5)

    version = save_mixture(store, mixed(store, ("one-v1", 1), ("two-v1", 1)), "both")

    tested = {row.turns[0].text for row in store.rows(one.id) if row.split == "test"}
    kept = {r.turns[0].text for r in store.rows(version.id) if r.split in ("train", "validation")}
    assert kept.isdisjoint(f"{text} please" for text in tested)
    groups = {}
    for row in store.rows(version.id):
        groups.setdefault(row.group, set()).add(row.split)
    assert all(len(splits) == 1 for splits in groups.values())


def test_what_another_version_of_a_source_tests_is_not_learned_either(store, tmp_path):
    save(store, tmp_path, "one", questions(100), seed=1)
    later = save(store, tmp_path, "one", questions(160), seed=2)
    save(store, tmp_path, "two", questions(50, start=1000))

    version = save_mixture(store, mixed(store, ("one-v1", 1), ("two-v1", 1)), "both")

    assert learned(store.rows(version.id)).isdisjoint(asked(store.rows(later.id), "test"))


def test_the_system_prompts_of_sources_stay_with_their_rows(store, tmp_path):
    save(store, tmp_path, "one", questions(20), system="Be kind.")
    save(store, tmp_path, "two", questions(20, start=100), system="Be short.")
    save(store, tmp_path, "three", questions(20, start=200), system="Be kind.")

    unlike = save_mixture(store, mixed(store, ("one-v1", 1), ("two-v1", 1)), "unlike")
    alike = save_mixture(store, mixed(store, ("one-v1", 1), ("three-v1", 1)), "alike")

    said = {(row.source, row.turns[0].text) for row in store.conversations(unlike.id)}
    assert (unlike.system, alike.system) == (None, "Be kind.")
    assert said == {("one-v1", "Be kind."), ("two-v1", "Be short.")}
    assert {row.turns[0].text for row in store.conversations(alike.id)} == {"Be kind."}


def test_the_same_mixture_is_the_same_content(store, two):
    parts = ("large-v1", 2), ("small-v1", 1)

    one = save_mixture(store, mixed(store, *parts), "one")
    other = save_mixture(store, mixed(store, *parts, name="other"), "other")

    assert one.sha256 == other.sha256


def test_a_mixture_cleaned_again_keeps_sources_and_locks_and_has_no_repeats(store, two):
    version = save_mixture(store, mixed(store, ("large-v1", 1), ("small-v1", 1)), "both")

    draft = cleaned_draft(store, version.id, Recipe())
    cleaned, elsewhere = (store.save(draft, name) for name in ("both", "elsewhere"))

    tested = asked(store.rows(version.id), "test")
    for made in (cleaned, elsewhere):
        rows = store.rows(made.id)
        assert {row.source for row in rows} == {"large-v1", "small-v1"}
        assert made.added == 0
        assert tested <= asked(rows, "test")


def test_a_row_that_a_mixture_leaves_out_comes_back_by_another_mixture_only(store, two):
    version = save_mixture(store, mixed(store, ("large-v1", 1), ("small-v1", 1)), "both")

    with pytest.raises(NotRestorable, match="the weight leaves no place for it"):
        restore(store, version.id, [store.removed_rows(version.id)[0].row])


@pytest.mark.parametrize(
    ("parts", "rows", "told"),
    [
        ([("large-v1", 1)], None, "fewer than two"),
        ([("large-v1", 1), ("large-v1", 2)], None, "large-v1 is named 2 times"),
        ([("large-v1", 1), ("small-v1", 0)], None, "the weight of small-v1 is 0"),
        ([("large-v1", 1), ("small-v1", float("nan"))], None, "the weight of small-v1 is nan"),
        ([("large-v1", 1), ("small-v1", 1)], 1, "1 training rows"),
    ],
)
def test_what_makes_no_mixture_is_said(store, two, parts, rows, told):
    with pytest.raises(BadMixture, match=told):
        mixed(store, *parts, rows=rows)


def test_an_unknown_source_is_named(store, two):
    with pytest.raises(NotFound, match="nothing-v1"):
        mixed(store, ("large-v1", 1), ("nothing-v1", 1))


def test_a_source_whose_rows_are_all_tested_elsewhere_has_none_to_train_on(store, tmp_path):
    save(store, tmp_path, "one", questions(30), seed=1)
    tested = next(row for row in store.rows("one-v1") if row.split == "test")
    save(store, tmp_path, "two", [{"user": tested.turns[0].text, "agent": "x"}])

    with pytest.raises(BadMixture, match="two-v1 has no row left"):
        mixed(store, ("one-v1", 1), ("two-v1", 1))
