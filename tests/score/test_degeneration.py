"""Repetition, silence and parroting are counted per reply, and only where they can be."""

import math

import pytest

from chatui.score.metrics.degeneration import copied_share, empty_share, rep_4
from chatui.score.metrics.per_item import ratio_of_sums
from chatui.statistics import Numbers


def words(text: str) -> list[str]:
    return text.split()


def value(rows: Numbers) -> float:
    return float(ratio_of_sums(rows.sum(axis=0, keepdims=True))[0])


def test_rep_4_is_the_share_of_repeated_4_grams_averaged_over_replies():
    once, twice = words("a b c d e"), words("a b c d a b c d")

    assert rep_4([twice]).tolist() == [[pytest.approx(1 - 4 / 5), 1]]
    assert value(rep_4([once, twice])) == pytest.approx(0.1)


def test_rep_4_of_a_reply_of_fewer_than_4_tokens_is_undefined_and_not_0():
    short, twice = words("a a a"), words("a b c d a b c d")

    assert rep_4([short]).tolist() == [[0, 0]]
    assert value(rep_4([short, twice])) == pytest.approx(0.2)
    assert math.isnan(value(rep_4([short, []])))


def test_nothing_but_white_space_is_empty():
    assert value(empty_share(["", " \n\t", "x", "."])) == 0.5


def test_what_a_reply_takes_over_from_the_prompt_in_runs_of_4():
    prompt = words("where is my parcel now please")

    assert copied_share([words("so where is my parcel ?")], [prompt]).tolist() == [[4, 6]]
    assert copied_share([words("where is my parcel now")], [prompt]).tolist() == [[5, 5]]
    assert copied_share([words("where is your parcel now")], [prompt]).tolist() == [[0, 5]]


def test_nothing_can_be_copied_without_a_prompt_or_in_fewer_than_4_tokens():
    reply = words("where is my parcel")

    assert copied_share([reply, reply[:3]], [None, reply]).tolist() == [[0, 0], [0, 0]]
    assert copied_share([reply], [[]]).tolist() == [[0, 4]]
