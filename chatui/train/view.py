"""How a run stands, in figures and in words, read from its journal and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatui.conversation import RunId
from chatui.jobs import Event, JobState, JobView
from chatui.train.config import TrainConfig
from chatui.train.privacy import told


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the loss curve; loss in nats per reply token."""

    step: int
    kind: Literal["train", "validation"]
    loss: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What a private run has given away of each of its conversations so far, at most."""

    epsilon: float
    delta: float

    @classmethod
    def of(cls, job: JobView) -> "Spent | None":
        """What its journal says; steps that were done again are released, and count, once."""
        told = job.of_kind("spent")
        last = max(told, key=lambda event: _float(event, "epsilon"), default=None)
        return cls(_float(last, "epsilon"), _float(last, "delta")) if last else None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as its folder tells it."""

    id: RunId
    name: str
    dataset: str
    base: str
    config: TrainConfig
    created_at: str  # UTC, ISO 8601
    job: JobView
    adapter: Path | None  # the best one so far
    adapter_hash: str | None
    train_loss: float | None  # over the last steps, nats per reply token
    validation_loss: float | None  # of the adapter that is kept
    validation_perplexity: float | None
    best_step: int | None
    base_perplexity: float | None  # before the first step, on the same validation rows
    tokens_per_second: float | None  # real tokens, padding not counted
    peak_memory_mb: int | None
    curve: tuple[Point, ...]
    continues: str | None = None  # the run whose adapter it began with
    spent: Spent | None = None  # None of a run that promises no privacy
    processes: int = 1  # that train it together
    sharded: bool = False  # whether they divide the base model among them
    reward_margin: float | None = None  # where it learns from preferences: of the kept adapter
    reward_accuracy: float | None = None  # share of the validation pairs, 0 to 1
    trial: tuple[str, int] | None = None  # the search that it is a trial of, and its number
    is_pruned: bool = False  # stopped by that search: others did better by then

    @property
    def state(self) -> JobState:
        """How its job stands."""
        return self.job.state

    @property
    def state_in_words(self) -> str:
        """The same, for a list: a run that its search has stopped is pruned."""
        return "pruned" if self.is_pruned and self.state == "stopped" else self.state

    @property
    def step(self) -> int:
        """Steps done."""
        return self.job.step

    @property
    def steps(self) -> int:
        """Steps in all; 0 until they are counted."""
        return self.job.steps

    @property
    def chosen(self) -> dict[str, object]:
        """All that was chosen for it: what it learned from, and every option."""
        began = {"continues": self.continues} if self.continues else {}
        several = {"processes": self.processes, "sharded": self.sharded}
        together = several if self.processes > 1 else {}
        what = {"dataset": self.dataset, "base": self.base}
        return {**what, **began, **together, **self.config.model_dump()}

    @property
    def downloading(self) -> str:
        """How much of its base model has arrived, in words; empty when none is on its way."""
        last = self.job.events[-1] if self.job.events else {}
        if last.get("kind") != "download":
            return ""
        return f"{_float(last, 'done') / 1e6:,.0f} of {_float(last, 'total') / 1e6:,.0f} MB"

    @property
    def sentence(self) -> str:
        """How it stands, in words."""
        said = _SENTENCES[self.state](self)
        if self.spent is None:
            return said
        epsilon, delta = told(self.spent.epsilon), self.spent.delta
        return f"{said} It has spent ε {epsilon} of each conversation's privacy (δ {delta:.2g})."

    def log(self, lines: int = 30) -> list[str]:
        """The last lines that were journalled for people."""
        return [str(event.get("text", "")) for event in self.job.of_kind("log")][-lines:]


