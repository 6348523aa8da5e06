"""Five steps say what a run takes; nothing else of them stays."""

from dataclasses import replace

import pytest

from chatui.errors import CannotTrain
from chatui.model.catalog import find_base
from chatui.train.config import TrainConfig
from chatui.train.measurements import Measured, measured
from chatui.train.worker.batches import Limits, a_few_steps
from tests.conftest import wait_until
from tests.train.conftest import SMALL
from tests.ui.fakes import job

FOUND = Measured(
    startup_seconds=10.0,
    first_step_extra=1.0,
    tokens_per_second=100.0,
    evaluation_seconds=2.0,
    samples_seconds=3.0,
    checkpoint_seconds=0.5,
    tokens=1000,
    rows=80,
    memory_mb=700,
    steps=5,
)


def test_a_run_takes_its_start_its_tokens_its_measurements_and_its_samples():
    config = TrainConfig(epochs=4, evaluations=3)

    assert FOUND.seconds_of(config) == pytest.approx(10 + 1 + 40 + 2 * 4 + 0.5 * 2 + 3 * 5)


def test_twice_the_epochs_are_twice_the_learning_and_steps_count_like_epochs():
    one, two = (FOUND.seconds_of(TrainConfig(epochs=n, sample_replies=0)) for n in (10, 20))
    by_steps = FOUND.seconds_of(TrainConfig(epochs=0, max_steps=100))

    assert two - one == pytest.approx(100.0)
    assert by_steps == pytest.approx(one)


def test_a_journal_adds_up():
    events = (
        {"kind": "started", "at": 100.0},
        {"kind": "encoded", "at": 104.0, "rows": 80, "tokens": 4000},
        {"kind": "step", "at": 106.0, "step": 0},
        {"kind": "evaluation", "at": 107.0, "step": 0},
        {"kind": "log", "at": 107.0},
        {"kind": "samples", "at": 109.0},
        {"kind": "step", "at": 112.0, "loss": 3.0, "tokens": 50, "seconds": 3.0, "memory_mb": 700},
        {"kind": "step", "at": 113.0, "loss": 3.0, "tokens": 50, "seconds": 1.0, "memory_mb": 900},
        {"kind": "evaluation", "at": 114.0, "step": 2},
        {"kind": "checkpoint", "at": 114.5},
        {"kind": "step", "at": 116.5, "loss": 3.0, "tokens": 150, "seconds": 3.0, "memory_mb": 800},
    )

    found = measured(job("finished", "measure", events=events), share=0.25)

    assert found == Measured(6.0, 2.0, 50.0, 4.0, 2.0, 0.5, 4000, 80, 900, 3)
    assert measured(job("finished", "measure", events=events[:6])) is None


def test_the_step_that_takes_most_memory_is_among_the_few():
    lengths = [10] * 30 + [90, 10]
    steps = [[n, n + 1] for n in range(0, 32, 2)]

    few = a_few_steps(steps, lengths, Limits(8, 64, packs=True))

    assert few == [[0, 1], [2, 3], [4, 5], [6, 7], [30, 31]]
    assert a_few_steps(steps[:2], lengths, Limits(8, 64, packs=True)) == [[2, 3], [0, 1]]


@pytest.mark.slow
def test_a_rehearsal_keeps_figures_and_nothing_else_and_is_not_done_twice(bench, tiny_base):
    base = str(tiny_base)
    store = bench.runs.forecast.measurements
    guess = bench.runs.seconds_for(bench.dataset.id, SMALL, base)

    name = bench.runs.measure(bench.dataset.id, SMALL, base)
    wait_until(lambda: not store.job(name).is_active, 90, "five steps are done")

    assert store.job(name).state == "finished", store.job(name).reason
    found = store.found(bench.dataset.id, SMALL, find_base(base))
    assert found.steps == 5
    assert bench.runs.seconds_for(bench.dataset.id, SMALL, base) == found.seconds_of(SMALL) != guess
    fit = bench.runs.forecast.fit(bench.dataset.id, SMALL, find_base(base))
    assert (fit.needed_mb, fit.is_measured) == (found.memory_mb, True)
    kept = {path.name for path in store.job(name).folder.iterdir()}
    assert kept <= {
        *("config.json", "job.json", "process.json"),
        *("events.jsonl", "heartbeat", "worker.log"),
    }
    assert bench.runs.all() == []
    events = len(store.job(name).events)
    again = bench.runs.measure(bench.dataset.id, SMALL.model_copy(update={"epochs": 9}), base)
    assert (again, len(store.job(name).events)) == (name, events)


@pytest.fixture
def nobody(monkeypatch):
    """Jobs are begun, and done by nobody."""
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)


def test_what_changes_a_step_is_measured_anew_and_one_that_was_cancelled_too(
    bench, tiny_base, nobody
):
    store, base = bench.runs.forecast.measurements, str(tiny_base)
    first = bench.runs.measure(bench.dataset.id, SMALL, base)
    wider = bench.runs.measure(bench.dataset.id, SMALL.model_copy(update={"lora_rank": 8}), base)

    assert first != wider
    assert [job.name for job in bench.jobs.active()] == [first, wider]
    assert store.active().name == first
    store.stop(wider)
    assert store.job(wider).state == "stopped"
    assert bench.runs.measure(bench.dataset.id, replace_rank(8), base) == wider
    assert store.job(wider).state == "queued"


def replace_rank(rank: int) -> TrainConfig:
    return SMALL.model_copy(update={"lora_rank": rank, "learning_rate": 0.001})


def test_a_measurement_waits_for_the_run_that_has_the_device(bench, start, nobody):
    run = start()

    name = bench.runs.measure(bench.dataset.id, SMALL, str(bench.runs.view(run).base))

    assert bench.runs.forecast.measurements.job(name).state == "queued"
    assert [job.name for job in bench.jobs.on_the_device()] == [run]


def test_what_cannot_be_started_is_not_measured(bench):
    with pytest.raises(CannotTrain, match="Epochs and max steps are both 0"):
        bench.runs.measure(bench.dataset.id, TrainConfig(epochs=0))
    assert bench.runs.forecast.measurements.job("0" * 16) is None
    assert replace(FOUND, rows=0).seconds_of(TrainConfig()) > 0
