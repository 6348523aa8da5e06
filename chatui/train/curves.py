"""Lines over the steps of a run, for charts: read from its journal, smoothed on demand."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatui.jobs import Event
from chatui.train.view import RunView

Points = tuple[tuple[int, float], ...]  # step, value


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that a run journals at each step, or whenever it measures."""

    title: str  # a sentence for the chart
    unit: str
    of_step: Callable[[Event], float | None]
    of_evaluation: Callable[[Event], float | None] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    name: str
    kind: str  # "train" or "validation"
    points: Points


def _number(event: Event, name: str) -> float | None:
    value = event.get(name)
    return float(value) if isinstance(value, int | float) else None


def _of(name: str) -> Callable[[Event], float | None]:
    return lambda event: _number(event, name)


def _perplexity(event: Event) -> float | None:
    """Measured, or else e to the loss of replies; the loss of a pair is none."""
    if "perplexity" in event or "reward_margin" in event:
        return _number(event, "perplexity")
    loss = _number(event, "loss")
    return None if loss is None else math.exp(min(loss, 700.0))


def _speed(event: Event) -> float | None:
    tokens, seconds = _number(event, "tokens"), _number(event, "seconds")
    return tokens / seconds if tokens and seconds else None


def _gigabytes(event: Event) -> float | None:
    megabytes = _number(event, "memory_mb")
    return None if megabytes is None else megabytes / 1024


LOSS = "Loss"
METRICS: dict[str, Metric] = {
    LOSS: Metric("Loss by step: lower is better", "nats per reply token", _of("loss"), _of("loss")),
    "Perplexity": Metric(
        "Perplexity by step: lower is better", "e to the loss", _perplexity, _perplexity
    ),
    "Reward margin": Metric(
        "Reward margin by step: higher is better",
        "nats that the chosen reply gained more than the rejected one, times beta",
        _of("reward_margin"),
        _of("reward_margin"),
    ),
    "Reward accuracy": Metric(
        "Reward accuracy by step: higher is better",
        "share of pairs whose chosen reply gained more",
        _of("reward_accuracy"),
        _of("reward_accuracy"),
    ),
    "Learning rate": Metric(
        "Learning rate by step: up, then down", "size of a step", _of("learning_rate")
    ),
    "Gradient norm": Metric(
        "Gradient norm by step: steady is good", "before it is cut at 1", _of("gradient_norm")
    ),
    "Speed": Metric("Speed by step: higher is better", "tokens per second, no padding", _speed),
    "Memory": Metric("Peak memory of the worker by step", "GB", _gigabytes),
}
SMOOTHING = {"none": 0.0, "some": 0.7, "much": 0.93}


def lines_of(run: RunView, metric: str, smoothing: float = 0.0) -> list[Line]:
    """The lines of a run; what is measured on the validation split is never smoothed."""
    chosen = METRICS[metric]
    steps = _points([e for e in run.job.of_kind("step") if "loss" in e], chosen.of_step)
    found = [Line(run.id, "train", smoothed(steps, smoothing))] if steps else []
    if chosen.of_evaluation is not None:
        measured = _points(run.job.of_kind("evaluation"), chosen.of_evaluation)
        found += [Line(run.id, "validation", measured)] if measured else []
    return found


def smoothed(points: Points, weight: float) -> Points:
    """Each point the mean of those before it, which count `weight` times less the older they are.

    Without the pull of an arbitrary first value: sums of weights divide the sums of values.
    """
    values, total, weights = [], 0.0, 0.0
    for step, value in points:
        total, weights = weight * total + value, weight * weights + 1.0
        values.append((step, total / weights))
    return tuple(values)


def overfitting(run: RunView) -> str:
    """A sentence when validation has turned while training still gets better; else empty.

    Turned: the last measurement is more than one in a hundred above the best, and at least the one
    before it was not the best either.
    """
    measured = _points(run.job.of_kind("evaluation"), _of("loss"))
    trained = smoothed(
        _points([e for e in run.job.of_kind("step") if "loss" in e], _of("loss")), 0.9
    )
    if len(measured) < 3 or not trained:
        return ""
    best_step, best = min(measured, key=lambda point: point[1])
    last_step, last = measured[-1]
    if last <= 1.01 * best or measured[-2][0] == best_step:
        return ""
    then = [value for step, value in trained if step <= best_step]
    if not then or trained[-1][1] >= then[-1]:
        return ""
    return (
        f"Validation turned at step {best_step}: its loss was {best:.2f} there and is {last:.2f} "
        f"at step {last_step}, while the training loss falls. From there on it learns by heart. "
        f"The adapter of step {best_step} is kept. Fewer epochs, a smaller learning rate, dropout "
        "or more conversations would help; patience ends such a run early."
    )


def _points(events: Sequence[Event], value: Callable[[Event], float | None]) -> Points:
    """Of a step that was done again after an interruption, the last time counts."""
    by_step = {int(_number(event, "step") or 0): value(event) for event in events}
    return tuple((step, by_step[step]) for step in sorted(by_step) if by_step[step] is not None)  # type: ignore[misc]
