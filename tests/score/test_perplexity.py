"""Perplexity pools tokens and refuses what is no likelihood."""

import math

import numpy as np
import pytest

from chatui.errors import NotComparable
from chatui.model.requests import Likelihood
from chatui.score.likelihoods import LikelihoodFile, pooled_perplexity
from chatui.score.metrics.per_item import ratio_of_sums
from chatui.score.metrics.perplexity import (
    bits_per_byte_statistics,
    perplexity_of_sums,
    perplexity_statistics,
    token_accuracy_statistics,
)


def likelihood(nats: float, tokens: int) -> Likelihood:
    return Likelihood(nats, tokens, 4 * tokens, 0)


def perplexity(*likelihoods: Likelihood) -> float:
    return float(
        perplexity_of_sums(perplexity_statistics(likelihoods).sum(axis=0, keepdims=True))[0]
    )


def test_tokens_are_pooled_and_perplexities_never_averaged():
    short, long = likelihood(40, 10), likelihood(300, 200)

    assert perplexity(short, long) == pytest.approx(5.05, abs=0.005)
    assert np.mean([perplexity(short), perplexity(long)]) == pytest.approx(29.5, abs=0.1)


def test_a_model_that_knows_nothing_has_the_size_of_its_vocabulary():
    assert perplexity(*(likelihood(n * math.log(512), n) for n in (3, 9, 1))) == pytest.approx(512)


def test_bits_per_byte_of_a_model_that_knows_nothing_are_the_bits_of_a_token_by_its_bytes():
    items = [Likelihood(n * math.log(512), n, 4 * n + 1, 0) for n in (3, 9, 1)]

    sums = bits_per_byte_statistics(items).sum(axis=0, keepdims=True)

    assert ratio_of_sums(sums)[0] == pytest.approx(math.log2(512) * 13 / (4 * 13 + 3))


def test_token_accuracy_pools_tokens():
    items = [Likelihood(1, 10, 40, 10), Likelihood(1, 90, 400, 0)]

    sums = token_accuracy_statistics(items).sum(axis=0, keepdims=True)

    assert ratio_of_sums(sums)[0] == pytest.approx(0.1)


@pytest.mark.parametrize("statistics", [bits_per_byte_statistics, token_accuracy_statistics])
def test_the_others_refuse_what_is_no_likelihood_too(statistics):
    with pytest.raises(NotComparable, match="item 1 has no likelihood"):
        statistics([likelihood(math.nan, 3)])


def test_order_and_doubling_change_nothing():
    items = [likelihood(40, 10), likelihood(300, 200), likelihood(9, 5)]

    assert perplexity(*items[::-1]) == pytest.approx(perplexity(*items))
    assert perplexity(*items, *items) == pytest.approx(perplexity(*items))


@pytest.mark.parametrize(
    "bad", [likelihood(math.nan, 3), likelihood(math.inf, 3), likelihood(0, 0)]
)
def test_what_is_no_likelihood_is_refused(bad: Likelihood):
    with pytest.raises(NotComparable, match="item 2 has no likelihood"):
        perplexity(likelihood(1, 1), bad)


def test_a_likelihood_that_is_not_a_number_is_kept_as_skipped_with_its_reason(tmp_path):
    file = LikelihoodFile(tmp_path)

    file.append("base", "x", likelihood(math.nan, 3))

    assert file.read()["base"]["x"].skipped == "its likelihood is not a finite number"
    assert file.read()["tuned"] == {}


def test_the_partial_figure_is_the_pooled_one_or_none():
    assert pooled_perplexity([likelihood(40, 10), likelihood(300, 200)]) == pytest.approx(
        5.05, abs=0.005
    )
    assert pooled_perplexity([]) is None
    assert pooled_perplexity([likelihood(1e6, 1)]) is None