@dataclass(frozen=True, slots=True)
class Figures:
    """What the events of a run add up to."""

    train_loss: float | None
    best: Event | None
    base_perplexity: float | None
    tokens_per_second: float | None
    peak_memory_mb: int | None
    curve: tuple[Point, ...]

    @classmethod
    def of(cls, job: JobView) -> "Figures":
        """Add up a journal; a step that was done again after an interruption counts once."""
        steps = _once(event for event in job.of_kind("step") if "loss" in event)
        evaluations = _once(iter(job.of_kind("evaluation")))
        best = [event for event in evaluations if event.get("best")]
        base = [event for event in evaluations if event.get("step") == 0]
        curve = [Point(_int(e, "step"), "train", _float(e, "loss")) for e in steps]
        curve += [Point(_int(e, "step"), "validation", _float(e, "loss")) for e in evaluations]
        seconds = sum(_float(event, "seconds") for event in steps)
        return cls(
            train_loss=_pooled_loss(steps[-max(5, len(steps) // 10) :]),
            best=min(best, key=lambda event: _float(event, "loss"), default=None),
            base_perplexity=_float(base[0], "perplexity") if base else None,
            tokens_per_second=sum(_float(e, "tokens") for e in steps) / seconds
            if seconds
            else None,
            peak_memory_mb=max((_int(event, "memory_mb") for event in steps), default=None),
            curve=tuple(curve),
        )


def _once(events: object) -> list[Event]:
    by_step = {_int(event, "step"): event for event in events}  # type: ignore[attr-defined]
    return [by_step[step] for step in sorted(by_step)]


def _pooled_loss(steps: Sequence[Event]) -> float | None:
    tokens = sum(_float(event, "reply_tokens") for event in steps)
    nats = sum(_float(event, "loss") * _float(event, "reply_tokens") for event in steps)
    return nats / tokens if tokens else None


def _int(event: Event, name: str) -> int:
    return int(_float(event, name))


def _float(event: Event, name: str) -> float:
    value = event.get(name, 0)
    return float(value) if isinstance(value, int | float) else 0.0


def _queued(run: RunView) -> str:
    return f"{run.id} waits until the job before it has ended."


def _running(run: RunView) -> str:
    if run.downloading:
        return f"{run.id} is downloading its base model: {run.downloading}."
    if not run.steps:
        return f"{run.id} is starting: {run.job.last_event or 'loading'}."
    return f"{run.id} is training: step {run.step} of {run.steps}."


def _finished(run: RunView) -> str:
    early = run.job.of_kind("ended_early")
    if not early:
        return _came_to(run)
    measured = early[-1].get("measurements")
    return f"{_came_to(run)} It ended early: {measured} measurements in a row were no better."


def _came_to(run: RunView) -> str:
    if run.reward_accuracy is not None:
        return (
            f"{run.id} is done: it prefers the chosen reply in {run.reward_accuracy:.0%} of the "
            f"validation pairs, by a reward margin of {run.reward_margin or 0:.2f} (best at step "
            f"{run.best_step} of {run.steps})."
        )
    if run.validation_perplexity is None or run.base_perplexity is None:
        return f"{run.id} is done after {run.steps} steps."
    before, after = run.base_perplexity, run.validation_perplexity
    if after >= before:
        return (
            f"{run.id} is done, but validation perplexity did not fall: {before:.1f} before, "
            f"{after:.1f} at best (step {run.best_step} of {run.steps}). "
            "Try another learning rate, or more data."
        )
    return (
        f"{run.id} is done: validation perplexity fell from {before:.1f} to {after:.1f} "
        f"(best at step {run.best_step} of {run.steps})."
    )


def _stopped(run: RunView) -> str:
    if run.is_pruned and run.trial:
        return (
            f"{run.id} was pruned at step {run.step} of {run.steps}: other trials of "
            f"{run.trial[0]} did better by then. {_kept(run)}"
        )
    return f"{run.id} was stopped at step {run.step} of {run.steps}. {_kept(run)}"


def _interrupted(run: RunView) -> str:
    return f"{run.id} was interrupted at step {run.step} of {run.steps}. {_kept(run)}"


def _failed(run: RunView) -> str:
    return f"{run.id} has failed. {run.job.reason or ''}".strip()


def _kept(run: RunView) -> str:
    if run.adapter is None:
        return "It has no adapter yet: resume it to go on."
    if run.validation_perplexity is None:
        return "What it has learned so far is kept; resume it to go on."
    return (
        f"The adapter of step {run.best_step} (validation perplexity "
        f"{run.validation_perplexity:.1f}) is kept; resume it to go on."
    )


_SENTENCES = {
    "queued": _queued,
    "running": _running,
    "finished": _finished,
    "stopped": _stopped,
    "interrupted": _interrupted,
    "failed": _failed,
}
