"""A saved dataset version and a score that is ready to be measured."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from chatui.conversation import Conversation
from chatui.data.prepare import prepare
from chatui.data.store import DatasetStore, DatasetView
from chatui.model.decoding import Decoding
from chatui.score.config import ScoreConfig
from chatui.workspace import Workspace, write_json
from tests.fakes import ADAPTER


@pytest.fixture
def datasets(workspace: Workspace) -> DatasetStore:
    return DatasetStore(workspace)


@pytest.fixture
def dataset(datasets: DatasetStore, tmp_path: Path) -> DatasetView:
    path = tmp_path / "parcels.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user", "assistant"])
        for n in range(120):
            rows.writerow([f"Where is parcel {n}?", f"Parcel {n} will be with you on day {n}."])
    return datasets.save(prepare(path), "parcels")


@pytest.fixture
def items(datasets: DatasetStore, dataset: DatasetView) -> list[Conversation]:
    return datasets.conversations(dataset.id, "test")


@pytest.fixture
def make_score(workspace: Workspace, dataset: DatasetView) -> Callable[..., Path]:
    """Make the folder of a score, as the store would."""

    def make(**changes: object) -> Path:
        folder = workspace.new_folder("scores", "s")
        config = ScoreConfig(
            run="r1",
            dataset=dataset.id,
            test_hash=dataset.split_hashes["test"],
            base="starter",
            adapter="runs/r1/adapter",
            adapter_hash=ADAPTER,
            decoding=Decoding(),
            primary="bleu",
        )
        write_json(folder / "config.json", {**config.model_dump(mode="json"), **changes})
        write_json(folder / "job.json", {"kind": "score", "module": "tests.score.gated_worker"})
        return folder

    return make
