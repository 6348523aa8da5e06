"""A version of a large file is made by a job: to the end, or not at all."""

import json
import os
import signal
from pathlib import Path

import pytest

from chatui.data.cleanings import CleaningJob, CleaningStore
from chatui.data.options import Options
from chatui.data.prepare import draft_of
from chatui.data.recipe import Recipe
from chatui.data.store import DatasetStore
from chatui.errors import BadName, JobIsActive, NotFound
from chatui.jobs import Jobs
from chatui.workspace import read_json
from tests.conftest import wait_until
from tests.data.writing import pairs, write


@pytest.fixture
def jobs(workspace):
    return Jobs(workspace.root)


@pytest.fixture
def cleanings(workspace, jobs):
    return CleaningStore(workspace, jobs)


@pytest.fixture
def datasets(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def held(cleanings, tmp_path, monkeypatch):
    """Starts a job that waits at a phase; it goes on when the workspace has a file `go`."""
    monkeypatch.setattr("chatui.data.cleanings.WORKER", "tests.data.gated_worker")
    path = write(tmp_path / "large.csv", pairs(3000))

    def start(phase: str) -> str:
        cleaning_id = cleanings.start(job_of(path, phase))
        wait_until(lambda: cleanings.view(cleaning_id).doing == phase, 60, f"it is {phase}")
        return cleaning_id

    return start


def job_of(path: Path, name: str = "a", **more: object) -> CleaningJob:
    return CleaningJob(path=str(path), file=path.name, name=name, recipe=Recipe(), **more)


def ended(cleanings, cleaning_id):
    wait_until(lambda: not cleanings.view(cleaning_id).job.is_active, 60, "the job has ended")
    return cleanings.view(cleaning_id)


def leftovers(workspace) -> list[str]:
    return [
        p.name for kind in ("datasets", "cleanings") for p in (workspace.root / kind).glob(".*")
    ]


def test_a_job_makes_the_version_that_a_draft_makes(cleanings, datasets, workspace, tmp_path):
    path = write(tmp_path / "a.csv", pairs(300))
    drafted = datasets.save(draft_of(path, Options(), "a.csv"), "at once")

    view = ended(cleanings, cleanings.start(job_of(path, "by a job")))

    assert (view.job.state, view.dataset) == ("finished", "by-a-job-v1")
    assert (view.rows, view.doing) == (300, "writing")
    assert datasets.view("by-a-job-v1").sha256 == drafted.sha256
    assert leftovers(workspace) == []


def test_an_upload_is_kept_until_the_work_has_ended(cleanings, datasets, workspace, tmp_path):
    path = write(tmp_path / "a.csv", pairs(50))
    job = CleaningJob(path=None, file="my chats.csv", name="a", recipe=Recipe(), parent=None)

    cleaning_id = cleanings.start(job, upload=path)
    path.unlink()
    view = ended(cleanings, cleaning_id)

    assert view.dataset == "a-v1"
    assert datasets.recipe("a-v1").file == "my chats.csv"
    assert not (workspace.folder("cleanings", cleaning_id) / "input").exists()


def test_a_file_of_which_nothing_can_be_used_fails_with_its_sentence(
    cleanings, datasets, workspace, tmp_path
):
    path = tmp_path / "a.csv"
    path.write_text("user,agent\nalone\n")

    view = ended(cleanings, cleanings.start(job_of(path)))

    assert view.job.state == "failed"
    assert "Its only row can't be used" in view.job.reason
    assert datasets.all() == []
    assert leftovers(workspace) == []


PHASES = pytest.mark.parametrize("phase", ["reading", "comparing", "writing"])


@pytest.mark.slow
@PHASES
def test_a_job_that_is_stopped_leaves_nothing_behind(held, cleanings, datasets, workspace, phase):
    cleaning_id = held(phase)

    cleanings.stop(cleaning_id)
    view = ended(cleanings, cleaning_id)

    assert view.job.state == "stopped"
    assert datasets.all() == []
    assert leftovers(workspace) == []


@pytest.mark.slow
@PHASES
def test_what_a_kill_leaves_is_no_dataset_and_is_swept(held, cleanings, datasets, workspace, phase):
    cleaning_id = held(phase)
    folder = workspace.folder("cleanings", cleaning_id)

    os.kill(int(str(read_json(folder / "process.json")["pid"])), signal.SIGKILL)
    view = ended(cleanings, cleaning_id)

    assert view.job.state == "interrupted"
    assert datasets.all() == []
    assert (leftovers(workspace) != []) == (phase == "writing")

    def is_swept() -> bool:  # a killed process counts as dead before the last of it lets go
        workspace.sweep()
        return leftovers(workspace) == []

    wait_until(is_swept, 15, "what the killed process left is swept")

    (workspace.root / "go").touch()
    cleanings.resume(cleaning_id)
    assert ended(cleanings, cleaning_id).dataset == f"{phase}-v1"


def test_what_somebody_is_filling_is_not_swept(workspace):
    with workspace.staging("datasets") as folder:
        workspace.sweep()
        assert folder.is_dir()

    assert leftovers(workspace) == []


@pytest.mark.slow
def test_a_job_that_waits_is_taken_out_of_the_queue(held, cleanings, workspace, tmp_path):
    first = held("reading")
    upload = write(tmp_path / "b.csv", pairs(5))
    job = CleaningJob(path=None, file="b.csv", name="b", recipe=Recipe())
    second = cleanings.start(job, upload=upload)
    assert cleanings.view(second).job.state == "queued"
    with pytest.raises(JobIsActive):
        cleanings.delete(second)

    cleanings.stop(second)
    cleanings.stop(first)
    ended(cleanings, first)

    assert cleanings.view(second).job.state == "stopped"
    assert not (workspace.folder("cleanings", second) / "input").exists()
    cleanings.delete(second)
    assert [view.id for view in cleanings.all()] == [first]
    with pytest.raises(NotFound, match="There is no cleaning called"):
        cleanings.view(second)


def test_a_name_that_is_none_is_refused_before_anything_is_queued(cleanings, workspace, tmp_path):
    with pytest.raises(BadName):
        cleanings.start(job_of(tmp_path / "a.csv", "../x"))

    assert cleanings.all() == []
    assert leftovers(workspace) == []


def test_two_presses_are_one_job(cleanings, tmp_path):
    path = write(tmp_path / "a.csv", pairs(5))

    first = cleanings.start(job_of(path), key="k")
    again = cleanings.start(job_of(path), key="k")

    assert first == again
    ended(cleanings, first)
    assert json.loads(cleanings.view(first).job.folder.joinpath("job.json").read_text()) == {
        "kind": "clean",
        "module": "chatui.data.worker",
    }
