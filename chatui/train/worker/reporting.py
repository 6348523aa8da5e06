"""Mirror a run's journal to a tracker that somebody follows already.

What is reported is what the journal holds, figures and options and never a text. A tracker that
fails is let go with a line in the log: it must not cost the training.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback

from chatui.jobs import Event, Task
from chatui.train.record import RunRecord

PROJECT = "chatui"


class Tracker(ABC):
    """One run at one tracker; `step` is where it goes on, 0 at its beginning."""

    @abstractmethod
    def __init__(self, task: Task, record: RunRecord, step: int) -> None: ...

    @abstractmethod
    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Report figures of a step."""

    @abstractmethod
    def close(self) -> None:
        """Nothing comes any more."""


class TensorBoard(Tracker):
    """Files in the run's folder: `tensorboard --logdir WORKSPACE/runs`."""

    def __init__(self, task: Task, record: RunRecord, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What was reported beyond the checkpoint that is resumed from is done again.
        self._writer = SummaryWriter(str(task.folder / "tensorboard"), purge_step=step + 1)

    def log(self, figures: Mapping[str, float], step: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()  # a run may be killed

    def close(self) -> None:
        self._writer.close()


class Trackio(Tracker):
    """Trackio's own database on this machine, or the Space that its settings name."""

    def __init__(self, task: Task, record: RunRecord, step: int) -> None:
        import trackio

        self._trackio = trackio
        options = record.model_dump(mode="json")
        trackio.init(
            project=PROJECT,
            name=_name_of(task, record),
            config=options,
            resume="allow",
            embed=False,
        )

    def log(self, figures: Mapping[str, float], step: int) -> None:
        self._trackio.log(dict(figures), step=step)

    def close(self) -> None:
        self._trackio.finish()


class WandB(Tracker):
    """Weights & Biases, as its own settings say: its server, or files with WANDB_MODE=offline."""

    def __init__(self, task: Task, record: RunRecord, step: int) -> None:
        import wandb

        name = _name_of(task, record)
        self._run = wandb.init(
            project=PROJECT,
            id=name,
            name=task.folder.name,
            config=record.model_dump(mode="json"),
            dir=str(task.folder),
            resume="allow",
        )

    def log(self, figures: Mapping[str, float], step: int) -> None:
        self._run.log(dict(figures), step=step)

    def close(self) -> None:
        self._run.finish()


_TRACKERS: dict[str, type[Tracker]] = {
    "tensorboard": TensorBoard,
    "trackio": Trackio,
    "wandb": WandB,
}


def reporters(task: Task, record: RunRecord) -> list["Reporter"]:
    """The callbacks that mirror a run as its options say; they follow the Journalist's."""
    kind = _TRACKERS.get(record.config.report_to)
    return [Reporter(task, record, kind)] if kind else []


class Reporter(TrainerCallback):
    """After each step, reports what has come into the journal."""

    def __init__(self, task: Task, record: RunRecord, kind: type[Tracker]) -> None:
        self._task = task
        self._record = record
        self._kind = kind
        self._read = len(task.journal.events())
        self._tracker: Tracker | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Begin to report, or go on."""
        try:
            self._tracker = self._kind(self._task, self._record, state.global_step)
        except Exception as error:  # noqa: BLE001 - a tracker may raise anything, and is not needed
            self._let_go(error)
        self._report()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Report the step, and what was measured after it."""
        self._report()

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Report the rest, and say that it is over."""
        self._report()
        if self._tracker is not None:
            try:
                self._tracker.close()
            except Exception as error:  # noqa: BLE001 - as above
                self._let_go(error)

    def _report(self) -> None:
        if self._tracker is None:
            return
        events = self._task.journal.events()[self._read :]
        self._read += len(events)
        try:
            for event in events:
                if figures := figures_of(event):
                    self._tracker.log(figures, int(str(event["step"])))
        except Exception as error:  # noqa: BLE001 - as above
            self._let_go(error)

    def _let_go(self, error: Exception) -> None:
        self._tracker = None
        name = self._record.config.report_to
        self._task.log(f"Nothing more is reported to {name}: {type(error).__name__}: {error}"[:300])


def figures_of(event: Event) -> dict[str, float]:
    """What an event of a journal says in figures; empty for events without any."""
    if event["kind"] == "evaluation":
        return {f"validation/{name}": _number(event, name) for name in ("loss", "perplexity")}
    if event["kind"] != "step" or "loss" not in event:
        return {}
    seconds = _number(event, "seconds")
    names = ("loss", "learning_rate", "gradient_norm", "memory_mb")
    figures = {f"train/{name}": _number(event, name) for name in names}
    return figures | {"train/tokens_per_second": _number(event, "tokens") / max(seconds, 1e-9)}


def _number(event: Event, name: str) -> float:
    return float(str(event[name]))


def _name_of(task: Task, record: RunRecord) -> str:
    """A name that no run of another workspace has: r1 is in all of them."""
    when = "".join(letter for letter in record.created_at if letter.isdigit())[:14]
    return f"{task.folder.name}-{when}"
