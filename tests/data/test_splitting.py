"""Splits keep a prompt on one side, come near 80/10/10, and depend on nothing but the seed."""

import random
import re
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.conversation import Turn, content_hash, said_hash
from chatui.data import splitting
from chatui.data.editing import left_out
from chatui.data.options import Options
from chatui.data.prepare import draft_of
from chatui.data.recipe import recipe_of
from chatui.data.revising import restore, revise
from chatui.data.splitting import assign_splits, group_of, rank, splits_by_content, words_of
from chatui.data.store import DatasetStore
from chatui.data.strata import strata_of
from tests.data.making import questions
from tests.data.writing import write


def plainly_split(groups, seed, locked=(), labels=None):
    """The splits by the definition, group by group."""
    sizes = Counter(groups)
    ranked = sorted(sizes, key=lambda group: rank(seed, group))
    kinds = [ranked] if labels is None else plain_kinds(ranked, groups, labels)
    chosen = {group: "test" for group in sizes if group in locked}
    for split in ("test", "validation"):
        if len(sizes) - (split == "validation") <= 1:
            break
        owed = max(0.0, 1 - len(groups) * 0.1)
        free = len(sizes) - len(chosen) - 1
        for kind in kinds:
            owed += 0.1 * sum(sizes[group] for group in kind)
            there = sum(sizes[group] for group in kind if chosen.get(group) == split)
            taken = first_that_fit(
                [group for group in kind if group not in chosen][:free], sizes, round(owed - there)
            )
            chosen.update(dict.fromkeys(taken, split))
            free -= len(taken)
            owed = max(-0.5, owed - there) - sum(sizes[group] for group in taken)
    return tuple(chosen.get(group, "train") for group in groups)


def first_that_fit(groups, sizes, left):
    taken = []
    for group in groups:
        if sizes[group] <= left:
            taken.append(group)
            left -= sizes[group]
    rest = [group for group in groups if group not in taken]
    if left > 0 and rest:
        best = min(rest, key=lambda group: sizes[group])
        if sizes[best] - left < left or not taken:
            taken.append(best)
    return taken


def plain_kinds(ranked, groups, labels):
    counts = defaultdict(Counter)
    for group, label in zip(groups, labels, strict=True):
        counts[group][label] += 1
    kinds = defaultdict(list)
    for group in ranked:
        best = min(counts[group].items(), key=lambda item: (-item[1], item[0] or ""))
        kinds[best[0] or ""].append(group)
    rare = [group for group in ranked if any(group in k and len(k) < 10 for k in kinds.values())]
    return [kind for _, kind in sorted(kinds.items()) if len(kind) >= 10] + [rare] * bool(rare)


GROUPS = st.lists(st.integers(0, 30).map(str), max_size=120)


@given(
    groups=GROUPS, seed=st.integers(0, 99), locked=st.sets(st.integers(0, 30).map(str), max_size=5)
)
def test_no_group_is_in_two_splits_and_locked_ones_are_tested(groups, seed, locked):
    splits = assign_splits(groups, seed, locked)

    assert len(splits) == len(groups)
    assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
    assert all(
        split == "test" for group, split in zip(groups, splits, strict=True) if group in locked
    )


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 60).map(str), st.sampled_from(["a", "b", "c", "", None])),
        max_size=150,
    ),
    seed=st.integers(0, 9),
    locked=st.sets(st.integers(0, 30).map(str), max_size=9),
    has_labels=st.booleans(),
)
def test_splits_are_those_of_the_definition(rows, seed, locked, has_labels):
    groups = [row[0] for row in rows]
    labels = [row[1] for row in rows] if has_labels else None

    assert assign_splits(groups, seed, locked, labels) == plainly_split(
        groups, seed, locked, labels
    )


def test_names_whose_hashes_begin_alike_have_their_places_by_the_whole_hash(monkeypatch):
    groups = [str(n) for n in range(2000)]
    splits = assign_splits(groups, 3)

    monkeypatch.setattr(splitting, "_BEGINNING", 1)

    assert assign_splits(groups, 3) == splits == plainly_split(groups, 3)


@given(groups=GROUPS, seed=st.integers(0, 99), data=st.data())
def test_the_order_of_the_rows_does_not_matter(groups, seed, data):
    shuffled = data.draw(st.permutations(groups))

    assert dict(zip(groups, assign_splits(groups, seed), strict=True)) == dict(
        zip(shuffled, assign_splits(shuffled, seed), strict=True)
    )


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (1, (1, 0, 0)),
        (2, (1, 0, 1)),
        (3, (1, 1, 1)),
        (10, (8, 1, 1)),
        (1100, (880, 110, 110)),
    ],
)
def test_sizes_come_as_near_as_they_can(rows, sizes):
    counted = Counter(assign_splits([str(n) for n in range(rows)], seed=1))

    assert tuple(counted[name] for name in ("train", "validation", "test")) == sizes


def test_large_groups_are_not_cut_to_fit():
    groups = [str(n // 5) for n in range(100)]

    counted = Counter(assign_splits(groups, seed=3))

    assert counted == {"train": 80, "validation": 10, "test": 10}


def test_rows_that_all_ask_the_same_are_for_training():
    assert set(assign_splits(["a"] * 50, seed=1)) == {"train"}


def test_another_seed_splits_otherwise():
    groups = [str(n) for n in range(100)]

    assert assign_splits(groups, 1) != assign_splits(groups, 2)


def test_a_prompt_is_the_same_however_it_is_spelt_and_below_any_system_prompt():
    def group(*texts):
        return group_of([Turn("user", text) for text in texts])

    assert group("How do I PAY?", "x") == group("how do i  pay", "y")
    assert group("How do I pay?", "x") != group("How do I cancel?", "x")
    assert group("?", "x") != group("!", "x")
    assert group_of([Turn("system", "s"), Turn("user", "a"), Turn("assistant", "b")]) == group(
        "a", "b"
    )


@given(st.text(st.characters(max_codepoint=1000)))
def test_the_words_of_a_text_are_those_of_the_pattern(text):
    assert words_of(text) == (re.findall(r"\w+", text.casefold()) or [text.strip()])


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text())))
def test_what_is_said_has_the_hash_of_its_canonical_form(said):
    assert said_hash(said) == content_hash([list(pair) for pair in said])


