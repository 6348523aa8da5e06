"""Which item a rater sees when, and on which side each system stands.

Both follow from the seed, the rater's number and the item alone, by SHA-256: the same after a
reload, a restart, on another device and in any version of Python.
"""

import hashlib
from collections.abc import Sequence


def item_order(items: Sequence[str], seed: int, rater: int) -> list[str]:
    """The items in a rater's own order; `rater` is their number, counted from 1."""
    return sorted(items, key=lambda item: _place(f"{seed}:order:{rater}:{item}"))


def tuned_is_a(items: Sequence[str], seed: int, rater: int) -> dict[str, bool]:
    """For each item, whether a rater sees the tuned model's reply as Reply A.

    Sides are counterbalanced, not thrown by coin. Raters come in pairs: the first of a pair has the
    tuned reply as A for half of the items, drawn anew for each pair, and the second for the other
    half. So each rater is balanced within one, and so is each item over the raters.
    """
    pair, is_second = divmod(rater - 1, 2)
    drawn = sorted(items, key=lambda item: _place(f"{seed}:sides:{pair}:{item}"))
    half = set(drawn[: len(drawn) // 2])
    return {item: (item in half) != bool(is_second) for item in items}


def _place(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
