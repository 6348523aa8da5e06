"""A workspace with a small dataset version and a store of runs that train the tiny model."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from chatui.data.prepare import prepare
from chatui.data.store import DatasetStore, DatasetView
from chatui.jobs import Jobs, Task
from chatui.jobs.process import kill
from chatui.train.config import TrainConfig
from chatui.train.runs import RunStore
from chatui.workspace import Workspace, read_json

SMALL = TrainConfig(epochs=2, batch_size=4, max_length=64, evaluations=3, lora_rank=4)


@dataclass(frozen=True, slots=True)
class Bench:
    """All that a test of training needs."""

    workspace: Workspace
    jobs: Jobs
    datasets: DatasetStore
    runs: RunStore
    dataset: DatasetView


def make_dataset(
    datasets: DatasetStore, folder: Path, rows: int, name: str = "Shop"
) -> DatasetView:
    path = folder / f"{name}.jsonl"
    lines = [
        {
            "user": f"Where is order number {n}, please?",
            "agent": f"Order {n} is on its way. " * (n % 4 + 1),
        }
        for n in range(rows)
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return datasets.save(prepare(path), name)


def end_workers(workspace: Workspace) -> None:
    """Kill what a test has left running."""
    for path in workspace.root.glob("runs/*/process.json"):
        if int(str(read_json(path)["pid"])) != os.getpid():
            kill(path.parent)


@pytest.fixture
def bench(workspace: Workspace, tmp_path: Path) -> Iterator[Bench]:
    jobs, datasets = Jobs(workspace.root), DatasetStore(workspace)
    dataset = make_dataset(datasets, tmp_path, 40)
    yield Bench(workspace, jobs, datasets, RunStore(workspace, jobs, datasets), dataset)
    end_workers(workspace)


@pytest.fixture
def start(bench: Bench, tiny_base: Path) -> Callable[..., str]:
    """Start a run of the tiny model; options by name."""

    def start(key: str | None = None, **options: object) -> str:
        config = SMALL.model_copy(update=options)
        return bench.runs.start(bench.dataset.id, config, str(tiny_base), key)

    return start


def made(bench: Bench, start: Callable[..., str], **options: object) -> Task:
    """The task of a run that was made but not handed to a worker: train it in this process."""
    with patch.object(bench.jobs, "submit", lambda kind, module, make, **how: make()):
        folder = bench.workspace.existing("runs", start(**options))
    task = Task(folder)
    task.journal.begin()
    return task


def trained(bench: Bench, start: Callable[..., str], **options: object) -> str:
    """A finished run that was trained in this process."""
    from chatui.train.worker.training import train

    task = made(bench, start, **options)
    train(task)
    task.journal.append("finished")
    return task.folder.name
