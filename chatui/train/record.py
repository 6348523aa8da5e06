"""What a run's folder says it is: everything that its worker needs, frozen when it is started."""

from pathlib import Path

from pydantic import BaseModel

from chatui.train.config import TrainConfig
from chatui.workspace import read_json, write_json


class RunRecord(BaseModel, frozen=True, extra="forbid"):
    """The contents of `config.json` in a run's folder."""

    format: int = 1
    dataset: str
    dataset_sha256: str
    base: str
    config: TrainConfig
    created_at: str
    processes: int = 1  # that train it together
    sharded: bool = False  # whether they divide the base model's weights among them (FSDP2)
    continues: str | None = None  # the run whose adapter it begins with; a copy is in its folder
    rehearsal: bool = False  # five steps to measure what a run would take, and nothing is kept
    search: str | None = None  # the search that it is a trial of
    trial: int | None = None  # which one, counted from 0

    def write(self, folder: Path) -> None:
        """Write it into a run's folder."""
        write_json(folder / "config.json", self.model_dump(mode="json"))

    @classmethod
    def read(cls, folder: Path) -> "RunRecord":
        """Read it from a run's folder."""
        return cls.model_validate(read_json(folder / "config.json"))


def adapter_folder(run: Path) -> Path:
    """Where a run keeps its best adapter so far."""
    return run / "adapter"


def checkpoints_folder(run: Path) -> Path:
    """Where a run keeps what it needs to be resumed."""
    return run / "checkpoints"


def first_adapter_folder(run: Path) -> Path:
    """The adapter that a run begins with, if it continues another run."""
    return run / "begins-with"


def has_begun(run: Path) -> bool:
    """Whether a run has a checkpoint, whole or not, to go on from."""
    return any(checkpoints_folder(run).glob("checkpoint-*"))


def discard_mark(run: Path) -> Path:
    """A file that says: nothing of this run is wanted any more."""
    return run / "discard"


def pruned_mark(run: Path) -> Path:
    """A file that says: a search stopped this run, since others did better by then."""
    return run / "pruned"


def is_discarded(run: Path) -> bool:
    """Whether a run was stopped to be discarded."""
    return discard_mark(run).exists()
