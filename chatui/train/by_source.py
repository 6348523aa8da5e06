"""How well a run does on each source of a mixture, read from what it journalled."""

from dataclasses import dataclass

from chatui.jobs import Event
from chatui.train.view import RunView


@dataclass(frozen=True, slots=True)
class SourceLine:
    """Validation on the rows of one source; losses in nats per reply token."""

    source: str
    rows: int
    before: float | None  # before the first step
    kept: float | None  # of the adapter that is kept
    last: float


def source_lines(run: RunView) -> list[SourceLine]:
    """A line for each source; none where the version is no mixture."""
    measured = [event for event in run.job.of_kind("evaluation") if event.get("by_source")]
    if not measured:
        return []
    first = next((event for event in measured if event["step"] == 0), None)
    kept = next((e for e in reversed(measured) if e["step"] == run.best_step), None)
    names = [str(name) for name in _parts(measured[-1])]
    return [
        SourceLine(
            source=name,
            rows=int(_of(measured[-1], name, "rows") or 0),
            before=_of(first, name, "loss"),
            kept=_of(kept, name, "loss"),
            last=_of(measured[-1], name, "loss") or 0.0,
        )
        for name in names
    ]


def _parts(event: Event) -> dict[str, dict[str, float]]:
    found = event.get("by_source")
    return found if isinstance(found, dict) else {}


def _of(event: Event | None, source: str, figure: str) -> float | None:
    return _parts(event).get(source, {}).get(figure) if event else None
