"""The search of the Train tab: begun with the form, drawn from its journal, its best one taken."""

from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from chatui.errors import BadSearch, BadSetting, CannotTrain
from chatui.jobs import Journal
from chatui.model.catalog import STARTER
from chatui.services import Services
from chatui.train.config import TrainConfig
from chatui.train.launching import Launch
from chatui.train.search import SearchStore
from chatui.train.search_record import SearchOptions
from chatui.ui.state import Selection
from chatui.ui.tabs import train as tab
from chatui.ui.tabs.train.search_drawing import importance_chart, trials_chart, trials_table
from chatui.ui.tabs.train.search_panel import Searching, parts_of
from tests.train.conftest import Bench, bench  # noqa: F401 - a fixture
from tests.ui import fakes

SKIP = gr.skip()
FORM = TrainConfig().model_dump() | SearchOptions().model_dump()
CHOSEN = Selection(tab="train", dataset="shop-v1")
NAMES = ("shown", "panel", "chosen", "stop", "resume", "standing", "take", "pictures", "table")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def services(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Services:  # noqa: F811
    """Real stores, whose jobs are begun but done by nobody."""
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    searches = SearchStore(bench.workspace, bench.jobs, bench.datasets, bench.runs)
    stores = {"datasets": bench.datasets, "runs": bench.runs, "jobs": bench.jobs}
    return cast(Services, SimpleNamespace(**stores, searches=searches))


def started(services: Services, names: list[str], limits: str = "", **fields: object) -> str:
    chosen, _ = Searching(services).start(
        "shop-v1", STARTER, names, "", limits=limits, **FORM | fields
    )
    return chosen


def look(services: Services, shown: str = "", chosen: str | None = None) -> dict[str, Any]:
    seen = Searching(services).look(CHOSEN, shown, chosen)
    return dict(zip(NAMES, seen, strict=True))


def journal_of(services: Services, search: str) -> Journal:
    return Journal(services.searches.view(search).job.folder)


def tried(journal: Journal, number: int, loss: float, state: str = "complete") -> None:
    values = {"learning_rate": 0.001 * (number + 1), "schedule": "linear"}
    journal.append("trial", trial=number, values=values)
    journal.append("queued", trial=number, run=f"r{number + 1}")
    journal.append("ended", trial=number, state=state, loss=loss)


def test_a_search_begins_with_the_form_and_is_the_one_that_is_looked_at(services):
    name = started(services, ["learning_rate"], "rank=4|16", epochs=3, trials=5)

    view = services.searches.view(name)
    assert (view.record.start.epochs, view.record.options.trials) == (3, 5)
    assert [d.option for d in view.record.space] == ["lora_rank", "learning_rate"]
    seen = look(services)
    assert (seen["chosen"].value, seen["stop"].visible, seen["take"].visible) == ("s1", True, False)
    assert "s1 is searching: no trial yet" in seen["standing"]
    assert seen["panel"].label == "Search for better options (s1 running)"


def test_pressing_start_twice_is_one_search(services):
    searching = Searching(services)
    for _ in range(2):
        searching.start("shop-v1", STARTER, ["learning_rate"], "a key", **FORM)

    assert [search.id for search in services.searches.all()] == ["s1"]


def test_written_limits_replace_the_usual_ones_of_their_option():
    assert parts_of(["learning_rate", "epochs"], "lr=1e-4..1e-2,\ndora") == [
        *("lr=1e-4..1e-2", "dora", "epochs"),
    ]


@pytest.mark.parametrize(
    ("names", "limits", "fields", "error"),
    [
        (["learning_rate"], "speed=1..2", {}, BadSearch),
        (["learning_rate"], "", {"trials": 0}, BadSearch),
        (["learning_rate"], "", {"trials": None}, BadSetting),
        (["learning_rate"], "", {"epochs": 0}, CannotTrain),
        (["learning_rate"], "", {"lora_rank": 0}, CannotTrain),
    ],
)
def test_what_cannot_be_searched_is_refused(services, names, limits, fields, error):
    with pytest.raises(error):
        started(services, names, limits, **fields)
    assert services.searches.all() == []


def test_trials_are_drawn_with_their_losses_the_best_one_apart(services):
    journal = journal_of(services, started(services, ["learning_rate"], "schedule=linear|cosine"))
    tried(journal, 0, 0.9)
    tried(journal, 1, 0.4)
    tried(journal, 2, 7.5, "pruned")
    journal.append("trial", trial=3, values={"learning_rate": 0.004, "schedule": "cosine"})
    journal.append("ended", trial=3, state="failed", reason=HOSTILE)
    journal.append("importances", shares={"learning_rate": 0.8, "schedule": 0.2})

    view = services.searches.view("s1")
    drawn = trials_chart(view)
    assert drawn.count("<polyline") == 3  # what failed has no loss
    assert "trial 2: complete, loss 0.4000" in drawn
    assert "best: trial 2 (r2), loss 0.4000" in drawn
    assert "stroke-dasharray" in drawn
    assert ">≥ 1.80<" in drawn  # twice the median
    assert "Learning rate 80 %; Schedule 20 %" in importance_chart(view)
    seen = look(services)
    assert seen["take"].value == "Take the best (r2)"
    for html in (drawn, trials_table(view), seen["standing"]):
        assert HOSTILE not in html
    assert "onerror" in trials_table(view)


def test_nothing_is_drawn_when_nothing_has_changed_or_another_tab_is_open(services):
    assert set(map(repr, look(services).values())) == {repr(SKIP)}  # there is no search
    started(services, ["learning_rate"])
    shown = look(services)["shown"]

    assert set(map(repr, look(services, shown).values())) == {repr(SKIP)}
    elsewhere = Searching(services).look(Selection(tab="data"), "", None)
    assert set(map(repr, elsewhere)) == {repr(SKIP)}


def test_a_search_is_stopped_resumed_and_its_failure_stays(services):
    searching, name = Searching(services), started(services, ["learning_rate"])
    searching.stop(name)
    assert (services.searches.view(name).job.folder / "stop").exists()
    journal_of(services, name).append("failed", reason=HOSTILE)

    seen = look(services)
    assert "chatui-error" in seen["standing"]
    assert HOSTILE not in seen["standing"]
    assert (seen["stop"].visible, seen["resume"].value) == (False, "Resume s1")
    searching.resume(name)
    assert services.searches.view(name).job.state == "running"


def test_taking_the_best_looks_at_its_run_and_has_its_options_copied(services):
    searching, name = Searching(services), started(services, ["learning_rate"])
    with pytest.raises(BadSearch, match="no trial is complete"):
        searching.take(CHOSEN, name)
    services.runs.start("shop-v1", TrainConfig(epochs=3), launch=Launch(trial=(name, 0)))
    tried(journal_of(services, name), 0, 0.9)

    selected, copied = searching.take(CHOSEN, name)

    assert (selected.run, selected.dataset, copied) == ("r1", "shop-v1", "r1")


def test_the_panel_is_wired_to_the_form(services):
    with gr.Blocks() as blocks:
        tab.build(services, fakes.page(blocks, gr.Tabs()))

    start = next(
        f for f in blocks.fns.values() if f.fn and f.name == "start" and len(f.inputs) > 20
    )
    labels = [component.label for component in start.inputs]
    assert {"Options to search", "Learning rate", "Trials", "Search seed"} <= set(labels)
