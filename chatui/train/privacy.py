"""How much noise a promise of privacy takes, and how much of it some steps have spent. No torch.

Each step draws every conversation with the same probability, cuts the gradient of each to a
greatest length and adds Gaussian noise (DP-SGD, Abadi et al. 2016). What that gives away is added
up by Google's accountant of privacy loss distributions (Doroshenko et al. 2022), whose figures are
never below the truth; neighbouring datasets differ by one conversation that is there or is not.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from chatui.train.config import TrainConfig

FEWEST_ROWS = 200
GOOD_ROWS = 1000  # with fewer, what one step learns is mostly noise
FEWEST_EXPECTED = 16  # conversations of a step: below, some steps draw none
_COARSE = 1e-3  # between two values of a privacy loss, to find the noise quickly
# To report it: ε is then off by less than 3e-4, since the error grows by at most about ten times
# the steps and the square of this (measured for σ from 0.3 to 300 and up to 50,000 steps).
_FINE_OF_ONE_STEP = 0.006  # divided by √steps
_FACTOR = 1.15  # from one trial of the noise to the next
_LEAST_NOISE, _MOST_NOISE = 0.15, 1000.0
_REFINEMENTS = 5
_NEAR = 2e-3  # of the target: nearer than that, the noise is not made smaller any more


@dataclass(frozen=True, slots=True)
class Mechanism:
    """How a run draws and disturbs: all that its privacy depends on."""

    rows: int  # conversations that it draws from
    expected: int  # conversations of a step, on average
    steps: int  # of the whole run
    noise: float  # σ: its standard deviation, in greatest lengths of a gradient

    @property
    def rate(self) -> float:
        """The probability with which a step draws a conversation."""
        return self.expected / self.rows

    @property
    def delta(self) -> float:
        """The probability that is left out of the promise: one in the number of conversations."""
        return 1 / self.rows

    def spent(self, steps: int) -> float:
        """The ε of the first so many steps, at `delta`; not below the truth, and within 1e-3."""
        fine = min(_COARSE, _FINE_OF_ONE_STEP / math.sqrt(self.steps))
        return _epsilon(self, steps, fine) if steps else 0.0


def mechanism_for(config: TrainConfig, rows: int) -> Mechanism | None:
    """The least noise that keeps a run over so many conversations within its ε.

    None where no noise does it, or where privacy is off or a step would take more than all rows.
    """
    expected = config.batch_size * config.gradient_accumulation
    if not config.privacy_epsilon or not 0 < expected <= rows:
        return None
    steps = config.max_steps or max(1, round(config.epochs * rows / expected))
    return _least_noise(config.privacy_epsilon, rows, expected, steps)


def promise_of(mechanism: Mechanism) -> str:
    """What a run gives away at most, and how, in a sentence for people."""
    warning = (
        ""
        if mechanism.rows >= GOOD_ROWS
        else f" Below {GOOD_ROWS:,} conversations the noise outweighs much of what they teach."
    )
    return (
        f"Privacy: ε {told(mechanism.spent(mechanism.steps))} at δ 1/{mechanism.rows:,} for each "
        f"conversation: noise σ {mechanism.noise:g}, {mechanism.steps:,} steps, "
        f"{mechanism.expected} conversations expected in each.{warning}"
    )


def told(epsilon: float) -> str:
    """An ε for people: three decimals, rounded up."""
    return f"{math.ceil(epsilon * 1000 - 1e-6) / 1000:g}"


@lru_cache(maxsize=64)
def _least_noise(target: float, rows: int, expected: int, steps: int) -> Mechanism | None:
    """The mechanism with the least σ, rounded up to four decimals, whose ε is at most the target.

    ε falls as σ grows, at least as fast as 1/σ.
    """
    from scipy.optimize import brentq

    def excess(noise: float) -> float:
        return _epsilon(Mechanism(rows, expected, steps, noise), steps, _COARSE) - target

    low = high = min(max(_guess(target, rows, expected, steps), _LEAST_NOISE), _MOST_NOISE)
    while excess(high) > 0:
        if high >= _MOST_NOISE:
            return None
        low, high = high, high * _FACTOR
    while low == high or (excess(low) <= 0 and low > _LEAST_NOISE):
        high, low = low, low / _FACTOR
    found = brentq(excess, low, high, xtol=1e-5) if excess(low) > 0 else low
    return _refined(Mechanism(rows, expected, steps, _rounded_up(found)), target)


def _guess(target: float, rows: int, expected: int, steps: int) -> float:
    """About that σ, by the limit of many steps, which is Gaussian (Dong, Roth and Su 2019).

    It is where the search begins, and no promise: the limit is below the truth where σ is small.
    """
    from scipy.optimize import brentq
    from scipy.special import log_ndtr

    def excess(mu: float) -> float:  # of log δ, for a Gaussian mechanism of sensitivity μ
        near = log_ndtr(-target / mu + mu / 2)
        beyond = target + log_ndtr(-target / mu - mu / 2)
        return float(near + math.log(-math.expm1(beyond - near)) + math.log(rows))

    mu = brentq(excess, target / 40, 40 + 2 * target)
    return 1 / math.sqrt(math.log1p((mu * rows / expected) ** 2 / steps))


def _refined(mechanism: Mechanism, target: float) -> Mechanism:
    """The same with fine values, which allow for a little less noise where steps are many."""
    while (epsilon := mechanism.spent(mechanism.steps)) > target:  # by a rounding
        mechanism = replace(mechanism, noise=_rounded_up(mechanism.noise + 1e-4))
    for _ in range(_REFINEMENTS):
        if target - epsilon <= _NEAR * target:
            break
        less = replace(mechanism, noise=_rounded_up(mechanism.noise * (1 + epsilon / target) / 2))
        if less.noise >= mechanism.noise or (spent := less.spent(less.steps)) > target:
            break
        mechanism, epsilon = less, spent
    return mechanism


def _rounded_up(noise: float) -> float:
    return math.ceil(noise * 10_000) / 10_000


@lru_cache(maxsize=256)
def _epsilon(mechanism: Mechanism, steps: int, interval: float) -> float:
    loss = _loss_of_a_step(mechanism.noise, mechanism.rate, interval)
    return float(loss.self_compose(steps).get_epsilon_for_delta(mechanism.delta))


@lru_cache(maxsize=2)
def _loss_of_a_step(noise: float, rate: float, interval: float) -> Any:
    """The distribution of the privacy loss of one step."""
    from dp_accounting.pld import privacy_loss_distribution

    return privacy_loss_distribution.from_gaussian_mechanism(
        noise, sampling_prob=rate, value_discretization_interval=interval
    )
