"""Labels are capped or repeated in training only, and every row is counted."""

from collections import Counter

import pytest

from chatui.data.balancing import balanced, imbalance, save_balance
from chatui.data.store import DatasetStore
from chatui.errors import CannotBalance
from tests.data.making import asked, learned, questions, save


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def version(store, tmp_path):
    """100 rows of one label, 20 of another, 10 without."""
    rows = questions(100, label="often") + questions(20, 1000, "rare")
    rows += [row | {"label": ""} for row in questions(10, 2000)]
    return save(store, tmp_path, "desk", rows)


def trained(store, dataset_id):
    return Counter(row.label for row in store.rows(dataset_id) if row.split == "train")


def test_the_imbalance_is_there_before_anything_is_done(store, version):
    often, rare = imbalance(store.rows(version.id))

    before = trained(store, version.id)
    assert (often.label, often.rows, often.train) == ("often", 100, before["often"])
    assert (rare.rows, rare.train) == (20, before["rare"])
    assert often.share + rare.share == pytest.approx(1)
    assert (often.dropped, often.repeated, often.seen) == (0, 0, often.train)


def test_a_cap_drops_training_rows_only_and_counts_them(store, version):
    made = balanced(store, version.id, cap=15)
    saved = save_balance(store, made)

    before, after = store.rows(version.id), store.rows(saved.id)
    assert (saved.id, saved.parent, saved.parents) == ("desk-v2", "desk-v1", ["desk-v1"])
    assert trained(store, saved.id)["often"] == 15
    assert trained(store, saved.id)[None] == trained(store, version.id)[None]
    assert [r for r in after if r.split != "train"] == [r for r in before if r.split != "train"]
    assert saved.removed == {"cap": made.lines[0].dropped + made.lines[1].dropped}
    assert saved.rows_read == len(before)
    gone = {row.row for row in store.removed_rows(saved.id)}
    assert gone == {row.row for row in before} - {row.row for row in after}
    assert "more than 15" in store.removed_rows(saved.id)[0].reason


def test_weights_repeat_rare_labels_and_drop_nothing(store, version):
    made = balanced(store, version.id, times=3)
    saved = save_balance(store, made)

    before = trained(store, version.id)
    assert trained(store, saved.id)["rare"] == 3 * before["rare"]
    assert trained(store, saved.id)["often"] == before["often"]
    assert made.lines[1].repeated == saved.added == 2 * before["rare"]
    assert saved.removed == {}
    assert {row.made_by for row in store.rows(saved.id) if row.parent} == {"repeat"}


def test_labels_that_may_be_repeated_as_often_as_needed_are_seen_equally(store, version):
    lines = balanced(store, version.id, times=50).lines

    assert lines[0].seen == lines[1].seen
    assert lines[0].seen_share == 0.5


def test_what_a_later_version_tests_is_not_learned_by_balancing_an_earlier_one(
    store, version, tmp_path
):
    later = save(store, tmp_path, "desk", questions(150, label="often"), seed=9)
    tested = asked(store.rows(later.id), "test")
    assert tested & learned(store.rows(version.id))

    saved = save_balance(store, balanced(store, version.id, times=4))

    assert learned(store.rows(saved.id)).isdisjoint(tested)


def test_the_same_seed_drops_the_same_rows(store, version):
    one, other, third = (balanced(store, version.id, cap=9, seed=s).content for s in (1, 1, 2))

    assert one == other
    assert one.conversations != third.conversations


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        (questions(9, label="x"), {"cap": 3}, "only the label 'x'"),
        ([r | {"label": ""} for r in questions(9)], {"cap": 3}, "it has none"),
        (questions(40), {"cap": 0}, "a cap of 0 leaves nothing"),
        (questions(40), {"times": 1}, "choose 2 or more"),
    ],
)
def test_what_cannot_be_balanced_is_said(store, tmp_path, rows, options, told):
    version = save(store, tmp_path, "a", rows)

    with pytest.raises(CannotBalance, match=told):
        balanced(store, version.id, **options)
    assert len(store.all()) == 1
