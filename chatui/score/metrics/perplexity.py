"""Perplexity of the replies: how surprised a model is by what people really answered.

Pooled over tokens, exp(sum of nats / sum of tokens), end-of-turn tokens included, and never the
mean of per-item perplexities: items of (10 tokens, 40 nats) and (200 tokens, 300 nats) have 5.05
together and 29.5 on average. Comparable only with the same tokenizer and template.
"""

from collections.abc import Sequence

import numpy as np

from chatui.errors import NotComparable
from chatui.model.requests import Likelihood
from chatui.statistics import Numbers


def perplexity_statistics(likelihoods: Sequence[Likelihood]) -> Numbers:
    """Per item: nats and tokens. Raises NotComparable for an item without a likelihood."""
    for number, each in enumerate(likelihoods, start=1):
        if each.tokens <= 0 or not np.isfinite(each.nats):
            raise NotComparable(f"item {number} has no likelihood")
    return np.array([[each.nats, each.tokens] for each in likelihoods], dtype=np.float64)


def perplexity_of_sums(sums: Numbers) -> Numbers:
    """Perplexity of summed statistics, one row per sample; infinite beyond what a float holds."""
    with np.errstate(over="ignore"):
        return np.exp(sums[:, 0] / sums[:, 1])
