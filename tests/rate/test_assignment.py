"""Sides and orders: balanced, seeded, and no clue to the system."""

import pytest

from chatui.rate.assignment import item_order, tuned_is_a

ITEMS = [f"item{k}" for k in range(21)]


@pytest.mark.parametrize("count", [1, 2, 5, 20, 21])
@pytest.mark.parametrize("rater", [1, 2, 3, 8])
def test_each_rater_sees_both_sides_equally_often_within_one(count, rater):
    sides = tuned_is_a(ITEMS[:count], seed=7, rater=rater)

    assert abs(2 * sum(sides.values()) - count) <= 1


@pytest.mark.parametrize("raters", [1, 2, 3, 4, 7])
def test_each_item_has_both_sides_equally_often_over_raters_within_one(raters):
    shown = [tuned_is_a(ITEMS, seed=7, rater=number) for number in range(1, raters + 1)]

    for item in ITEMS:
        assert abs(2 * sum(sides[item] for sides in shown) - raters) <= 1


def test_each_pair_of_raters_gets_a_new_draw():
    first, third = (tuned_is_a(ITEMS, seed=7, rater=number) for number in (1, 3))

    assert first != third


def test_each_rater_has_an_order_of_their_own_that_stays():
    first = item_order(ITEMS, seed=7, rater=1)

    assert sorted(first) == sorted(ITEMS)
    assert first == item_order(list(reversed(ITEMS)), seed=7, rater=1)
    assert first != item_order(ITEMS, seed=7, rater=2)
    assert first != item_order(ITEMS, seed=8, rater=1)
