"""How a search stands, read from its journal and nothing else.

Events, besides those of every job: `trial` (its number and values), `queued` (its run), `measured`
(a validation loss of it), `ended` (how, with which loss) and `importances`.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from chatui.jobs import Event, JobView
from chatui.train.search_record import SearchRecord
from chatui.train.search_space import Value

TrialState = Literal["running", "complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a search; losses in nats per reply token, on the validation split."""

    number: int  # from 0
    values: Mapping[str, Value]  # of the options that are searched
    run: str | None = None
    state: TrialState = "running"
    loss: float | None = None  # the best one of its run
    measured: tuple[float, ...] = ()  # one after the other
    reason: str | None = None  # why it failed

    @property
    def title(self) -> str:
        """As people count."""
        return f"trial {self.number + 1}"


@dataclass(frozen=True, slots=True)
class SearchView:
    """A search as its folder tells it."""

    id: str
    record: SearchRecord
    job: JobView
    trials: tuple[Trial, ...]
    importances: Mapping[str, float] = field(default_factory=dict)  # shares of an option, sum 1

    @property
    def best(self) -> Trial | None:
        """The trial with the lowest validation loss, of those that came to their end."""
        done = [trial for trial in self.trials if trial.state == "complete"]
        return min(done, key=lambda trial: trial.loss or 0.0, default=None)

    @property
    def ended(self) -> tuple[Trial, ...]:
        """The trials that are over, however."""
        return tuple(trial for trial in self.trials if trial.state != "running")

    @property
    def sentence(self) -> str:
        """How it stands, in words."""
        counts = [(state, self._count(state)) for state in ("complete", "pruned", "failed")]
        told = ", ".join(f"{count} {state}" for state, count in counts if count) or "no trial yet"
        head = f"{self.id} {_DOING[self.job.state]}: {told}."
        best = self.best
        if best is None or best.loss is None:
            return f"{head} {self.job.reason}" if self.job.reason else head
        so_far = " so far" if self.job.is_active else ""
        return f"{head} Best{so_far}: {best.title} ({best.run}), validation loss {best.loss:.4f}."

    def _count(self, state: str) -> int:
        return sum(trial.state == state for trial in self.trials)


_DOING = {
    "queued": "waits until another search has ended",
    "running": "is searching",
    "finished": "is done",
    "stopped": "was stopped",
    "interrupted": "was interrupted and can be resumed",
    "failed": "has failed",
}


def view_search(folder: Path, job: JobView) -> SearchView:
    """Read how a search stands."""
    importances = job.of_kind("importances")
    shares: object = importances[-1]["shares"] if importances else {}
    return SearchView(
        id=folder.name,
        record=SearchRecord.read(folder),
        job=job,
        trials=trials_in(job.events),
        importances=shares if isinstance(shares, dict) else {},
    )


def trials_in(events: Iterable[Event]) -> tuple[Trial, ...]:
    """The trials that a journal tells of, oldest first."""
    trials: dict[int, Trial] = {}
    for event in events:
        number = event.get("trial")
        if not isinstance(number, int):
            continue
        if event["kind"] == "trial":
            trials[number] = Trial(number, dict(event["values"]))  # type: ignore[call-overload]
        elif number in trials:
            trials[number] = _told(trials[number], event)
    return tuple(trials[number] for number in sorted(trials))


def searched_seconds(events: Iterable[Event], now: float | None = None) -> float:
    """Seconds in which a search was at work; those between a kill and going on do not count."""
    total, began, last = 0.0, None, 0.0
    for event in events:
        at = float(str(event["at"]))
        if event["kind"] in ("started", "resumed"):
            total += last - began if began is not None else 0.0
            began = at
        elif event["kind"] in ("stopped", "failed", "finished") and began is not None:
            total, began = total + at - began, None
        last = at
    return total + ((now or time.time()) - began if began is not None else 0.0)


def _told(trial: Trial, event: Event) -> Trial:
    kind = event["kind"]
    if kind == "queued":
        return replace(trial, run=str(event["run"]))
    if kind == "measured":
        measured = (*trial.measured[: int(str(event["number"])) - 1], float(str(event["loss"])))
        return replace(trial, measured=measured)
    if kind == "ended":
        loss = event.get("loss")
        return replace(
            trial,
            state=event["state"],  # type: ignore[arg-type]
            loss=float(str(loss)) if loss is not None else None,
            reason=str(event["reason"]) if event.get("reason") else None,
        )
    return trial
