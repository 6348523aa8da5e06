"""Take turns, so that a machine that is busy for a while is busy for everybody."""

import gc
import statistics
import sys
import time
from collections.abc import Callable


def seconds_of(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of CPU that each side takes, over `rounds` in which each has its turn."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            gc.collect()
            started = time.process_time()
            run()
            found[name].append(time.process_time() - started)
    medians = {name: statistics.median(times) for name, times in found.items()}
    for name, seconds in medians.items():
        say(f"{name}: {seconds:.3f} s ({', '.join(f'{t:.3f}' for t in found[name])})")
    return medians


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
