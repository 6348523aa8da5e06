"""What a study can show before it starts: the power of the exact sign test.

Counts independent decisive items, one vote each: several votes on the same item are no more items.
"""

from functools import lru_cache
from math import ceil, exp, lgamma, log

ALPHA = 0.05  # two-sided
POWER = 0.8


def power(items: int, win_rate: float) -> float:
    """How likely the sign test finds a true win rate, between 0 and 1, with so many items."""
    critical = _critical(items)
    if critical > items:
        return 0.0
    upper = sum(_probability(items, k, win_rate) for k in range(critical, items + 1))
    lower = sum(_probability(items, k, win_rate) for k in range(items - critical + 1))
    return upper + lower


@lru_cache(maxsize=256)  # the page asks every two seconds
def smallest_win_rate(items: int) -> float | None:
    """The smallest true win rate found with 80 % power; None if even 1 would not be found."""
    if power(items, 1.0) < POWER:
        return None
    low, high = 0.5, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if power(items, middle) >= POWER else (middle, high)
    return high


def items_needed(win_rate: float) -> int:
    """From how many decisive items on a true win rate above one half is found with 80 % power.

    Power climbs in a sawtooth: this is the number from which on it never falls short again.
    """
    if not 0.5 < win_rate <= 1:
        raise ValueError(f"a win rate between one half and 1 is wanted, not {win_rate}")
    # The normal approximation, and half as much again to be above the last tooth.
    items = ceil(1.5 * (1.96 + 0.85) ** 2 * 0.25 / (win_rate - 0.5) ** 2) + 10
    while power(items, win_rate) >= POWER:
        items -= 1
    return items + 1


def _critical(items: int) -> int:
    """The fewest wins that the two-sided sign test calls significant."""
    tail, wins = 0.0, items + 1
    while wins > 0:
        tail += _probability(items, wins - 1, 0.5)
        if 2 * tail > ALPHA:
            break
        wins -= 1
    return wins


def _probability(items: int, wins: int, win_rate: float) -> float:
    if win_rate >= 1:
        return float(wins == items)
    ways = lgamma(items + 1) - lgamma(wins + 1) - lgamma(items - wins + 1)
    return exp(ways + wins * log(win_rate) + (items - wins) * log(1 - win_rate))