def test_half_of_a_surrogate_pair_has_a_hash_too():
    assert said_hash([("user", "\ud83d")]) == content_hash([["user", "\ud83d"]])


def shares(labels, splits, split):
    counted = Counter(label for label, s in zip(labels, splits, strict=True) if s == split)
    return {label: count / max(1, sum(counted.values())) for label, count in counted.items()}


@pytest.mark.parametrize("seed", range(3))
def test_stratified_splits_have_the_shares_of_the_whole_within_a_point(seed):
    chance = random.Random(seed)
    labels = chance.choices("abcdefgh", (40, 30, 12, 8, 5, 3, 1.9, 0.1), k=12_000)
    groups = [f"{label}{n // chance.choice((1, 1, 3))}" for n, label in enumerate(labels)]

    splits = assign_splits(groups, seed, strata=strata_of(labels, "auto"))

    whole = Counter(labels)
    sizes = Counter(splits)
    for split, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        assert abs(sizes[split] / 12_000 - share) <= 0.005
        found = shares(labels, splits, split)
        assert all(abs(found.get(x, 0) - n / 12_000) <= 0.01 for x, n in whole.items())


def test_rare_labels_are_one_kind_and_never_a_crash():
    labels = ["often"] * 60 + [f"once {n}" for n in range(40)]

    splits = assign_splits([str(n) for n in range(100)], 1, strata=labels)

    assert Counter(splits) == {"train": 80, "validation": 10, "test": 10}
    assert Counter(splits[60:]) == {"train": 32, "validation": 4, "test": 4}


@given(
    rows=st.lists(st.tuples(st.integers(0, 30).map(str), st.sampled_from("ab")), max_size=120),
    seed=st.integers(0, 9),
    locked=st.sets(st.integers(0, 30).map(str), max_size=5),
)
def test_strata_cut_no_group_and_keep_the_lock(rows, seed, locked):
    groups, labels = [row[0] for row in rows], [row[1] for row in rows]

    splits = assign_splits(groups, seed, locked, labels)

    assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
    assert all(s == "test" for g, s in zip(groups, splits, strict=True) if g in locked)
    if not locked and groups:
        assert "train" in splits


def test_what_was_locked_too_much_of_one_label_is_not_taken_from_the_others():
    groups, labels = [str(n) for n in range(200)], ["a"] * 100 + ["b"] * 100

    splits = assign_splits(groups, 1, set(groups[:30]), labels)

    assert Counter(splits[:100])["test"] == 30
    assert Counter(splits[100:])["test"] == 10


def test_labels_are_strata_of_many_rows_or_on_demand():
    few, many = ["a", None], ["a", None] * 5_001

    assert strata_of(few, "auto") is None
    assert list(strata_of(few, "label") or ()) == few
    assert list(strata_of(many, "auto") or ()) == many
    assert strata_of(many, "nothing") is None
    assert strata_of([None, None], "label") is None


@given(
    rows=st.lists(st.integers(0, 400), unique=True, max_size=60),
    more=st.lists(st.integers(401, 800), unique=True, max_size=40),
    seed=st.integers(0, 9),
    order=st.randoms(use_true_random=False),
)
def test_by_content_rows_that_are_added_move_no_other(rows, more, seed, order):
    locked = {f"{number:016x}" for number in rows[:2]}
    groups = [f"{number:016x}" for number in rows]
    later = groups + [f"{number:016x}" for number in more]
    order.shuffle(later)

    before = dict(zip(groups, splits_by_content(groups, seed, locked), strict=True))
    after = dict(zip(later, splits_by_content(later, seed, locked), strict=True))

    assert before.items() <= after.items()
    assert all(before[group] == "test" for group in locked)


def test_by_content_shares_are_right_on_average_and_other_seeds_split_otherwise():
    groups = [f"{number:016x}" for number in range(20_000)]

    one, other = splits_by_content(groups, 1), splits_by_content(groups, 2)

    for split, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        assert abs(one.count(split) / len(groups) - share) < 0.01
    assert sum(a != b for a, b in zip(one, other, strict=True)) > 5000


@pytest.mark.parametrize("at", [0, 50, 100])
def test_a_file_with_rows_added_anywhere_keeps_the_splits_it_had(workspace, tmp_path, at):
    store = DatasetStore(workspace)
    options = Options(split_by_content=True)
    rows, more = questions(100), questions(40, start=500)
    first = draft_of(write(tmp_path / "a.csv", rows), options, "a.csv")
    second = draft_of(write(tmp_path / "b.csv", [*rows[:at], *more, *rows[at:]]), options, "b.csv")
    saved = store.save(first, "a")
    revised = restore(store, revise(store, saved.id, left_out((), [3])).id, [3])

    before = {c.turns: c.split for c in first.conversations}
    after = {c.turns: c.split for c in second.conversations}
    assert before.items() <= after.items()
    assert set(before.values()) == {"train", "validation", "test"}
    assert {c.turns: c.split for c in store.rows(revised.id)} == before
    assert recipe_of(first).options() == options
