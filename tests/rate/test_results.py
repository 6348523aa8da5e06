"""What may be said about ratings, down to none at all; the statistics against published values."""

import math
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from chatui.rate.agreement import Agreement, agreement
from chatui.rate.power import items_needed, power, smallest_win_rate
from chatui.rate.results import Grade, Outcome, Result, Vote, analyse
from chatui.rate.study import SCALES
from chatui.statistics import sign_test, two_way_bootstrap, wilson

# Three coders and fifteen units; the example of Krippendorff's alpha in methods texts.
CODERS = (
    "* * * * * 3 4 1 2 1 1 3 3 * 3",
    "1 * 2 1 3 3 4 3 * * * * * * *",
    "* * 2 1 3 4 4 * 2 1 1 3 3 * 4",
)
UNITS = {
    unit: [float(code) for code in codes if code != "*"]
    for unit, codes in enumerate(zip(*(coder.split() for coder in CODERS), strict=True))
}


def votes(*outcomes: Outcome, rater: str = "p1") -> list[Vote]:
    return [Vote(f"i{k}", rater, outcome, k % 2 == 0) for k, outcome in enumerate(outcomes)]


def result(*given: Vote, grades: tuple[Grade, ...] = ()) -> Result:
    found = analyse(given, grades, SCALES)
    assert all(math.isfinite(x) for x in _numbers(astuple(found)))
    return found


def _numbers(values: tuple[object, ...]) -> list[float]:
    flat: list[float] = []
    for value in values:
        if isinstance(value, float | int):
            flat.append(value)
        elif isinstance(value, tuple):
            flat += _numbers(value)
    return flat


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.691358), ("ordinal", 0.806721), ("interval", 0.810845)]
)
def test_alpha_of_krippendorffs_example(level, alpha):
    found = agreement(UNITS, level)

    assert found is not None
    assert found.alpha == pytest.approx(alpha, abs=1e-6)
    assert found.units == 12  # of 15; the others have one answer
    assert found.low <= found.alpha <= found.high


def test_alpha_is_undefined_where_nothing_varies():
    assert agreement({"i1": [1, 1], "i2": [1, 1]}, "nominal") == Agreement(2, 1.0, None, None, None)


def test_there_is_no_agreement_without_a_second_answer():
    assert agreement({"i1": [1], "i2": [2]}, "nominal") is None


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"), [(8, 10, 0.490162, 0.943318), (10, 10, 0.722467, 1.0)]
)
def test_wilson(wins, n, low, high):
    interval = wilson(wins, n)

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-6)
    assert interval.low <= interval.value <= interval.high


@given(wins=st.integers(0, 200), losses=st.integers(0, 200))
def test_wilson_is_what_scipy_says_of_whole_successes(wins, losses):
    n = max(1, wins + losses)
    expected = binomtest(min(wins, n), n).proportion_ci(0.95, method="wilson")

    interval = wilson(wins, n)

    assert interval.low == pytest.approx(expected.low, abs=1e-9)
    assert interval.high == pytest.approx(expected.high, abs=1e-9)


def test_wilson_refuses_more_successes_than_trials():
    with pytest.raises(ValueError, match="3 successes of 2"):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("wins", "losses", "p"), [(8, 2, 0.109375), (0, 0, 1.0), (5, 5, 1.0), (10, 0, 2 / 1024)]
)
def test_sign_test(wins, losses, p):
    assert sign_test(wins, losses) == pytest.approx(p)
    assert sign_test(losses, wins) == pytest.approx(p)


def test_the_two_way_bootstrap_is_wider_when_the_same_votes_come_from_fewer_raters():
    values = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0] * 5
    items = [f"i{k}" for k in range(40)]
    few = [f"p{k % 8 // 4}" for k in range(40)]
    many = [f"p{k}" for k in range(40)]

    narrow = two_way_bootstrap(values, items, ["p"] * 40)
    assert _width(two_way_bootstrap(values, items, many)) > _width(narrow)
    assert two_way_bootstrap(values, items, few).value == pytest.approx(0.75)


def test_the_two_way_bootstrap_is_the_same_each_time():
    arguments = [1.0, 0.0, 1.0], ["a", "b", "c"], ["p", "p", "q"]

    assert two_way_bootstrap(*arguments) == two_way_bootstrap(*arguments)


def test_the_two_way_bootstrap_wants_an_item_and_a_rater_for_each_vote():
    with pytest.raises(ValueError, match="one item and one rater"):
        two_way_bootstrap([1.0, 0.0], ["a", "b"], ["p"])


