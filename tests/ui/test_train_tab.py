"""The Train tab: what will run, every problem beside Start, and a run as its folder tells it."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from chatui.errors import CannotTrain
from chatui.jobs import Journal
from chatui.model.catalog import STARTER
from chatui.services import Services
from chatui.train.config import QUICK_LOOK, TrainConfig
from chatui.train.view import Point, RunView
from chatui.ui.state import Page, Selection
from chatui.ui.tabs import train as tab
from chatui.ui.tabs.train import describe
from chatui.ui.tabs.train.drawing import loss_curve, nice_ticks, thinned
from chatui.ui.tabs.train.planning import Planning
from chatui.ui.tabs.train.watching import NOTHING_SHOWN, Watching
from tests.train.conftest import Bench, bench, make_dataset  # noqa: F401 - a fixture
from tests.ui.fakes import job

SKIP = gr.skip()
HOSTILE = "<img src=x onerror=alert(1)>"
OPTIONS = TrainConfig().model_dump()
CHOSEN = Selection(tab="train", dataset="shop-v1")


@pytest.fixture
def services(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Services:  # noqa: F811
    """Real stores, whose jobs are begun but done by nobody."""
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    return cast(
        Services, SimpleNamespace(datasets=bench.datasets, runs=bench.runs, jobs=bench.jobs)
    )


def a_run(**fields: Any) -> RunView:
    known: dict[str, Any] = {
        "id": "r1",
        "name": "r1",
        "dataset": "shop-v1",
        "base": STARTER,
        "config": TrainConfig(),
        "created_at": "2026-01-01T00:00:00+00:00",
        "job": job("running"),
        "adapter": None,
        "adapter_hash": None,
        "train_loss": 2.1,
        "validation_loss": 2.0,
        "validation_perplexity": 7.4,
        "best_step": 40,
        "base_perplexity": 99.0,
        "tokens_per_second": 2140.0,
        "peak_memory_mb": 1500,
        "curve": (
            Point(1, "train", 3.0),
            Point(0, "validation", 4.6),
            Point(40, "validation", 2.0),
        ),
    }
    return RunView(**(known | fields))


def test_a_good_plan_can_start_and_says_the_exact_command(services):
    _, checks, command, start, *_ = Planning(services).review(
        "shop-v1", STARTER, QUICK_LOOK, **OPTIONS | {"epochs": 7}
    )

    assert "Ready: 32 conversations to learn from, 4 to measure with" in checks
    assert "python -m chatui train shop-v1 --set epochs=7" in command
    assert start.interactive


def test_every_problem_is_shown_at_once_beside_start(services, bench, tmp_path):  # noqa: F811
    make_dataset(bench.datasets, tmp_path, 2, "Small")

    _, checks, _, start, *_ = Planning(services).review(
        "small-v1", f"no {HOSTILE}", QUICK_LOOK, **OPTIONS | {"epochs": None, "lora_rank": 0}
    )

    assert checks.count('role="alert"') == 3
    assert "Epochs: " in checks
    assert "LoRA rank: " in checks
    assert "no base model called" in checks
    assert HOSTILE not in checks
    assert not start.interactive


def test_a_group_says_how_many_options_differ_from_the_preset(services):
    *_, groups, by_heart, adapter, memory, saving, reset = Planning(services).review(
        "shop-v1", STARTER, QUICK_LOOK, **OPTIONS | {"epochs": 9, "seed": 3}
    )

    assert groups.label == "Learning · 2 changed"
    assert adapter.label == "Adapter"
    assert reset.visible


def test_a_larger_base_gets_a_smaller_learning_rate_and_keeps_the_rest(services):
    rate = Planning(services).choose_base("Qwen/Qwen2.5-0.5B-Instruct", QUICK_LOOK)

    assert rate < TrainConfig().learning_rate / 5


def test_pressing_start_twice_is_one_run_and_pressing_it_later_is_another(services):
    planning = Planning(services)

    first, key, name = planning.start_run("shop-v1", STARTER, "k1", CHOSEN, **OPTIONS)
    again, _, _ = planning.start_run("shop-v1", STARTER, "k1", CHOSEN, **OPTIONS)
    later, _, _ = planning.start_run("shop-v1", STARTER, key, first, **OPTIONS)

    assert first.run == again.run == name == "r1"
    assert later.run == "r2"


def test_start_refuses_what_the_checks_refuse(services):
    with pytest.raises(CannotTrain, match="Epochs"):
        Planning(services).start_run("shop-v1", STARTER, "", CHOSEN, **OPTIONS | {"epochs": 0})
    assert services.runs.all() == []


@pytest.fixture
def watched(services: Services) -> tuple[Watching, Selection, Callable[..., None]]:
    """A running run, and a way to journal what happens to it."""
    selection, *_ = Planning(services).start_run("shop-v1", STARTER, "k", CHOSEN, **OPTIONS)
    journal = Journal(services.runs.view("r1").job.folder)
    return Watching(services), selection, journal.append


def test_nothing_is_drawn_when_nothing_has_changed_or_another_tab_is_open(watched):
    watching, selection, _ = watched
    shown, *_ = watching.refresh(selection, NOTHING_SHOWN)

    assert set(map(repr, watching.refresh(selection, shown))) == {repr(SKIP)}
    elsewhere = replace(selection, tab="chat")
    assert set(map(repr, watching.refresh(elsewhere, NOTHING_SHOWN))) == {repr(SKIP)}


def test_a_step_moves_the_figures_and_no_button(watched):
    watching, selection, append = watched
    shown, *_ = watching.refresh(selection, NOTHING_SHOWN)
    append("step", step=1, steps=9, loss=2.0, tokens=10, reply_tokens=5, seconds=1, memory_mb=900)

    _, standing, curve, figures, _, *pressed = watching.refresh(selection, shown)

    assert "step 1 of 9" in standing
    assert "train 2.00" in curve
    assert "900 MB" in figures
    assert set(map(repr, pressed)) == {repr(SKIP)}


def test_a_page_opened_anew_shows_the_running_job_with_stop(watched):
    watching, selection, _ = watched

    _, standing, _, _, _, stop, asking, resume, _, rows, *_, start = watching.refresh(
        selection, NOTHING_SHOWN
    )

    assert "r1 is starting" in standing
    assert (stop.visible, resume.visible, asking.visible) == (True, False, False)
    assert rows[0][:3] == ["r1", "", "running"]
    assert start.variant == "secondary"


def test_stop_is_said_until_the_worker_has_heeded_it(watched, services):
    watching, selection, append = watched

    watching.stop(selection)
    _, *_, stop, _, resume, _, _, _, _, _ = watching.refresh(selection, NOTHING_SHOWN)
    assert (stop.value, stop.interactive) == ("Stopping …", False)

    append("stopped")
    _, standing, *_, stop, _, resume, _, _, _, _, _ = watching.refresh(selection, NOTHING_SHOWN)
    assert (stop.visible, resume.visible) == (False, True)
    assert "was stopped" in standing


def test_names_are_shown_as_written_and_never_run():
    hostile = a_run(name=HOSTILE, base=HOSTILE, job=job("finished"), curve=())

    for drawn in (describe.standing(hostile), describe.standing(a_run(name=HOSTILE))):
        assert HOSTILE not in drawn
    assert HOSTILE not in describe.command(HOSTILE)


def test_a_failed_run_says_why_and_stays(services):
    failed = a_run(job=job("failed", reason="The machine ran out of memory."))

    shown = describe.standing(failed)

    assert 'role="alert"' in shown
    assert "ran out of memory" in shown


def test_the_curve_tells_its_numbers_to_those_who_cannot_see_it():
    drawn = loss_curve(a_run().curve, steps=120)

    assert "<title>Loss by step</title>" in drawn
    assert "validation from 4.60 at step 0 to 2.00 at step 40" in drawn
    assert "stroke-dasharray" in drawn
    assert loss_curve((), 0) == ""
    assert "Show as table" in describe.curve(a_run())


def test_ticks_are_round_and_hold_all_values():
    assert nice_ticks(0.64, 4.96) == [0, 1, 2, 3, 4, 5]
    assert nice_ticks(2.0, 2.0)[0] <= 2.0 <= nice_ticks(2.0, 2.0)[-1]


def test_a_long_run_is_drawn_with_few_points_and_ends_where_it_ended():
    points = [Point(n, "train", float(n)) for n in range(1, 5001)]

    assert len(thinned(points)) <= 150
    assert thinned(points)[-1].step == 5000


def test_the_tab_offers_one_endpoint_and_never_a_wall_of_positions(services):
    with gr.Blocks() as blocks:
        page = Page(blocks, gr.State(Selection()), gr.Timer(2), gr.Tabs())
        tab.build(services, page)

    public = {f.api_name for f in blocks.fns.values() if f.api_visibility == "public"}
    assert public == {"start_run"}
    assert all(len(f.inputs) - len(f.input_keyword_names) <= 4 for f in blocks.fns.values())
