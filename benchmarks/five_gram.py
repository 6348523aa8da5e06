"""A 5-gram language model with interpolated Kneser-Ney smoothing, counted with NumPy: a baseline.

Kneser & Ney 1995; the interpolated form and one discount per order, n1 / (n1 + 2 n2), as in Chen &
Goodman 1999. Five tokens of a vocabulary of at most 4,096 fit into one 64-bit key.
"""

from dataclasses import dataclass

import numpy as np

ORDER = 5
BITS = 12


@dataclass(frozen=True, slots=True)
class _Level:
    """The n-grams of one order: how often each was seen, and what its context has seen."""

    grams: np.ndarray  # sorted keys
    counts: np.ndarray
    contexts: np.ndarray  # sorted keys of all tokens but the last
    totals: np.ndarray  # of a context's counts
    kinds: np.ndarray  # how many different tokens followed a context
    discount: float


class FiveGram:
    """Counts of a row of tokens; says how likely another row is."""

    def __init__(self, tokens: np.ndarray, vocabulary: int) -> None:
        if vocabulary > 1 << BITS:
            raise ValueError(f"A vocabulary of {vocabulary} does not fit into {BITS} bits a token.")
        self._vocabulary = vocabulary
        self._levels: list[_Level] = []
        grams, counts = np.unique(_keys(tokens, ORDER), return_counts=True)
        for order in range(ORDER, 0, -1):
            self._levels.append(_level(grams, counts))
            # Below the highest order, what counts is how many different tokens stood before.
            shorter = grams & ((1 << BITS * (order - 1)) - 1)
            grams, counts = np.unique(shorter, return_counts=True)

    def nats(self, tokens: np.ndarray) -> float:
        """Negative log-likelihood of every token but the first four, whose context is cut off."""
        keys = _keys(tokens, ORDER)
        likely = np.full(len(keys), 1 / self._vocabulary)
        for order in range(1, ORDER + 1):
            level = self._levels[ORDER - order]
            part = keys & ((1 << BITS * order) - 1)
            seen = _look_up(level.grams, level.counts, part)
            total = _look_up(level.contexts, level.totals, part >> BITS)
            kinds = _look_up(level.contexts, level.kinds, part >> BITS)
            known = total > 0
            safe = np.where(known, total, 1)
            mixed = (np.maximum(seen - level.discount, 0) + level.discount * kinds * likely) / safe
            likely = np.where(known, mixed, likely)
        return float(-np.log(likely).sum())


def _keys(tokens: np.ndarray, order: int) -> np.ndarray:
    """Every run of `order` tokens as one number, the last token in the lowest bits."""
    keys = np.zeros(len(tokens) - order + 1, dtype=np.int64)
    for place in range(order):
        keys = (keys << BITS) | tokens[place : place + len(keys)].astype(np.int64)
    return keys


def _level(grams: np.ndarray, counts: np.ndarray) -> _Level:
    # Sorted grams lie next to each other when they share a context.
    contexts, starts = np.unique(grams >> BITS, return_index=True)
    kinds = np.diff(np.append(starts, len(grams)))
    totals = np.add.reduceat(counts, starts)
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = once / (once + 2 * twice) if once else 0.5
    return _Level(grams, counts, contexts, totals, kinds, discount)


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
