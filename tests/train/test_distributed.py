"""Two processes learn what one learns: with whole models (DDP) and with divided ones (FSDP2).

All of it in float32 with NF4 weights over gloo. The three runs that take processes are made once.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import psutil
import pytest
import torch
from safetensors.torch import load_file

from chatui.data.store import DatasetStore
from chatui.errors import LearnsAlone, OtherNumber, OtherTeam
from chatui.jobs import Jobs, Task
from chatui.model.catalog import find_base
from chatui.model.loading import load_base
from chatui.train import runs as runs_module
from chatui.train.launching import Launch
from chatui.train.record import RunRecord
from chatui.train.runs import RunStore
from chatui.train.worker.distributed import Team, check_learns_together, sharded
from chatui.train.worker.trainer import ReplyTrainer
from chatui.workspace import Workspace
from tests.conftest import wait_until
from tests.jobs.test_jobs import process_of
from tests.train.conftest import SMALL, Bench, end_workers, make_dataset
from tests.train.precise_worker import gradients_folder, train_precisely

pytestmark = pytest.mark.slow
# 32 rows, of which the last step has one: then a process has nothing to read.
STEPS = {"batch_size": 9, "learning_rate": 1e-4, "evaluations": 4, "checkpoint_minutes": 0.0001}
HELD_AT = 3  # where nothing is measured: a run that is stopped there would leave it out
EXACT = 1e-6


@pytest.fixture(scope="module")
def bench(tmp_path_factory, tiny_base) -> Iterator[Bench]:
    root = tmp_path_factory.mktemp("together")
    workspace = Workspace(root / "workspace")
    jobs, datasets = Jobs(workspace.root), DatasetStore(workspace)
    dataset = make_dataset(datasets, root, 40)
    with patch.object(runs_module, "WORKER", "tests.train.precise_worker"):
        yield Bench(workspace, jobs, datasets, RunStore(workspace, jobs, datasets), dataset)
    end_workers(workspace)


def started(bench: Bench, tiny_base: Path, launch: Launch, **options: object) -> str:
    config = SMALL.model_copy(update={**STEPS, **options})
    return bench.runs.start(bench.dataset.id, config, str(tiny_base), launch=launch)


def made(bench: Bench, tiny_base: Path, launch: Launch, **options: object) -> str:
    launch = Launch(launch.processes, launch.sharded, is_here=False)
    return started(bench, tiny_base, launch, **options)


def finished_here(bench: Bench, run: str) -> str:
    """Train a run in this process, alone, to its end."""
    task = Task(bench.workspace.existing("runs", run))
    task.journal.begin()
    train_precisely(task)
    task.journal.append("finished")
    return run


def wait_for_hold(bench: Bench, run: str) -> None:
    def is_held_or_over() -> object:
        job = bench.runs.view(run).job
        return job.of_kind("held") or not job.is_active

    wait_until(is_held_or_over, 240, f"{run} is held")
    assert bench.runs.view(run).job.of_kind("held"), bench.runs.view(run).sentence


def finish(bench: Bench, run: str) -> None:
    wait_until(lambda: not bench.runs.view(run).job.is_active, 240, f"{run} has ended")


def processes_of(bench: Bench, run: str) -> list[psutil.Process]:
    """torchrun, then the processes in the order of their ranks."""
    torchrun = process_of(bench.workspace.existing("runs", run))
    return [torchrun, *sorted(torchrun.children(), key=lambda process: process.pid)]


def all_gone(processes: list[psutil.Process]) -> None:
    wait_until(lambda: not any(is_there(process) for process in processes), 60, "all are gone")


def is_there(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def one(bench, tiny_base) -> str:
    """A run of one process."""
    return finished_here(bench, made(bench, tiny_base, Launch()))


@pytest.fixture(scope="module")
def two(bench, tiny_base) -> str:
    """A run of two processes, of which one was killed; then both began again."""
    hold = bench.workspace.root / "hold"
    hold.write_text(str(HELD_AT))
    run = started(bench, tiny_base, Launch(2))
    try:
        wait_for_hold(bench, run)
        processes = processes_of(bench, run)
        processes[-1].kill()
        all_gone(processes)
    finally:
        hold.unlink()
    finish(bench, run)
    lost = bench.runs.view(run)
    assert (lost.state, lost.step) == ("failed", HELD_AT - 1), lost.job.reason
    assert "One of the processes of this run ended before it was done" in lost.job.reason
    bench.runs.resume(run)
    finish(bench, run)
    return run


@pytest.fixture(scope="module")
def divided(bench, tiny_base) -> str:
    """A run of two processes that divide the base model, stopped, and finished by one."""
    hold = bench.workspace.root / "hold"
    hold.write_text(str(HELD_AT))
    run = started(bench, tiny_base, Launch(2, sharded=True), activation_checkpointing="on")
    try:
        wait_for_hold(bench, run)
        bench.runs.stop(run)
        processes = processes_of(bench, run)
    finally:
        hold.unlink()
    finish(bench, run)
    all_gone(processes)
    assert bench.runs.view(run).state == "stopped", bench.runs.view(run).sentence
    (bench.workspace.existing("runs", run) / "stop").unlink()
    with patch.object(bench.jobs, "resume", lambda folder, change: change()):
        bench.runs.resume(run, Launch())
    return finished_here(bench, run)


@pytest.mark.parametrize("together", ["two", "divided"])
def test_two_processes_learn_what_one_learns(bench, one, together, request):
    run = request.getfixturevalue(together)
    view, alone = bench.runs.view(run), bench.runs.view(one)

    assert view.state == "finished", view.sentence
    ours, theirs = gradients_folder(view.job.folder), gradients_folder(alone.job.folder)
    assert len(list(theirs.iterdir())) == alone.steps == 8
    for step in range(1, alone.steps + 1):
        truth = theirs / f"{step}-0"
        assert far(ours / f"{step}-0", truth) < EXACT
        if step <= HELD_AT or together == "two":  # the second process has the same
            assert far(ours / f"{step}-1", truth) < EXACT
    weights = "adapter_model.safetensors"
    assert far(view.adapter / weights, alone.adapter / weights) < EXACT


@pytest.mark.parametrize("together", ["two", "divided"])
def test_what_is_journalled_is_what_one_process_journals(bench, one, together, request):
    view, alone = bench.runs.view(request.getfixturevalue(together)), bench.runs.view(one)

    steps = [event for event in view.job.of_kind("step") if "loss" in event]
    assert [event["step"] for event in steps] == list(range(1, 9))
    for mine, other in zip(view.curve, alone.curve, strict=True):
        assert (mine.step, mine.kind) == (other.step, other.kind)
        assert mine.loss == pytest.approx(other.loss, rel=1e-5)
    for name in ("tokens", "reply_tokens"):
        assert [e[name] for e in steps] == [e[name] for e in alone.job.of_kind("step")[1:]]
    assert view.best_step == alone.best_step
    replies = [event["replies"] for event in view.job.of_kind("samples")]
    assert replies == [event["replies"] for event in alone.job.of_kind("samples")]


def test_the_journal_says_how_they_learned(bench, two, divided):
    assert "2 processes learn together" in bench.runs.view(two).log()
    said = "2 processes learn together, the base model divided among them"
    assert said in bench.runs.view(divided).log()


def far(path: Path, truth: Path) -> float:
    one, other = load_file(path), load_file(truth)
    assert one.keys() == other.keys()
    ours, theirs = (
        torch.cat([tensors[name].flatten() for name in sorted(one)]) for tensors in (one, other)
    )
    return float((ours - theirs).norm() / theirs.norm())


def test_a_worker_that_was_not_started_as_its_run_asks_refuses(bench, tiny_base):
    run = made(bench, tiny_base, Launch(2))

    with pytest.raises(OtherTeam, match="asks for 2 processes, and it was started with 1"):
        finished_here(bench, run)


def test_a_model_that_is_not_wrapped_as_asked_is_found_out(bench, tiny_base):
    run = made(bench, tiny_base, Launch(2))
    record = RunRecord.read(bench.workspace.existing("runs", run))
    team = Team(SimpleNamespace(rank=0, processes=2, is_launched=True))

    with pytest.raises(OtherTeam, match="not wrapped"):
        check_learns_together(torch.nn.Linear(1, 1), record, team)


def test_what_learns_in_another_way_is_not_given_to_several_processes():
    class Another(ReplyTrainer):
        """Its gradients are no sums over rows, for all that is known."""

    trainer = object.__new__(Another)
    trainer.team = Team(SimpleNamespace(rank=0, processes=2, is_launched=True))

    with pytest.raises(LearnsAlone, match="--processes 1"):
        trainer._wrap_model(torch.nn.Linear(1, 1))


def test_a_run_that_draws_random_numbers_goes_on_with_as_many_processes_only(bench, tiny_base):
    run = made(bench, tiny_base, Launch(2), lora_dropout=0.1)
    (bench.workspace.existing("runs", run) / "checkpoints" / "checkpoint-1").mkdir(parents=True)

    with pytest.raises(OtherNumber, match="began with 2 processes and draws random numbers"):
        bench.runs.resume(run, Launch())


def test_numbers_that_can_be_divided_are_the_same_numbers(tiny_base):
    whole = load_base(find_base(str(tiny_base))).model
    storable = load_base(find_base(str(tiny_base)), to_shard=True).model

    for one, other in zip(whole.parameters(), storable.parameters(), strict=True):
        assert torch.equal(*(p.contiguous().view(torch.uint8).flatten() for p in (one, other)))
    assert {p.dtype for p in storable.parameters()} == {storable.dtype}


def test_a_model_without_known_blocks_is_not_divided():
    model = SimpleNamespace(get_base_model=lambda: torch.nn.Linear(1, 1))

    with pytest.raises(Exception, match="does not say what its blocks are"):
        sharded(model)


@pytest.mark.parametrize(("processes", "items"), [(1, 3), (2, 3), (3, 7), (4, 2), (2, 0)])
def test_a_list_is_shared_out_whole_and_all_take_equally_many(processes, items):
    places = [SimpleNamespace(rank=r, processes=processes, is_launched=True) for r in range(9)]
    shares = [Team(place).share(list(range(items))) for place in places[:processes]]

    assert len({len(share) for share in shares}) == 1
    assert sorted(n for share in shares for n in share if n is not None) == list(range(items))
