"""Which rows a step learns from, and in which pieces it reads them.

The order of a whole run is one list, decided by its seed alone, so that a resumed run goes on
exactly where it was.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read at the same time."""

    rows: int
    tokens: int  # padding counts; a single row may be longer
    packs: bool  # end to end, so that there is no padding
    shares: int = 1  # processes, each of which reads other pieces of a step

    def hold(self, lengths: Sequence[int]) -> bool:
        """Whether rows of these lengths may be read at the same time."""
        read = sum(lengths) if self.packs else len(lengths) * max(lengths)
        return len(lengths) == 1 or (len(lengths) <= self.rows and read <= self.tokens)


def plan_steps(rows: int, *, rows_per_step: int, epochs: int, seed: int) -> list[list[int]]:
    """Row numbers of each step; every epoch has every row exactly once.

    The rows of a step are drawn at random. Sorting them by length beyond a step would put the same
    replies (which have the same length) into the same steps, and a model then learns them one at a
    time and not which of them answers what. Only the last step may have fewer rows.
    """
    draw = random.Random(seed)
    order = [row for _ in range(epochs) for row in draw.sample(range(rows), rows)]
    return [order[start : start + rows_per_step] for start in range(0, len(order), rows_per_step)]


def pieces_of_step(lengths: Sequence[int], limits: Limits) -> list[list[int]]:
    """Which rows of a step are read together: few pieces, and none much larger than the others.

    The loss is divided by the reply tokens of the whole step, so that it is the same in any pieces.
    """
    longest_first = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    if limits.packs:
        return _level_pieces(longest_first, lengths, limits)
    limits = replace(limits, rows=min(limits.rows, -(-len(lengths) // limits.shares)))
    pieces: list[list[int]] = []
    for row in longest_first:  # neighbours in length share a piece, so that less of it is padding
        if pieces and limits.hold([lengths[other] for other in [*pieces[-1], row]]):
            pieces[-1].append(row)
        else:
            pieces.append([row])
    return pieces


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """After which steps to evaluate: evenly spaced, the last step among them."""
    count = min(steps, evaluations)
    return {round(steps * number / count) for number in range(1, count + 1)}


def a_few_steps(
    steps: Sequence[Sequence[int]], lengths: Sequence[int], limits: Limits
) -> list[list[int]]:
    """Five steps to measure with: the first four, and of all the one that takes most memory."""

    def at_once(step: Sequence[int]) -> tuple[int, int]:
        rows = [lengths[row] for row in step]
        return max(max(rows), min(limits.tokens, sum(rows))), sum(rows)

    most = max(range(len(steps)), key=lambda number: at_once(steps[number]))
    first = [number for number in range(len(steps)) if number != most][:4]
    return [list(steps[number]) for number in (*first, most)]


def epoch_ends(steps: Sequence[Sequence[int]], rows: int) -> list[int]:
    """The steps after which every row was seen once more."""
    ends, seen = [], 0
    for number, step in enumerate(steps, start=1):
        if seen // rows < (seen + len(step)) // rows:
            ends.append(number)
        seen += len(step)
    return ends


def evenly(steps: Sequence[int], count: int) -> list[int]:
    """At most so many of them, evenly spaced, the last among them."""
    count = min(count, len(steps))
    return [steps[-(-len(steps) * number // count) - 1] for number in range(1, count + 1)]


def _level_pieces(
    longest_first: Sequence[int], lengths: Sequence[int], limits: Limits
) -> list[list[int]]:
    """The fewest pieces that hold all rows when each row goes to the shortest piece so far.

    As many for each process, where there are rows enough.
    """
    fewest = max(-(-len(lengths) // limits.rows), -(-sum(lengths) // limits.tokens))
    fewest += -fewest % limits.shares
    for count in range(min(fewest, len(lengths)), len(lengths), limits.shares):
        pieces: list[list[int]] = [[] for _ in range(count)]
        filled = [0] * count
        for row in longest_first:
            shortest = filled.index(min(filled))
            pieces[shortest].append(row)
            filled[shortest] += lengths[row]
        if all(limits.hold([lengths[row] for row in piece]) for piece in pieces):
            return pieces
    return [[row] for row in longest_first]
