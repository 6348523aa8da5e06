"""What the command line prints: one JSON object for programs, or lines for people."""

import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from chatui.jobs import JobView
from chatui.services import Services

POLL_SECONDS = 0.5


def show(result: Mapping[str, object], text: str, as_json: bool) -> None:
    """Print the result on stdout, as JSON or as text."""
    print(json.dumps(_finite(result), ensure_ascii=False) if as_json else text)


def say(text: str) -> None:
    """Print a line for people on stderr."""
    print(text, file=sys.stderr, flush=True)


def follow(services: Services, view: Callable[[], JobView], what: str) -> JobView:
    """Wait until a job ends, telling its progress; returns how it ended."""
    said = ""
    while True:
        services.jobs.tend()
        job = view()
        line = f"{what}: {progress(job)}"
        if line != said:
            say(line)
            said = line
        if not job.is_active:
            return job
        time.sleep(POLL_SECONDS)


def progress(job: JobView) -> str:
    """How a job stands, in a line."""
    if job.state != "running" or not job.steps:
        return job.state + (f": {job.reason}" if job.reason else "")
    left = job.seconds_left()
    eta = f", {left[0]:.0f}-{left[1]:.0f} s left" if left else ""
    return f"step {job.step} of {job.steps}, {job.seconds:.0f} s gone{eta}"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns that line up."""
    widths = [max(len(row[i]) for row in (headers, *rows)) for i in range(len(headers))]
    lines = [headers, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _finite(value: object) -> object:
    """JSON knows no NaN and no Infinity: what has no value is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
