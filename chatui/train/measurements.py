"""What a run would take, measured: five steps of exactly this configuration, as a job.

Nothing that it learns is kept, only its journal. A measurement's folder is named by all that
decides how long a step takes, so that the same question is asked once; options that only say how
many steps there are, or where they lead, share it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chatui.data.store import DatasetStore, DatasetView
from chatui.errors import NotFound
from chatui.jobs import Event, Jobs, JobView
from chatui.model.catalog import BaseModel
from chatui.train.config import TrainConfig, passes_over
from chatui.train.estimate import token_lengths
from chatui.train.hardware import Hardware
from chatui.train.record import RunRecord
from chatui.workspace import Workspace

WORKER = "chatui.train.worker.rehearsing"
KIND = "measure"
MOST_MEASURED = 64  # validation rows that are measured with: more would tell the same
_MOST_SAMPLED = 10  # times that sample replies are made after the first step, as the worker does
# They decide how many steps there are or what is learned, and not how long a step takes.
_OF_NO_MATTER = {
    *("learning_rate", "epochs", "max_steps", "schedule", "warmup", "seed", "weight_decay"),
    *("patience", "evaluations", "checkpoint_minutes", "report_to"),
}
# What a rehearsal does besides its steps: it evaluates before, between and after them.
_IN_A_REHEARSAL: dict[str, object] = {
    "evaluations": 2,
    "patience": 0,
    "checkpoint_minutes": 600.0,
    "report_to": "nothing",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a few steps took."""

    startup_seconds: float  # loading and reading the rows, until the first measurement
    first_step_extra: float  # seconds that the first step took more than its tokens do
    tokens_per_second: float
    evaluation_seconds: float  # of all validation rows
    samples_seconds: float
    checkpoint_seconds: float
    tokens: int  # of the training rows, as the model reads them
    rows: int
    memory_mb: int  # at its peak
    steps: int

    def seconds_of(self, config: TrainConfig) -> float:
        """Seconds that a whole run takes."""
        passes = passes_over(config, self.rows)
        rows_per_step = config.batch_size * config.gradient_accumulation
        steps = max(1, round(passes * self.rows / rows_per_step))
        evaluations = min(config.evaluations, steps)
        return (
            self.startup_seconds
            + self.first_step_extra
            + self.tokens * passes / self.tokens_per_second
            + self.evaluation_seconds * (evaluations + 1)
            + self.checkpoint_seconds * max(0, evaluations - 1)
            + self.samples_seconds * (1 + min(_MOST_SAMPLED, max(1, round(passes))))
        )


class MeasurementStore:
    """All measurements of a workspace."""

    def __init__(self, workspace: Workspace, jobs: Jobs, datasets: DatasetStore) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._datasets = datasets

    def start(self, dataset_id: str, config: TrainConfig, base: BaseModel) -> str:
        """Queue a measurement and return its name; one that is done, or on its way, stays."""
        dataset = self._datasets.view(dataset_id)
        name = name_of(dataset, config, base)
        job = self.job(name)
        if job is not None and not job.is_active and job.state != "finished":
            self._workspace.delete("measurements", name)
        record = RunRecord(
            dataset=dataset.id,
            dataset_sha256=dataset.sha256,
            base=base.name,
            config=config.model_copy(update=_IN_A_REHEARSAL),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            rehearsal=True,
        )

        def make_folder() -> Path:
            folder = self._workspace.folder("measurements", name)
            folder.mkdir()
            record.write(folder)
            return folder

        self._jobs.submit(KIND, WORKER, make_folder, key=f"{KIND} {name}")
        return name

    def job(self, name: str) -> JobView | None:
        """How a measurement stands; None if there is none of this name."""
        try:
            return self._jobs.view(self._workspace.existing("measurements", name))
        except NotFound:
            return None

    def active(self) -> JobView | None:
        """The measurement that waits or runs, if any."""
        return next((job for job in self._jobs.active() if job.kind == KIND), None)

    def stop(self, name: str) -> None:
        """Cancel a measurement."""
        self._jobs.stop(self._workspace.existing("measurements", name))

    def of(
        self, dataset_id: str, config: TrainConfig, base: BaseModel
    ) -> tuple[JobView | None, Measured | None]:
        """The measurement of a configuration on this machine, and what it found if it is done."""
        job = self.job(name_of(self._datasets.view(dataset_id), config, base))
        if job is None or job.state != "finished":
            return job, None
        lengths = token_lengths(self._datasets, dataset_id, "validation")
        read = sum(lengths[:MOST_MEASURED]) or 1
        return job, measured(job, share=read / (sum(lengths) or 1))

    def found(self, dataset_id: str, config: TrainConfig, base: BaseModel) -> Measured | None:
        """What was measured for a configuration on this machine; None if nothing was."""
        return self.of(dataset_id, config, base)[1]


def name_of(dataset: DatasetView, config: TrainConfig, base: BaseModel) -> str:
    """All that decides how long a step takes and how much memory, in 16 digits."""
    here = Hardware.here()
    options = config.model_dump(mode="json")
    whole = {
        "dataset": dataset.sha256,
        "base": [base.name, base.path, base.parameters, base.size_mb],
        "options": {name: v for name, v in options.items() if name not in _OF_NO_MATTER},
        "machine": [here.cores, here.memory_mb, here.has_gpu],
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]


def measured(job: JobView, share: float = 1.0) -> Measured | None:
    """Add up the journal of a rehearsal; `share` of the validation tokens were measured with."""
    steps = [event for event in job.of_kind("step") if "loss" in event]
    encoded = job.of_kind("encoded")
    if not steps or not encoded:
        return None
    later = steps[1:] or steps
    speed = _sum(later, "tokens") / max(1e-9, _sum(later, "seconds"))
    first = _number(steps[0], "seconds") - _number(steps[0], "tokens") / speed
    return Measured(
        startup_seconds=_between(job, ("started",), "step"),
        first_step_extra=max(0.0, first),
        tokens_per_second=speed,
        evaluation_seconds=_between(job, ("step",), "evaluation") / max(share, 1e-9),
        samples_seconds=_between(job, ("evaluation", "log"), "samples"),
        checkpoint_seconds=_between(job, ("evaluation", "log", "samples"), "checkpoint"),
        tokens=int(_number(encoded[-1], "tokens")),
        rows=int(_number(encoded[-1], "rows")),
        memory_mb=max(int(_number(step, "memory_mb")) for step in steps),
        steps=len(steps),
    )


def _between(job: JobView, before: Sequence[str], kind: str) -> float:
    """Seconds until the first event of a kind, since the last one of those before it."""
    events = list(job.events)
    at = next((n for n, event in enumerate(events) if event["kind"] == kind), None)
    if at is None:
        return 0.0
    since = [event for event in events[:at] if event["kind"] in before]
    return _number(events[at], "at") - _number(since[-1], "at") if since else 0.0


def _sum(events: Sequence[Event], name: str) -> float:
    return sum(_number(event, name) for event in events)


def _number(event: Event, name: str) -> float:
    value = event.get(name, 0)
    return float(value) if isinstance(value, int | float) else 0.0
