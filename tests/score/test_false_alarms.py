"""Two systems that are one and the same are called different in about one of twenty comparisons."""

import random

import numpy as np
import pytest

from chatui.model.requests import Likelihood
from chatui.score.metrics.answers import token_f1
from chatui.score.metrics.overlap import (
    bleu_of_sums,
    bleu_statistics,
    chrf_of_sums,
    chrf_statistics,
)
from chatui.score.metrics.per_item import ratio_of_sums
from chatui.score.metrics.perplexity import (
    perplexity_of_sums,
    perplexity_statistics,
    token_accuracy_statistics,
)
from chatui.score.metrics.rouge import rouge_l
from chatui.statistics import bootstrap_difference, randomization_p

POOL, ITEMS = 400, 40
WORDS = [f"word{n}" for n in range(60)]
OF_SUMS = {
    "bleu": bleu_of_sums,
    "chrf2": chrf_of_sums,
    "rouge_l": ratio_of_sums,
    "token_f1": ratio_of_sums,
    "perplexity": perplexity_of_sums,
    "token_accuracy": ratio_of_sums,
}


@pytest.fixture(scope="module")
def pool() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Per-item statistics of two replies to each of many items, equally good by how they arise."""
    draw = random.Random(0)
    references = [" ".join(draw.choices(WORDS, k=draw.randint(5, 30))) for _ in range(POOL)]
    sides = [_side(references, draw) for _ in range(2)]
    return {name: (sides[0][name], sides[1][name]) for name in OF_SUMS}


def _side(references: list[str], draw: random.Random) -> dict[str, np.ndarray]:
    replies = [_worn(text, draw) for text in references]
    read = [
        Likelihood(draw.gammavariate(2, 1) * len(text.split()), len(text.split()), len(text), hits)
        for text in references
        for hits in [sum(draw.random() < 0.4 for _ in text.split())]
    ]
    return {
        "bleu": bleu_statistics(replies, references).statistics,
        "chrf2": chrf_statistics(replies, references).statistics,
        "rouge_l": rouge_l(replies, references).statistics,
        "token_f1": token_f1(replies, references).statistics,
        "perplexity": perplexity_statistics(read),
        "token_accuracy": token_accuracy_statistics(read),
    }


def _worn(text: str, draw: random.Random) -> str:
    """The text with a share of its words replaced, a share that differs from item to item."""
    share = draw.betavariate(1, 1)
    return " ".join(draw.choice(WORDS) if draw.random() < share else word for word in text.split())


def _false_alarms(pool, name: str, comparisons: int) -> float:
    """The share of comparisons, each of some items drawn from the pool, that tell a difference."""
    random_ = np.random.default_rng(1)
    first, second = pool[name]
    alarms = 0
    for seed in range(comparisons):
        items = random_.choice(POOL, ITEMS, replace=False)
        is_swapped = random_.integers(0, 2, (ITEMS, 1)).astype(bool)
        one = np.where(is_swapped, first[items], second[items])
        two = np.where(is_swapped, second[items], first[items])
        of_sums = OF_SUMS[name]
        found = bootstrap_difference(of_sums, one, two, seed=seed, resamples=500)
        p = randomization_p(of_sums, one, two, seed=seed, resamples=500)
        alarms += not found.low <= 0 <= found.high and p < 0.05
    return alarms / comparisons


@pytest.mark.parametrize("name", OF_SUMS)
def test_equal_systems_are_rarely_told_apart(pool, name):
    assert _false_alarms(pool, name, 200) <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_SUMS)
def test_equal_systems_are_rarely_told_apart_in_a_thousand_comparisons(pool, name):
    assert 0.01 <= _false_alarms(pool, name, 1000) <= 0.07
