"""Intervals and tests do on known numbers what the textbooks say."""

import numpy as np
import pytest

from chatui.statistics import (
    Interval,
    Numbers,
    bootstrap,
    bootstrap_difference,
    bootstrap_each,
    half_samples,
    holm,
    items_needed,
    randomization_each,
    randomization_p,
    swap_test,
)


def mean(sums: Numbers) -> Numbers:
    return sums[:, 0] / sums[:, 1]


def items(*values: float) -> Numbers:
    return np.array([[value, 1.0] for value in values])


SOME = items(1, 4, 2, 8, 5, 7, 1, 4, 2, 8, 5, 7)


def test_the_value_is_that_of_the_whole_sample_and_lies_in_its_interval():
    interval = bootstrap(mean, SOME)

    assert interval.value == pytest.approx(4.5)
    assert interval.low < 4.5 < interval.high


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    assert bootstrap(mean, SOME, seed=3) == bootstrap(mean, SOME, seed=3)
    assert bootstrap(mean, SOME, seed=3) != bootstrap(mean, SOME, seed=4)


def test_the_interval_of_a_mean_is_close_to_the_normal_one():
    values = np.random.default_rng(1).normal(10, 2, 400)

    interval = bootstrap(mean, items(*values), resamples=4_000)

    half = 1.96 * values.std() / 20
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def test_items_that_are_all_alike_have_an_interval_without_width():
    interval = bootstrap(mean, items(3, 3, 3))

    assert (interval.low, interval.high) == (3, 3)


def test_doubling_the_items_keeps_the_value_and_narrows_the_interval():
    once, twice = bootstrap(mean, SOME), bootstrap(mean, np.vstack([SOME, SOME]))

    assert twice.value == pytest.approx(once.value)
    assert twice.high - twice.low < once.high - once.low


def test_resampling_by_weights_is_resampling_by_gathering():
    drawn = np.random.default_rng(0).multinomial(len(SOME), np.full(len(SOME), 1 / len(SOME)))

    gathered = np.repeat(SOME, drawn, axis=0).sum(axis=0)

    assert drawn @ SOME == pytest.approx(gathered)


def test_a_paired_difference_knows_that_items_belong_together():
    noisy = items(*np.random.default_rng(2).normal(0, 50, 40))
    shifted = noisy + [[1.0, 0.0]]

    difference = bootstrap_difference(mean, noisy, shifted)

    assert difference.value == pytest.approx(1)
    assert difference.low == pytest.approx(1)
    assert difference.high == pytest.approx(1)


def test_swapping_the_systems_negates_the_difference():
    one, two = SOME, SOME[::-1] * [[2, 1]]

    there, back = bootstrap_difference(mean, one, two), bootstrap_difference(mean, two, one)

    assert there.value == pytest.approx(-back.value)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_equal_systems_have_a_p_of_one():
    assert randomization_p(mean, SOME, SOME) == 1.0


def test_randomization_agrees_with_counting_all_swaps():
    one, two = items(0, 0, 0, 0, 0), items(1, 1, 1, 1, 1)  # 2 of 32 swaps are as extreme

    assert randomization_p(mean, one, two, resamples=20_000) == pytest.approx(2 / 32, abs=0.006)


def test_a_plain_difference_has_a_small_p():
    one, two = items(*range(40)), items(*(n + 5 for n in range(40)))

    assert randomization_p(mean, one, two) < 0.001


def test_holm_adjusts_and_keeps_the_order():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_refused(bad: float):
    with pytest.raises(ValueError, match="not a finite number"):
        bootstrap(mean, items(1, bad))


def test_no_items_are_refused():
    with pytest.raises(ValueError, match="at least one item"):
        bootstrap(mean, np.empty((0, 2)))


def test_systems_on_different_items_are_refused():
    with pytest.raises(ValueError, match="not the same items"):
        bootstrap_difference(mean, items(1, 2), items(1, 2, 3))


def two(sums: Numbers) -> Numbers:
    return np.column_stack([mean(sums), sums[:, 0]])


def test_several_statistics_at_once_are_each_as_alone():
    other = SOME + [[1.0, 0.0]]

    assert bootstrap_each(two, SOME, seed=3)[0] == bootstrap(mean, SOME, seed=3)
    assert randomization_each(two, SOME, other, seed=3)[0] == randomization_p(
        mean, SOME, other, seed=3
    )


def test_resamples_in_which_a_share_is_undefined_are_left_out():
    rows = np.array([[0.5, 1.0]] + [[0.0, 0.0]] * 9)  # only one item counts

    def share(sums: Numbers) -> Numbers:
        with np.errstate(invalid="ignore"):
            return sums[:, 0] / sums[:, 1]

    assert bootstrap(share, rows) == Interval(0.5, 0.5, 0.5)


def test_a_swap_that_leaves_nothing_to_compare_counts_against_a_difference():
    def difference(swapped):
        value = np.where(swapped.any(axis=1), np.nan, 5.0)
        return value[:, None]

    assert swap_test(difference, 6, resamples=200) == [1.0]


def test_half_samples_of_a_mean_are_as_wide_as_its_bootstrap():
    values = np.random.default_rng(1).normal(10, 2, 200)

    (halves,) = half_samples(lambda m: (m @ values / m.sum(axis=1))[:, None], 200)

    resampled = bootstrap(mean, items(*values))
    assert halves.value == pytest.approx(resampled.value)
    assert halves.high - halves.low == pytest.approx(resampled.high - resampled.low, rel=0.1)


def test_half_samples_know_no_resample_with_the_same_item_twice():
    seen = []

    def count(marks):
        seen.append(marks.sum(axis=1))
        return marks.sum(axis=1, keepdims=True).astype(float)

    half_samples(count, 9, samples=20)

    assert set(np.concatenate(seen[:-1])) == {4}


def test_items_needed_is_what_a_test_of_that_power_takes():
    """A mean of 0.5 with a standard deviation of 1 takes (1.96 + 0.84)² / 0.5² = 31.4 items."""
    error = 1 / 100**0.5
    found = Interval(0.5, 0.5 - 1.959964 * error, 0.5 + 1.959964 * error)

    assert items_needed(found, 100) == 32
    assert items_needed(Interval(-0.5, found.low - 1, found.high - 1), 100) == 32


def test_no_number_of_items_shows_a_difference_that_is_not_there():
    assert items_needed(Interval(0.0, -1.0, 1.0), 50) is None
