"""Distinct-n and self-BLEU agree with counting by hand, with sacrebleu, and with chance."""

from itertools import combinations

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from chatui.score.metrics.diversity import Distinct, SelfBleu
from chatui.statistics import half_samples

REPLIES = ["the cat sat on the mat", "the cat sat on the hat", "a dog ran"]
WORDS = [reply.split() for reply in REPLIES]


def marks(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=bool)


def distinct(words, order: int) -> float:
    return Distinct(words, order).of(np.ones((1, len(words)), dtype=bool))[0]


def self_bleu(words) -> float:
    return SelfBleu(words).of(np.ones((1, len(words)), dtype=bool))[0]


def test_distinct_1_and_2_are_pooled():
    assert distinct(WORDS, 1) == pytest.approx(0.6)
    assert distinct(WORDS, 2) == pytest.approx(0.6667, abs=1e-4)


def test_distinct_is_counted_among_the_marked_outputs_only():
    found = Distinct(WORDS, 1).of(marks([1, 0, 0], [0, 0, 1], [0, 0, 0]))

    assert found[:2] == pytest.approx([5 / 6, 1])
    assert np.isnan(found[2])


def test_without_n_grams_distinct_is_undefined():
    assert np.isnan(distinct([["a"], []], 2))


def test_equal_numbers_of_n_grams_are_what_all_choices_give_on_average():
    short, long = ["x", "y"], ["a", "a", "b", "c"]

    plain_short, plain_long, equal_short, equal_long = Distinct([short, long], 1).of_two(
        marks([1, 0]), marks([0, 1])
    )[0]

    by_hand = np.mean([len({long[i] for i in pair}) / 2 for pair in combinations(range(4), 2)])
    assert (plain_short, plain_long) == (1, 0.75)
    assert equal_short == 1
    assert equal_long == pytest.approx(by_hand)


def test_a_system_that_only_says_more_is_not_less_varied_at_equal_length():
    random = np.random.default_rng(0)
    words = random.integers(0, 300, 1200).astype(str).tolist()
    one, more = words[:300], words[300:]

    plain_one, plain_more, equal_one, equal_more = Distinct([one, more], 1).of_two(
        marks([1, 0]), marks([0, 1])
    )[0]

    assert plain_more < 0.6 * plain_one
    assert equal_more == pytest.approx(equal_one, rel=0.1)


@pytest.mark.parametrize(
    "replies",
    [
        REPLIES,
        [*REPLIES, "the cat", "cat", "the cat sat on the mat the cat sat on the mat"],
        ["a b c d e", "a b c d e"],
        ["a b", "c d"],
    ],
)
def test_self_bleu_is_sacrebleus_sentence_bleu_against_all_others(replies):
    library = BLEU(effective_order=True)
    expected = [
        library.sentence_score(reply, replies[:place] + replies[place + 1 :]).score
        for place, reply in enumerate(replies)
    ]

    found = self_bleu([reply.split() for reply in replies])

    assert found == pytest.approx(np.mean(expected) / 100)


def test_self_bleu_among_marked_outputs_is_that_of_those_alone():
    chosen = [WORDS[0], WORDS[2]]

    assert SelfBleu(WORDS).of(marks([1, 0, 1]))[0] == pytest.approx(self_bleu(chosen))


def test_self_bleu_leaves_out_what_has_no_words_and_needs_two_that_have():
    assert self_bleu([*WORDS, []]) == pytest.approx(self_bleu(WORDS))
    assert np.isnan(self_bleu([WORDS[0], []]))
    assert np.isnan(self_bleu([[], []]))


def test_replies_that_are_all_the_same_are_not_varied():
    assert self_bleu([WORDS[0]] * 5) == pytest.approx(1)
    assert distinct([WORDS[0]] * 5, 2) == pytest.approx(5 / 25)


def test_the_order_of_outputs_changes_nothing():
    assert distinct(WORDS[::-1], 2) == distinct(WORDS, 2)
    assert self_bleu(WORDS[::-1]) == pytest.approx(self_bleu(WORDS))


def test_half_samples_are_as_wide_as_new_replies_would_scatter():
    random = np.random.default_rng(0)
    shares = 1 / np.arange(1, 401)

    def replies() -> list[list[str]]:
        drawn = random.choice(400, (40, 8), p=shares / shares.sum())
        return drawn.astype(str).tolist()

    values, widths = [], []
    for _ in range(60):
        counts = Distinct(replies(), 1)
        (interval,) = half_samples(lambda m, c=counts: c.of(m)[:, None], 40, samples=100)
        values.append(interval.value)
        widths.append((interval.high - interval.low) / (2 * 1.96))
    assert np.mean(widths) == pytest.approx(np.std(values), rel=0.5)
