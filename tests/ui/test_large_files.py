"""A large file in the Data tab: its beginning at once, all of it by a job, on a card."""

from types import SimpleNamespace

import gradio as gr
import pytest

from chatui.data import prepare
from chatui.data.cleanings import CleaningStore
from chatui.data.store import DatasetStore
from chatui.jobs import Jobs
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
