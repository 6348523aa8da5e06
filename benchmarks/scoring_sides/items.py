"""Random chat rows, as everybody reads them, and what one side took."""

import random
import resource
import time
from collections.abc import Callable


def token_rows(count: int, vocabulary: int) -> list[tuple[list[int], int]]:
    """Rows of lognormal lengths: their tokens, and where the reply begins."""
    draw = random.Random(3)
    rows = []
    for _ in range(count):
        length = min(512, max(24, round(draw.lognormvariate(4.9, 0.6))))
        begins = round(length * draw.uniform(0.3, 0.5))
        rows.append(([draw.randrange(5, vocabulary) for _ in range(length)], begins))
    return rows


def prompts(count: int, vocabulary: int) -> list[tuple[list[int], int]]:
    """Prompts of 20 to 90 tokens, and how many are to be written: 4 to 24."""
    draw = random.Random(4)
    return [
        (
            [draw.randrange(5, vocabulary) for _ in range(draw.randint(20, 90))],
            draw.randint(4, 24),
        )
        for _ in range(count)
    ]


def measured(work: Callable[[], float], tokens: int) -> dict:
    """Seconds of the processor and memory above what there was before."""
    before = peak_mb()
    started, wall = time.process_time(), time.perf_counter()
    found = work()
    return {
        "tokens": tokens,
        "cpu_seconds": time.process_time() - started,
        "seconds": time.perf_counter() - wall,
        "peak_mb": peak_mb() - before,
        "found": found,
    }


def peak_mb() -> float:
    """The most that this process has held: of the GPU if there is one."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
