"""Which rows are read together: the order of a whole run, decided by its seed alone.

The order of all epochs is one list, so that a resumed run goes on exactly where it was.
"""

import random
from collections.abc import Sequence

_WORTH_HALVING = 32  # rows


def plan_batches(
    lengths: Sequence[int], *, rows_per_step: int, batches_per_step: int, epochs: int, seed: int
) -> list[list[int]]:
    """Row numbers of each batch; every epoch has every row exactly once.

    The rows of a step are drawn at random; only inside it do rows of similar length share a batch,
    so that less of it is padding. Sorting further than that would put the same replies (which have
    the same length) into the same steps, and a model then learns them one at a time and not which
    of them answers what. Only the last step may have fewer rows and batches than the others.
    """
    draw = random.Random(seed)
    order = [row for _ in range(epochs) for row in draw.sample(range(len(lengths)), len(lengths))]
    batches: list[list[int]] = []
    for start in range(0, len(order), rows_per_step):
        step = sorted(order[start : start + rows_per_step], key=lengths.__getitem__)
        edges = [len(step) * n // batches_per_step for n in range(batches_per_step + 1)]
        pieces = [step[a:b] for a, b in zip(edges, edges[1:], strict=False) if b > a]
        draw.shuffle(pieces)
        batches += pieces
    return batches


def batches_per_step(batch_size: int, gradient_accumulation: int) -> int:
    """How many batches a step is read in: two halves of what fits into memory, if there is much.

    The loss is divided by the reply tokens of the whole step, so that it is the same in any pieces.
    """
    return gradient_accumulation * (2 if batch_size >= _WORTH_HALVING else 1)


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """After which steps to evaluate: evenly spaced, the last step among them."""
    count = min(steps, evaluations)
    return {round(steps * number / count) for number in range(1, count + 1)}


def epoch_ends(batches: Sequence[Sequence[int]], batches_per_step: int, rows: int) -> list[int]:
    """The steps after which every row was seen once more."""
    ends, seen = [], 0
    for number, batch in enumerate(batches):
        if seen // rows < (seen + len(batch)) // rows:
            ends.append(number // batches_per_step + 1)
        seen += len(batch)
    return ends


def evenly(steps: Sequence[int], count: int) -> list[int]:
    """At most so many of them, evenly spaced, the last among them."""
    count = min(count, len(steps))
    return [steps[-(-len(steps) * number // count) - 1] for number in range(1, count + 1)]
