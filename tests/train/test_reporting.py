"""What the journal says is mirrored to a tracker; one that fails costs nothing."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from chatui.errors import CannotTrain
from chatui.jobs import Task
from chatui.train import contradictions
from chatui.train.config import TrainConfig
from chatui.train.record import RunRecord
from chatui.train.worker.reporting import figures_of, reporters
from tests.train.conftest import made

STEP = {
    "loss": 2.0,
    "learning_rate": 0.001,
    "gradient_norm": 0.5,
    "memory_mb": 700,
    "tokens": 300,
    "seconds": 2.0,
}


class FakeTracker(ModuleType):
    """Trackio or wandb with a memory: `init` gives what is logged to, as both of them do."""

    def __init__(self, fails_at: int | None = None) -> None:
        super().__init__("tracker")
        self.begun: dict[str, Any] = {}
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.is_finished = False
        self.fails_at = fails_at

    def init(self, **options: Any) -> "FakeTracker":
        self.begun = options
        return self

    def log(self, figures: dict[str, float], step: int) -> None:
        if step == self.fails_at:
            raise ConnectionError("the tracker is gone")
        self.logged.append((step, figures))

    def finish(self) -> None:
        self.is_finished = True


def a_run(tmp_path, tracker: str) -> tuple[Task, Any]:
    folder = tmp_path / "r7"
    folder.mkdir()
    record = RunRecord(
        dataset="shop-v1",
        dataset_sha256="a",
        base="starter",
        config=TrainConfig(report_to=tracker),
        created_at="2026-01-02T03:04:05+00:00",
    )
    task = Task(folder)
    task.journal.append("evaluation", step=0, loss=5.0, perplexity=148.0)
    (reporter,) = reporters(task, record)
    return task, reporter


def lived(task: Task, reporter: Any, steps: int = 2) -> None:
    state = SimpleNamespace(global_step=0)
    reporter.on_train_begin(None, state, None)
    for step in range(1, steps + 1):
        task.step(step, steps, **STEP)
        if step == steps:
            task.journal.append("evaluation", step=step, loss=1.5, perplexity=4.5)
        reporter.on_step_end(None, state, None)
    reporter.on_train_end(None, state, None)


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_each_step_and_measurement_is_reported_once_with_the_options(tmp_path, monkeypatch, name):
    tracker = FakeTracker()
    monkeypatch.setitem(sys.modules, name, tracker)

    lived(*a_run(tmp_path, name))

    assert [step for step, _ in tracker.logged] == [1, 2, 2]
    assert tracker.logged[0][1]["train/loss"] == 2.0
    assert tracker.logged[0][1]["train/tokens_per_second"] == 150.0
    assert tracker.logged[-1][1] == {"validation/loss": 1.5, "validation/perplexity": 4.5}
    assert tracker.begun["project"] == "chatui"
    assert "r7-20260102030405" in (tracker.begun.get("id"), tracker.begun["name"])
    assert tracker.begun["config"]["config"]["lora_rank"] == 16
    assert tracker.begun["resume"] == "allow"
    assert tracker.is_finished


def test_a_tracker_that_fails_is_let_go_with_a_line_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", tracker := FakeTracker(fails_at=1))
    task, reporter = a_run(tmp_path, "trackio")

    lived(task, reporter, steps=5)

    assert tracker.logged == []
    told = [event["text"] for event in task.journal.events() if event["kind"] == "log"]
    assert told == ["Nothing more is reported to trackio: ConnectionError: the tracker is gone"]


def test_events_without_figures_are_not_reported():
    assert figures_of({"kind": "log", "text": "Loading"}) == {}
    assert figures_of({"kind": "step", "step": 0}) == {}


def test_nothing_is_reported_unasked(tmp_path):
    record = RunRecord(
        dataset="d", dataset_sha256="a", base="starter", config=TrainConfig(), created_at="2026"
    )

    assert reporters(Task(tmp_path), record) == []


@pytest.mark.parametrize("name", ["tensorboard", "trackio", "wandb"])
def test_what_is_not_installed_is_refused_by_name_with_how_to_install_it(bench, monkeypatch, name):
    config = TrainConfig(max_length=64, report_to=name)
    monkeypatch.setattr(contradictions, "find_spec", lambda module: None)

    with pytest.raises(CannotTrain, match=f"Report to is {name}.*pip install {name}"):
        bench.runs.start(bench.dataset.id, config)

    monkeypatch.setattr(contradictions, "find_spec", lambda module: object())
    assert bench.runs.problems(bench.dataset.id, config) == []


@pytest.mark.slow
def test_a_training_reports_what_it_journals(bench, start, monkeypatch):
    from chatui.train.worker.training import train

    monkeypatch.setitem(sys.modules, "trackio", tracker := FakeTracker())
    monkeypatch.setattr(contradictions, "find_spec", lambda module: object())
    task = made(bench, start, report_to="trackio")

    train(task)

    events = [event for event in task.journal.events() if figures_of(event)]
    assert [step for step, _ in tracker.logged] == [event["step"] for event in events]
    assert tracker.is_finished
