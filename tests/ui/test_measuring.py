"""The plan says what fits; five steps are watched, and their figure replaces the guess."""

from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from chatui.errors import CannotTrain
from chatui.jobs import Journal
from chatui.model.catalog import STARTER, find_base
from chatui.services import Services
from chatui.train import forecast
from chatui.train.config import TrainConfig
from chatui.train.presets import QUICK_LOOK
from chatui.ui.state import Selection
from chatui.ui.tabs.train.keeping import Keeping
from chatui.ui.tabs.train.measuring import Measuring
from chatui.ui.tabs.train.planning import Planning
from tests.train.conftest import Bench, bench  # noqa: F401 - a fixture

SKIP = gr.skip()
OPTIONS = TrainConfig().model_dump()
CHOSEN = Selection(tab="train", dataset="shop-v1")
FORM = ("shop-v1", STARTER)
NAMES = ("shown", "done", "base", "card", "start", "cancel")


@pytest.fixture
def services(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Services:  # noqa: F811
    """Real stores, whose jobs are begun but done by nobody."""
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    monkeypatch.setattr(forecast, "available_mb", lambda jobs: 1060)
    return cast(
        Services, SimpleNamespace(datasets=bench.datasets, runs=bench.runs, jobs=bench.jobs)
    )


def look(services: Services, shown: str = "", **options: object) -> dict[str, Any]:
    seen = Measuring(services).look(CHOSEN, shown, *FORM, **OPTIONS | options)
    return dict(zip(NAMES, seen, strict=True))


def test_every_base_on_offer_says_whether_it_fits_here(services):
    labels = [label for label, _ in look(services)["base"].choices]

    assert labels[0].startswith("Starter · fits · needs about 0.")
    assert "SmolLM2 135M Instruct · tight · needs about 0.9" in labels[1]
    assert "Qwen2.5 0.5B Instruct · does not fit · needs about 1." in labels[2]


def test_a_tight_plan_can_start_and_says_so_and_one_that_does_not_fit_cannot(services, monkeypatch):
    planning = Planning(services, Keeping(services))
    needed = services.runs.forecast.fit("shop-v1", TrainConfig(), find_base(STARTER)).needed_mb
    for free, told, may_start in (
        (10 * needed, "Ready: ", True),
        (needed + 1, "Memory is tight: this run of Starter", True),
        (needed - 300, "are free on this machine", False),
    ):
        monkeypatch.setattr(forecast, "available_mb", lambda jobs, free=free: free)
        _, checks, _, _, _, start, *_ = planning.review(*FORM, QUICK_LOOK, **OPTIONS)
        assert told in checks
        assert start.interactive == may_start


def test_nothing_is_drawn_when_nothing_has_changed_or_another_tab_is_open(services):
    shown = look(services)["shown"]

    assert set(map(repr, look(services, shown).values())) == {repr(SKIP)}
    elsewhere = Measuring(services).look(Selection(tab="data"), "", *FORM, **OPTIONS)
    assert set(map(repr, elsewhere)) == {repr(SKIP)}


def test_a_measurement_is_watched_cancelled_and_its_figure_replaces_the_guess(services):
    measuring, planning = Measuring(services), Planning(services, Keeping(services))
    measuring.begin(*FORM, **OPTIONS)
    seen = look(services)
    assert "Five steps are measured" in seen["card"]
    assert (seen["start"].interactive, seen["cancel"].visible) == (False, True)

    job = services.runs.forecast.measurements.active()
    journal = Journal(job.folder)
    journal.append("encoded", rows=32, tokens=1000)
    journal.append("step", step=0, steps=5)
    figures = {"loss": 2.0, "tokens": 10, "seconds": 60.0, "memory_mb": 1000}
    for step in (1, 2):
        journal.append("step", step=step, steps=5, **figures)
    journal.append("finished")

    seen = look(services)
    assert "Measured with 2 steps: the whole run takes 10.0 hours and 1.0 GB" in seen["card"]
    assert (seen["start"].interactive, seen["cancel"].visible) == (True, False)
    _, checks, *_ = planning.review(*FORM, QUICK_LOOK, **OPTIONS)
    assert "10.0 hours, tight · needs about 1.0 GB" in checks
    assert look(services, epochs=12)["card"].count("20.0 hours") == 1  # twice the epochs
    assert look(services, lora_rank=4)["card"] == ""  # another step: not measured yet


def test_a_measurement_that_waits_says_for_what_and_one_that_failed_says_why(services):
    measuring = Measuring(services)
    services.runs.start("shop-v1", TrainConfig())
    measuring.begin(*FORM, **OPTIONS)

    assert "Five steps wait: r1 is running and has the device" in look(services)["card"]
    measuring.stop()
    assert look(services)["card"] == ""
    measuring.begin(*FORM, **OPTIONS)
    waiting = services.runs.forecast.measurements.active()
    measuring.stop()
    Journal(waiting.folder).append("failed", reason="<b>The disk is full.")
    assert "The time was not measured. &lt;b&gt;The disk is full." in look(services)["card"]


def test_what_cannot_be_started_is_not_measured_either(services):
    with pytest.raises(CannotTrain, match="Epochs"):
        Measuring(services).begin(*FORM, **OPTIONS | {"epochs": 0})
    assert services.runs.forecast.measurements.active() is None
