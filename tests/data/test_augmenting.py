"""Added rows are for training only, name their parent, and keep what must stay."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.data.augmenting import Way, augmented, noise, save_augmentation
from chatui.data.balancing import balanced, save_balance
from chatui.data.intact import is_intact, spans
from chatui.data.noise import with_typos
from chatui.data.recipe import Recipe
from chatui.data.revising import cleaned_draft
from chatui.data.store import DatasetStore
from chatui.errors import CannotAugment
from tests.data.making import asked, learned, questions, save

KEPT = [
    *("<EMAIL_1>", "{order_id}", "{{name}}", "42", "3.5", "https://example.org/a/path?x=other"),
    *("jo@example.org", "`commit`", "config.yaml", "snake_case", "/usr/local/file", "[INST]", "%s"),
]
CODE = "```\nwhile running: wait(seconds)\n```"


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def version(store, tmp_path):
    rows = [
        {"user": f"Where exactly is parcel number {n} <EMAIL_1> waiting", "agent": f"Place {n}."}
        for n in range(100)
    ]
    return save(store, tmp_path, "desk", rows + questions(100))


def rewriting(rewrite):
    return Way("paraphrase", lambda texts: [rewrite(text) for text in texts])


@given(st.lists(st.sampled_from([*KEPT, CODE, "question", "about", "shipping"]), max_size=12))
def test_numbers_placeholders_links_and_code_stay(pieces):
    text = " ".join(pieces)

    noisy = with_typos(text, random.Random(1), rate=1)

    assert is_intact(text, noisy)
    assert all(noisy.count(piece) == text.count(piece) for piece in (*KEPT[:5], CODE))


@given(st.text(max_size=80), st.integers(0, 99))
def test_any_text_can_have_typing_errors_and_the_seed_makes_them(text, seed):
    one, other = (with_typos(text, random.Random(seed)) for _ in range(2))

    assert one == other
    assert is_intact(text, one)
    assert len(text.split()) == len(one.split())


def test_names_short_words_and_negations_are_not_touched():
    text = "Do NOT send it to McGregor, never without a PIN or to me at all"

    noisy = with_typos(text, random.Random(2), rate=1)

    assert [a for a, b in zip(text.split(), noisy.split(), strict=True) if a != b] == ["send"]


@pytest.mark.parametrize("piece", ["a" * 200_000, "`" * 200_000, "<[{" * 60_000, "a_" * 100_000])
def test_what_must_stay_is_found_in_texts_made_to_be_slow(piece):
    assert spans(piece) == sorted(spans(piece))


def test_a_number_less_or_another_one_is_no_copy():
    assert is_intact("Order 42, please!", "The order, it is 42.")
    assert not is_intact("Order 42, please!", "Order, please!")
    assert not is_intact("Order 42, please!", "Order 43, please!")
    assert not is_intact("Order it, please!", "Order 2 of it, please!")


def test_noise_is_added_to_training_only_and_no_more_than_its_share(store, version):
    made = augmented(store, version.id, noise(), 0.25)
    saved = save_augmentation(store, made)

    before, rows = store.rows(version.id), store.rows(saved.id)
    copies = [row for row in rows if row.made_by]
    sources = {row.id: row for row in before}
    trained = sum(row.split == "train" for row in before)
    assert (saved.id, saved.parents, saved.added) == ("desk-v2", ["desk-v1"], len(copies))
    assert 0 < len(copies) <= 0.25 * trained == made.wanted
    assert [row for row in rows if not row.made_by] == before
    for copy in copies:
        source = sources[copy.parent]
        assert (copy.split, source.split, copy.made_by) == ("train", "train", "noise")
        assert copy.turns != source.turns
        assert copy.turns[-1] == source.turns[-1]
        assert is_intact(source.turns[0].text, copy.turns[0].text)
    assert len({row.turns for row in rows}) == len(rows)
    assert saved.kept == saved.rows_read == 200


def test_the_version_before_is_the_one_without_added_rows(store, version):
    saved = save_augmentation(store, augmented(store, version.id, noise(), 0.5))

    again = store.save(cleaned_draft(store, saved.id, Recipe()), "elsewhere")

    assert store.view(saved.parents[0]).added == 0
    assert again.added == 0
    assert again.kept == version.kept


def test_the_seed_decides_what_is_added(store, version):
    one, other, third = (
        augmented(store, version.id, noise(seed), 0.2, seed=seed).copies for seed in (1, 1, 2)
    )

    assert one == other != third


def test_rows_that_were_added_before_stay(store, version):
    first = save_augmentation(store, augmented(store, version.id, noise(1), 0.1, seed=1))
    second = save_augmentation(store, augmented(store, first.id, noise(2), 0.1, seed=2))

    one, two = ({r.id: r for r in store.rows(v.id) if r.made_by} for v in (first, second))
    assert one.items() <= two.items()
    assert len(two) > len(one)
    assert len({row.id for row in store.rows(second.id)}) == len(store.rows(second.id))


def test_repeats_of_a_balanced_version_stay_and_are_not_copied(store, version):
    even = save_balance(store, balanced(store, version.id, times=3))
    saved = save_augmentation(store, augmented(store, even.id, noise(), 0.1))

    made = Counter(row.made_by for row in store.rows(saved.id))
    assert made["repeat"] == even.added
    own = {row.id for row in store.rows(saved.id) if row.parent is None}
    assert {row.parent for row in store.rows(saved.id) if row.parent} <= own


def test_a_copy_that_comes_near_to_a_test_row_is_refused(store, tmp_path):
    rows = [{"user": f"Why {a} {b}", "agent": "x"} for a in "abcdefgh" for b in "abcdefgh"]
    version = save(store, tmp_path, "desk", rows)
    tested = [row.turns[0].text for row in store.rows(version.id) if row.split == "test"]
    said = iter(tested * 100)
    way = Way("paraphrase", lambda texts: [next(said) for _ in texts], is_free=False)

    with pytest.raises(CannotAugment, match="nearly the same as a test or validation row"):
        augmented(store, version.id, way, 0.1)


@pytest.mark.parametrize(
    ("rewrite", "told"),
    [
        (lambda text: text, "it is the same as its source"),
        (lambda text: " ", "it is blank"),
        (lambda text: text + " 7", "is not as it was"),
        (lambda text: text + " !", "signs only"),
    ],
)
def test_a_copy_that_is_none_is_refused_with_its_reason(store, version, rewrite, told):
    with pytest.raises(CannotAugment, match=told):
        augmented(store, version.id, rewriting(rewrite), 0.1)
    assert len(store.all()) == 1


def test_what_has_nothing_in_common_with_its_source_is_refused(store, tmp_path):
    rows = [{"user": f"Why {word}", "agent": "x"} for word in "abcdefghijklmnop"]
    version = save(store, tmp_path, "short", rows)

    with pytest.raises(CannotAugment, match="too little in common"):
        augmented(store, version.id, rewriting(lambda _: "Something else altogether"), 0.5)


@pytest.mark.parametrize(("share", "told"), [(0, "not above 0"), (2, "at most 1"), (0.001, "less")])
def test_a_share_that_cannot_be_is_said(store, version, share, told):
    with pytest.raises(CannotAugment, match=told):
        augmented(store, version.id, noise(), share)


def test_a_row_that_a_later_version_tests_is_not_copied(store, version, tmp_path):
    later = save(store, tmp_path, "desk", questions(160), seed=9)
    tested = asked(store.rows(later.id), "test")
    assert tested & learned(store.rows(version.id))

    saved = save_augmentation(store, augmented(store, version.id, noise(), 1.0))

    rows = store.rows(saved.id)
    assert learned(rows).isdisjoint(tested)
    parents = {row.id: row.split for row in rows}
    assert {parents[row.parent] for row in rows if row.parent} == {"train"}
