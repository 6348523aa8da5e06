"""Perplexity, bits per byte and token accuracy: how well a model foresees what people answered.

Pooled over tokens, end-of-turn tokens included. Perplexity is exp(sum of nats / sum of tokens) and
never the mean of per-item perplexities: items of (10 tokens, 40 nats) and (200 tokens, 300 nats)
have 5.05 together and 29.5 on average. It and token accuracy are comparable only with the same
tokenizer and template; bits per byte, sum of nats / (ln 2 · UTF-8 bytes of the references), with
any.
"""

from collections.abc import Sequence

import numpy as np

from chatui.errors import NotComparable
from chatui.model.requests import Likelihood
from chatui.statistics import Numbers


def perplexity_statistics(likelihoods: Sequence[Likelihood]) -> Numbers:
    """Per item: nats and tokens. Raises NotComparable for an item without a likelihood."""
    _refuse_missing(likelihoods)
    return np.array([[each.nats, each.tokens] for each in likelihoods], dtype=np.float64)


def perplexity_of_sums(sums: Numbers) -> Numbers:
    """Perplexity of summed statistics, one row per sample; infinite beyond what a float holds."""
    with np.errstate(over="ignore"):
        return np.exp(sums[:, 0] / sums[:, 1])


def bits_per_byte_statistics(likelihoods: Sequence[Likelihood]) -> Numbers:
    """Per item: bits, and bytes of the reference. Their ratio is bits per byte."""
    _refuse_missing(likelihoods)
    rows = [[each.nats / np.log(2), each.bytes] for each in likelihoods]
    return np.array(rows, dtype=np.float64)


def token_accuracy_statistics(likelihoods: Sequence[Likelihood]) -> Numbers:
    """Per item: tokens that were the likeliest, and all tokens. Their ratio is the accuracy."""
    _refuse_missing(likelihoods)
    return np.array([[each.correct, each.tokens] for each in likelihoods], dtype=np.float64)


def _refuse_missing(likelihoods: Sequence[Likelihood]) -> None:
    for number, each in enumerate(likelihoods, start=1):
        if each.tokens <= 0 or not np.isfinite(each.nats):
            raise NotComparable(f"item {number} has no likelihood")
