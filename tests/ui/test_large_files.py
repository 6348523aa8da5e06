"""A large file in the Data tab: its beginning at once, all of it by a job, on a card."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from starlette.testclient import TestClient

from chatui.data import prepare
from chatui.data.cleanings import CleaningJob, CleaningStore
from chatui.data.recipe import Recipe
from chatui.data.store import DatasetStore
from chatui.jobs import Jobs
from chatui.services import Services
from chatui.settings import Settings
from chatui.ui.server import build_server
from chatui.ui.state import Selection
from chatui.ui.tabs.data import large
from chatui.ui.tabs.data.handlers import Handlers
from chatui.ui.tabs.data.layout import components
from chatui.ui.tabs.data.source import of_cleaning_again, of_upload
from tests.conftest import wait_until
from tests.data.writing import pairs, write
from tests.ui import fakes

OPEN = Selection(tab="data")


@pytest.fixture
def services(workspace):
    jobs = Jobs(workspace.root)
    return SimpleNamespace(
        workspace=workspace,
        jobs=jobs,
        datasets=DatasetStore(workspace),
        cleanings=CleaningStore(workspace, jobs),
        runs=SimpleNamespace(all=list),
    )


@pytest.fixture
def parts():
    with gr.Blocks() as blocks, gr.Tabs() as tabs, gr.Tab("1 Data"):
        return components(fakes.page(blocks, tabs))


@pytest.fixture
def handlers(services, parts):
    return Handlers(services, parts)


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "LARGE", 2000)
    monkeypatch.setattr(prepare, "_SHOWN", 1000)
    return write(tmp_path / "large.csv", pairs(400))


def ended(services):
    wait_until(lambda: not services.jobs.active(), 60, "the job has ended")


def test_a_large_file_is_saved_by_a_job_that_reads_all_of_it(services, handlers, parts, file):
    source = of_upload(str(file), None)
    shown = handlers.upload(str(file), OPEN, source)
    assert "rows of a file of" in shown[parts.notes].value
    assert "all of it is read when you save" in shown[parts.notes].value

    handlers.save(OPEN, source, spaces=True, name="Large")
    file.unlink()
    ended(services)

    assert services.datasets.view("large-v1").rows_read == 400
    watching = large._Watching(services)
    key, box, card, stop, again, look, away = watching.refresh(OPEN, "")
    assert "large.csv is saved as large-v1" in card
    assert (stop.visible, again.visible, look.visible, away.visible) == (False, False, True, True)
    assert watching.refresh(OPEN, key)[1] == gr.skip()
    assert watching.look(OPEN).dataset == "large-v1"
    watching.put_away()
    assert watching.refresh(OPEN, key)[1].visible is False


def test_a_large_version_is_cleaned_again_by_a_job_into_its_child(services, handlers, file):
    first = services.datasets.save(prepare.prepare(file), "a")
    source = of_cleaning_again(services.datasets, first)

    handlers.save(OPEN, source, name="a", prompt="Be kind.")
    ended(services)

    child = services.datasets.all()[-1]
    assert (child.parent, child.kept, child.system) == (first.id, 400, "Be kind.")
    assert services.datasets.file(first.id).exists()


def test_a_name_that_is_none_is_said_and_nothing_is_started(services, handlers, file):
    from chatui.errors import BadName

    with pytest.raises(BadName):
        handlers.save(OPEN, of_upload(str(file), None), name="?")
    assert services.cleanings.all() == []


def test_a_job_can_be_stopped_on_its_card(services, handlers, file, monkeypatch):
    monkeypatch.setattr("chatui.data.cleanings.WORKER", "tests.data.gated_worker")
    handlers.save(OPEN, of_upload(str(file), None), name="reading")
    view = lambda: services.cleanings.all()[0]  # noqa: E731
    wait_until(lambda: view().doing == "reading", 60, "it reads")
    watching = large._Watching(services)

    assert "large.csv: reads and cleans" in watching.refresh(OPEN, "")[2]
    assert watching.stop().interactive is False
    ended(services)

    assert "was stopped: nothing was saved" in watching.refresh(OPEN, "")[2]
    assert services.datasets.all() == []


def test_names_of_files_are_shown_as_they_are_written(services, file):
    hostile = SimpleNamespace(
        id="c1", file="<b>x</b>.csv", name="x", rows=7, doing="reading", dataset=None
    )
    from tests.ui.fakes import job

    html = large.card_html(SimpleNamespace(**vars(hostile), job=job("running")))

    assert "<b>" not in html
    assert "&lt;b&gt;x" in html


def test_letters_that_may_be_others_are_offered_with_what_they_would_be(handlers, parts, tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"Paket {n} für Łódź?,Im Büro.\n" for n in range(9))
    path.write_bytes(("user,agent\n" + rows).encode("cp1250"))
    source = of_upload(str(path), None)

    shown = handlers.upload(str(path), OPEN, source)
    chosen = handlers.redraft(OPEN, source, 1, spaces=True, encoding="cp1250")

    field = shown[parts.encoding]
    assert (field.visible, field.value, len(field.choices)) == (True, None, 3)
    assert ("Windows-1250: Paket 0 für Łódź?,Im Büro.") in field.choices[1][0] + field.choices[2][0]
    assert chosen[parts.source].options.encoding == "cp1250"
    assert "für Łódź" in chosen[parts.preview]
    assert chosen[parts.notes].visible is False


def test_where_the_letters_are_sure_nothing_is_asked(handlers, parts, tmp_path):
    path = write(tmp_path / "a.csv", pairs(5))

    shown = handlers.upload(str(path), OPEN, of_upload(str(path), None))

    assert shown[parts.encoding].visible is False


def test_of_a_large_version_the_first_conversations_are_shown(
    services, handlers, parts, file, monkeypatch
):
    monkeypatch.setattr("chatui.ui.tabs.data.drawing._LISTED", 50)
    view = services.datasets.save(prepare.prepare(file), "a")

    shown = handlers.pick(view.id, OPEN, of_upload(str(file), None))

    assert "The first 50 of 400 conversations are shown." in shown[parts.notes].value
    assert "of 50" in shown[parts.where]


class Visitor:
    """Somebody with the page open, over HTTP as a browser does it."""

    def __init__(self, client: TestClient, name: str) -> None:
        self._client, self._name = client, name
        config = client.get("/config").json()
        self._listeners = config["dependencies"]
        self._ids = {c["props"].get("elem_id"): c["id"] for c in config["components"]}
        self.look("chatui-strip", "load")

    def press(self, button: str) -> list[Any]:
        """What the page is told after a button was pressed."""
        pressed = [self._ids[button], "click"]
        return self._said(next(d for d in self._listeners if pressed in map(list, d["targets"])))

    def look(self, at: str, event: str = "change") -> list[Any]:
        """What the page is told when there are news, or it loads, about a part of it."""
        told = next(
            listener
            for listener in self._listeners
            if self._ids[at] in listener["outputs"]
            and event in [name for _, name in listener["targets"]]
        )
        return self._said(told)

    def _said(self, listener: dict[str, Any]) -> list[Any]:
        asked = {
            "fn_index": listener["id"],
            "data": [None] * len(listener["inputs"]),
            "session_hash": self._name,
        }
        self._client.post("/gradio_api/queue/join", json=asked).raise_for_status()
        path = f"/gradio_api/queue/data?session_hash={self._name}"
        with self._client.stream("GET", path) as answer:
            events = (json.loads(line[5:]) for line in answer.iter_lines() if line[:5] == "data:")
            done = next(event for event in events if event["msg"] == "process_completed")
        assert done["success"], done
        return done["output"]["data"]


@pytest.fixture
def visitors(tmp_path) -> Iterator[tuple[Services, Visitor, Visitor]]:
    services = Services.open(Settings(workspace=tmp_path / "workspace"))
    with TestClient(build_server(services, services.settings), "http://127.0.0.1:7860") as client:
        yield services, Visitor(client, "first"), Visitor(client, "second")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the figures that Gradio keeps
def test_others_are_answered_while_a_file_is_cleaned_and_stop_ends_it(visitors, file, monkeypatch):
    monkeypatch.setattr("chatui.data.cleanings.WORKER", "tests.data.gated_worker")
    services, first, second = visitors
    job = CleaningJob(path=str(file), file=file.name, name="reading", recipe=Recipe())
    cleaning = services.cleanings.start(job)
    view = lambda: services.cleanings.view(cleaning)  # noqa: E731
    wait_until(lambda: view().doing == "reading", 60, "it reads")

    # The worker reads on until somebody lets it, so whoever is answered is answered meanwhile.
    assert "large.csv: reads and cleans" in str(second.look("data-cleaning"))
    assert "large.csv: reads and cleans" in str(first.look("data-cleaning"))
    assert view().job.state == "running"

    second.press("stop-cleaning")
    wait_until(lambda: not view().job.is_active, 60, "the job has ended")

    assert view().job.state == "stopped"
    assert "was stopped: nothing was saved" in str(first.look("data-cleaning"))
    assert [version.sample for version in services.datasets.all()] == [True]
