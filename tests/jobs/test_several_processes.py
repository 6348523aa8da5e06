"""A job that several processes do: who keeps the journal, who ends whom. No torch is loaded."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from chatui.jobs import Journal, view_job
from chatui.jobs.process import kill
from chatui.workspace import Workspace, read_json, write_json
from tests.conftest import wait_until

ROOT = Path(__file__).parents[2]
# In place of torchrun: a parent that starts some ranks and waits for them.
PARENT = (
    "import subprocess, sys; "
    "started = [subprocess.Popen([sys.executable, '-m', 'tests.jobs.sleeper', sys.argv[1]], "
    "start_new_session=True)]; "
    "[each.wait() for each in started]"
)
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    folder = workspace.new_folder("runs", "r")
    write_json(folder / "job.json", {"kind": "train", "module": "tests.jobs.sleeper"})
    write_json(folder / "config.json", {"steps": 2})
    (folder / "go").write_text("1")
    return folder


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start the process of a rank, of two, below a parent."""
    parents: list[subprocess.Popen[bytes]] = []

    def start(rank: int) -> subprocess.Popen[bytes]:
        place = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "RANK": str(rank)}
        parents.append(
            subprocess.Popen(
                [sys.executable, "-c", PARENT, str(folder)],
                cwd=ROOT,
                env={**os.environ, **place, "LOCAL_RANK": str(rank)},
                stderr=subprocess.DEVNULL,
            )
        )
        return parents[-1]

    yield start
    for parent in parents:
        if parent.poll() is None:
            for child in psutil.Process(parent.pid).children(recursive=True):
                child.kill()
            parent.kill()
        parent.wait()


def begun(folder: Path, parent: subprocess.Popen[bytes]) -> psutil.Process:
    """The first process, once it has done its first step."""
    wait_until(lambda: view_job(folder).step == 1, 30, "a step")
    return psutil.Process(parent.pid).children()[0]


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_the_job_is_its_parents_and_killing_it_ends_all(folder, start):
    parent = start(0)
    first = begun(folder, parent)
    assert read_json(folder / "process.json")["pid"] == parent.pid

    kill(folder)

    wait_until(lambda: is_gone(first), 15, "the first process is gone")
    assert parent.wait() == -signal.SIGKILL
    assert view_job(folder).state == "interrupted"


def test_a_process_whose_parent_was_killed_ends_itself(folder, start):
    parent = start(0)
    first = begun(folder, parent)

    parent.kill()

    wait_until(lambda: is_gone(first), 15, "the first process is gone")
    assert view_job(folder).step == 1


def test_the_first_process_says_why_another_one_failed(folder, start):
    first = begun(folder, start(0))
    write_json(folder / "config.json", {"steps": 0, "fails": "The machine ran out of memory."})

    assert start(1).wait() == 0  # the parent of this test does not mind
    first.terminate()  # as torchrun does

    wait_until(lambda: view_job(folder).state == "failed", 15, "it has failed")
    reason = view_job(folder).reason
    assert reason.startswith("One of the processes of this run ended before it was done")
    assert "It said: Process 2: The machine ran out of memory." in reason


def test_only_the_first_process_keeps_the_journal(folder, start):
    (folder / "go").write_text("2")

    assert start(1).wait() == 0
    assert Journal(folder).events() == []
    assert start(0).wait() == 0

    assert [event["kind"] for event in Journal(folder).events()] == [
        "started",
        "step",
        "step",
        "finished",
    ]


def test_stop_is_stop_with_several_processes_too(folder, start):
    first = begun(folder, start(0))
    (folder / "stop").touch()

    wait_until(lambda: view_job(folder).state == "stopped", 15, "it has stopped")
    wait_until(lambda: is_gone(first), 15, "the first process is gone")
