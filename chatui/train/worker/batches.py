"""Which rows a step reads: the order of a whole run, decided by its seed alone.

Rows of similar length share a batch, so that little of it is padding. The order of all epochs is
one list, so that a resumed run goes on exactly where it was.
"""

import random
from collections.abc import Sequence

_NEIGHBOURS = 16  # batches' worth of rows that are sorted by length together


def plan_batches(
    lengths: Sequence[int], batch_size: int, epochs: int, seed: int
) -> list[list[int]]:
    """Row numbers of each batch; every epoch has every row exactly once."""
    draw = random.Random(seed)
    batches: list[list[int]] = []
    for _ in range(epochs):
        order = draw.sample(range(len(lengths)), len(lengths))
        epoch: list[list[int]] = []
        for start in range(0, len(order), _NEIGHBOURS * batch_size):
            pool = sorted(order[start : start + _NEIGHBOURS * batch_size], key=lengths.__getitem__)
            epoch += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
        draw.shuffle(epoch)
        batches += epoch
    return batches


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """After which steps to evaluate: evenly spaced, the last step among them."""
    count = min(steps, evaluations)
    return {round(steps * number / count) for number in range(1, count + 1)}
