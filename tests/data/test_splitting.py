"""Splits keep a prompt on one side, come near 80/10/10, and depend on nothing but the seed."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.conversation import Turn
from chatui.data.splitting import assign_splits, group_of

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