def _width(interval) -> float:
    return interval.high - interval.low


@pytest.mark.parametrize(
    ("win_rate", "items"),
    [(0.6, 210), (0.65, 97), (0.7, 54), (0.75, 35), (0.8, 23), (0.9, 12)],
)
def test_items_needed_to_show_a_win_rate(win_rate, items):
    assert items_needed(win_rate) == items
    assert power(items, win_rate) >= 0.8


def test_no_win_rate_can_be_shown_with_five_items_and_only_large_ones_with_ten():
    assert smallest_win_rate(0) is None
    assert smallest_win_rate(5) is None
    assert smallest_win_rate(10) == pytest.approx(0.92, abs=0.01)
    assert smallest_win_rate(200) < 0.61


def test_nobody_has_rated():
    found = result()

    assert found.win_rate is None
    assert found.sentence == "Nobody has rated yet, so nothing can be said."
    assert found.side_sentence.startswith("No rating had a winner")


def test_one_item_says_nothing_but_says_so():
    found = result(*votes("win"))

    assert found.verdict == "unclear"
    assert "Only 1 item had a winner" in found.sentence


def test_ten_to_nothing_is_better_with_an_interval_that_is_not_a_point():
    found = result(*votes(*["win"] * 10))

    assert found.verdict == "better"
    assert found.win_rate.value == 1
    assert found.win_rate.low == pytest.approx(0.722467, abs=1e-6)
    assert found.p == pytest.approx(0.001953125)
    assert "better than the base model: win rate 1.00 [.72, 1.00], p = .002, n = 10" in (
        found.sentence
    )


def test_nothing_to_ten_is_worse():
    assert result(*votes(*["loss"] * 10)).verdict == "worse"


def test_nothing_but_ties_is_one_half_and_unclear():
    found = result(*votes("both_good", "both_bad", "both_good", "both_good"))

    assert (found.win_rate.value, found.ties, found.both_bad) == (0.5, 4, 1)
    assert found.win_rate.low < 0.5 < found.win_rate.high
    assert found.verdict == "unclear"
    assert found.side_a is None


def test_a_tie_is_half_a_win():
    found = result(*votes("win", "win", "loss", "both_good"))

    assert found.win_rate.value == pytest.approx(2.5 / 4)
    assert (found.wins, found.losses, found.ties) == (2, 1, 1)


def test_wilson_is_used_only_where_every_item_and_rater_appears_once():
    once = [Vote(f"i{k}", f"p{k}", "win" if k % 3 else "loss", True) for k in range(9)]

    assert result(*once).method == "Wilson"
    assert result(*votes("win", "loss", "win")).method == "bootstrap over items and raters"


def test_the_sign_test_is_left_out_where_items_have_several_votes():
    found = result(*votes("win", "loss", "win"), *votes("win", "win", "win", rater="p2"))

    assert found.p is None
    assert found.raters == 2
    assert found.agreement.units == 3


def test_an_interval_above_one_half_is_not_enough_without_a_small_p():
    found = result(*votes(*["win"] * 8, "loss", "loss"))

    assert found.p == pytest.approx(0.109375)
    assert found.verdict == "unclear"


def test_who_always_takes_reply_a_is_noticed():
    given = [Vote(f"i{k}", "p1", "win" if k % 2 else "loss", k % 2 == 1) for k in range(20)]
    found = result(*given)

    assert found.side_a.value == 1
    assert "lean towards Reply A" in found.side_sentence
    assert found.win_rate.value == 0.5


def test_scales_have_counts_a_mean_and_an_interval_over_items():
    grades = tuple(
        Grade(f"i{k}", "p1", "fluency", system, value)
        for k in range(6)
        for system, value in (("base", 1 + k % 3), ("tuned", 5))
    )
    found = {(s.criterion, s.system): s for s in result(grades=grades).scales}

    base, tuned = found["fluency", "base"], found["fluency", "tuned"]
    assert base.counts == (2, 2, 2, 0, 0)
    assert base.mean == base.median == 2
    assert base.interval.low < 2 < base.interval.high
    assert (tuned.mean, tuned.interval) == (5, None)
    assert found["helpfulness", "base"].n == 0


def test_agreement_on_scales_is_ordinal_by_reply():
    grades = tuple(
        Grade(f"i{k}", rater, "fluency", "base", 1 + k) for k in range(4) for rater in ("p1", "p2")
    )

    ((title, found),) = result(grades=grades).scale_agreement
    assert title == "Fluency"
    assert found.alpha == pytest.approx(1)
