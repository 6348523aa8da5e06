"""Jobs outlive whoever started them, wait their turn, and say how they stand."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from chatui.errors import JobIsActive, JobNotResumable
from chatui.jobs import Jobs, Journal
from chatui.jobs import queue as queue_module
from chatui.workspace import Workspace, read_json, write_json
from tests.conftest import wait_until

MODULE = "tests.jobs.sleeper"


@pytest.fixture
def jobs(workspace: Workspace) -> Iterator[Jobs]:
    jobs = Jobs(workspace.root)
    yield jobs
    for folder in workspace.root.glob("runs/*"):
        if (folder / "process.json").exists():
            pid = int(str(read_json(folder / "process.json")["pid"]))
            if pid != os.getpid() and psutil.pid_exists(pid):
                psutil.Process(pid).kill()


@pytest.fixture
def submit(workspace: Workspace, jobs: Jobs) -> Callable[..., Path]:
    def submit(key: str | None = None, go: int = 0, kind: str = "train", **config: object) -> Path:
        def make_folder() -> Path:
            folder = workspace.new_folder("runs", "r")
            write_json(folder / "config.json", {"steps": 3, **config})
            allow(folder, go)
            return folder

        return jobs.submit(kind, MODULE, make_folder, key=key)

    return submit


def allow(folder: Path, steps: int) -> None:
    (folder / "go").write_text(str(steps))


def process_of(folder: Path) -> psutil.Process:
    return psutil.Process(int(str(read_json(folder / "process.json")["pid"])))


def test_a_job_runs_to_its_end_and_journals_each_step(jobs, submit):
    folder = submit(go=3)

    wait_until(lambda: jobs.view(folder).state == "finished")

    view = jobs.view(folder)
    assert (view.step, view.steps) == (3, 3)
    kinds = [event["kind"] for event in view.events]
    assert kinds == ["started", "step", "step", "step", "finished"]


def test_a_second_job_waits_and_is_started_by_the_first_ones_end(jobs, submit):
    first, second = submit(), submit(go=3)
    assert [jobs.view(f).state for f in (first, second)] == ["running", "queued"]

    allow(first, 3)

    # Nobody tends the queue: reading events.jsonl does not start anything.
    wait_until(
        lambda: (
            "finished" in (second / "events.jsonl").read_text()
            if (second / "events.jsonl").exists()
            else False
        )
    )
    assert jobs.active() == []


def states(jobs, *folders):
    return [jobs.view(folder).state for folder in folders]


def begun(folder):
    """How often a job was begun; `view` would show the last time only."""
    return sum(event["kind"] in ("started", "resumed") for event in Journal(folder).events())


def test_a_cleaning_does_not_wait_for_a_training_but_for_another_cleaning(jobs, submit):
    trained, scored = submit(), submit(kind="score")
    cleaned, second = submit(kind="clean"), submit(kind="clean")

    assert states(jobs, trained, scored, cleaned, second) == [
        "running", "queued", "running", "queued",
    ]  # fmt: skip
    assert [view.folder for view in jobs.active()] == [trained, cleaned, scored, second]


@pytest.mark.parametrize(("ends", "other"), [("train", "clean"), ("clean", "train")])
def test_a_worker_that_ends_starts_the_next_of_its_lane_and_no_other(jobs, submit, ends, other):
    running = {kind: submit(kind=kind) for kind in ("train", "clean")}
    waiting = {kind: submit(kind=kind) for kind in ("clean", "train")}

    allow(running[ends], 3)

    # Nobody tends the queue: reading it does not start anything.
    wait_until(lambda: states(jobs, running[ends], waiting[ends]) == ["finished", "running"])
    assert states(jobs, running[other], waiting[other]) == ["running", "queued"]


def test_jobs_of_both_lanes_are_started_once_whoever_tends_at_the_same_moment(jobs, submit):
    running = [submit(kind="train"), submit(kind="clean")]
    waiting = [submit(kind="train"), submit(kind="clean")]
    for folder in running:
        allow(folder, 3)

    def all_tend() -> bool:
        list(pool.map(lambda _: jobs.tend(), range(8)))
        return all(map(begun, waiting))

    with ThreadPoolExecutor(8) as pool:
        wait_until(all_tend)

    assert [begun(folder) for folder in (*running, *waiting)] == [1, 1, 1, 1]
    assert states(jobs, *waiting) == ["running", "running"]


def test_a_start_that_fails_forgets_no_job_that_was_started_before_it(jobs, submit, monkeypatch):
    first, second = submit(kind="train"), submit(kind="clean")
    waiting = [submit(kind="train"), submit(kind="clean")]
    spawn = queue_module.spawn

    def fails_for_the_second(folder, module):
        if folder == waiting[1]:
            raise OSError("no more processes")
        spawn(folder, module)

    for folder in (first, second):
        process_of(folder).kill()
    wait_until(lambda: states(jobs, first, second) == ["interrupted"] * 2)
    monkeypatch.setattr(queue_module, "spawn", fails_for_the_second)
    with pytest.raises(OSError, match="no more"):
        jobs.tend()
    assert states(jobs, *waiting) == ["running", "queued"]

    monkeypatch.undo()
    jobs.tend()

    assert states(jobs, *waiting) == ["running", "running"]
    assert begun(waiting[0]) == 1


def test_a_queue_from_before_there_were_lanes_goes_on(jobs, submit, workspace):
    running, waiting = submit(), submit(go=3)
    file = workspace.queue / "default.json"
    write_json(file, read_json(file) | {"active": f"runs/{running.name}"})

    assert [view.folder for view in jobs.active()] == [running, waiting]
    allow(running, 3)
    wait_until(lambda: jobs.view(waiting).state == "finished")
    wait_until(lambda: jobs.active() == [])


def test_a_killed_worker_reads_interrupted_although_it_is_our_zombie(jobs, submit):
    folder = submit()
    allow(folder, 1)
    wait_until(lambda: jobs.view(folder).step == 1)

    process = process_of(folder)
    process.kill()
    wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE)

    view = jobs.view(folder)
    assert view.state == "interrupted"
    assert view.step == 1


def test_an_interrupted_job_resumes_where_it_was_and_finishes(jobs, submit):
    folder = submit(go=1)
    wait_until(lambda: jobs.view(folder).step == 1)
    process_of(folder).kill()
    wait_until(lambda: jobs.view(folder).state == "interrupted")

    allow(folder, 3)
    jobs.resume(folder)

    wait_until(lambda: jobs.view(folder).state == "finished")
    kinds = [event["kind"] for event in jobs.view(folder).events]
    assert kinds == ["started", "step", "resumed", "step", "step", "finished"]


def test_a_reused_process_id_is_not_taken_for_ours(jobs, submit):
    folder = submit()
    process_of(folder).kill()
    other = read_json(folder / "process.json")

    write_json(folder / "process.json", other | {"pid": os.getpid()})

    assert jobs.view(folder).state == "interrupted"


def test_a_worker_on_another_machine_is_judged_by_its_heartbeat(jobs, submit):
    folder = submit()
    owner = read_json(folder / "process.json")
    process_of(folder).kill()
    write_json(folder / "process.json", owner | {"machine": "elsewhere@1"})

    (folder / "heartbeat").touch()
    assert jobs.view(folder).state == "running"
    os.utime(folder / "heartbeat", (1, 1))
    assert jobs.view(folder).state == "interrupted"


def test_stop_ends_a_running_job_and_takes_a_waiting_one_out_of_the_queue(jobs, submit):
    running, waiting = submit(), submit()

    jobs.stop(waiting)
    jobs.stop(running)

    wait_until(lambda: jobs.view(running).state == "stopped")
    assert jobs.view(waiting).state == "stopped"
    assert jobs.active() == []


@pytest.mark.parametrize("patience", ["TERMINATE_AFTER", "KILL_AFTER"])
def test_a_worker_that_does_not_heed_stop_is_ended_by_whoever_tends(
    jobs, submit, monkeypatch, patience
):
    folder = submit(deaf=True)
    wait_until(lambda: "started" in (folder / "events.jsonl").read_text())
    wait_until(lambda: process_of(folder).cpu_times().user > 0.05)
    monkeypatch.setattr(queue_module, patience, -1.0)

    jobs.stop(folder)

    def ended() -> bool:
        jobs.tend()
        return jobs.view(folder).state in ("stopped", "interrupted")

    wait_until(ended)


def test_the_same_key_is_the_same_job_also_when_pressed_at_the_same_moment(workspace, submit):
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: submit(key="double click"), range(8)))

    assert len(set(folders)) == 1
    assert workspace.names("runs") == ["r1"]


def test_different_keys_are_different_jobs(submit):
    assert submit(key="one") != submit(key="two")


def test_a_failure_journals_the_sentence_of_its_error(jobs, submit):
    folder = submit(go=3, fails="Row 7 is empty. Remove it.")

    wait_until(lambda: jobs.view(folder).state == "failed")

    assert jobs.view(folder).reason == "Row 7 is empty. Remove it."


def test_a_bug_is_named_and_its_traceback_is_in_the_log(jobs, submit):
    folder = submit(go=3, bug=True)

    wait_until(lambda: jobs.view(folder).state == "failed")

    assert "ZeroDivisionError" in str(jobs.view(folder).reason)
    assert "Traceback" in (folder / "worker.log").read_text()


def test_only_the_end_of_what_a_worker_printed_is_read(jobs, submit):
    folder = submit(go=3)
    wait_until(lambda: jobs.view(folder).state == "finished")
    (folder / "worker.log").write_bytes(b"x" * 100_000 + b"\nbroken \xff\nlast line\n")

    assert jobs.view(folder).printed(2) == ["broken \ufffd", "last line"]
    assert sum(map(len, jobs.view(folder).printed())) < 20_000


def test_a_finished_job_cannot_be_resumed_and_an_active_one_not_deleted(jobs, submit):
    folder = submit()
    with pytest.raises(JobIsActive, match="Stop it first"):
        jobs.refuse_if_active(folder)
    allow(folder, 3)
    wait_until(lambda: jobs.view(folder).state == "finished")

    jobs.refuse_if_active(folder)
    with pytest.raises(JobNotResumable, match="r1 is finished"):
        jobs.resume(folder)


def test_the_job_goes_on_when_the_process_that_started_it_is_gone(workspace, jobs):
    folder = workspace.new_folder("runs", "r")
    write_json(folder / "config.json", {"steps": 1})
    start = (
        "from pathlib import Path; from chatui.jobs import Jobs; import sys;"
        f"Jobs(Path(sys.argv[1])).submit('train', {MODULE!r}, lambda: Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", start, str(workspace.root), str(folder)], check=True)
    assert jobs.view(folder).state == "running"

    allow(folder, 1)

    wait_until(lambda: jobs.view(folder).state == "finished")


def test_a_line_cut_by_a_kill_is_skipped_and_does_not_swallow_the_next(tmp_path):
    journal = Journal(tmp_path)
    journal.append("step", step=1, steps=9)
    with journal.path.open("a") as file:
        file.write('{"kind": "ste')

    journal.append("step", step=2, steps=9)

    assert [event["step"] for event in journal.events()] == [1, 2]


def test_a_journal_refuses_numbers_that_json_does_not_know(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        Journal(tmp_path).append("step", loss=float("nan"))


def test_the_time_left_is_a_range_once_five_steps_show_a_pace(tmp_path):
    write_json(tmp_path / "job.json", {"kind": "train", "module": MODULE})
    write_json(tmp_path / "process.json", {"pid": 0, "created": 0, "machine": "elsewhere"})
    (tmp_path / "heartbeat").touch()
    lines = [{"kind": "started", "at": 0.0}]
    lines += [{"kind": "step", "at": 10.0 * n, "step": n, "steps": 20} for n in range(1, 11)]
    (tmp_path / "events.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")

    low, high = Jobs(tmp_path.parent.parent).view(tmp_path).seconds_left()

    assert low == pytest.approx(100)
    assert high == pytest.approx(110)


def test_jobs_that_wait_change_places_and_the_one_that_runs_does_not(jobs, submit):
    running, *waiting = [submit() for _ in range(4)]
    a, b, c = waiting

    jobs.move(c, -2)
    assert [view.folder for view in jobs.active()] == [running, c, a, b]
    jobs.move(c, 1)
    jobs.move(running, 1)
    jobs.move(b, -9)
    assert [view.folder for view in jobs.active()] == [running, b, a, c]
