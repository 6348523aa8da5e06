"""How many processes a run gets, how they are started, and what keeps them from starting."""

from pathlib import Path

import pytest

from chatui.errors import CannotTrain
from chatui.jobs.process import command
from chatui.jobs.queue import describe
from chatui.model.catalog import STARTER, find_base
from chatui.settings import Place, this_place
from chatui.train import launching
from chatui.train.config import TrainConfig
from chatui.train.hardware import Hardware
from chatui.train.launching import Launch, is_sharded, launch_problems
from chatui.train.memory import Memory
from chatui.train.record import RunRecord
from tests.train.conftest import SMALL

TWO_GPUS = Hardware(cores=8, memory_mb=64_000, has_gpu=True, gpus=2)
TWO_CORES = Hardware(cores=2, memory_mb=16_000, has_gpu=False)


@pytest.fixture
def here(monkeypatch):
    """This machine becomes another one."""

    def becomes(hardware: Hardware, free_mb: int = 10_000) -> None:
        memory = Memory(600, 8_000, 100, 500, free_mb, checkpoints=False)
        monkeypatch.setattr(Hardware, "here", classmethod(lambda cls: hardware))
        monkeypatch.setattr(launching, "memory_for", lambda config, base: memory)

    return becomes


@pytest.mark.parametrize(
    ("hardware", "launch", "told"),
    [
        (TWO_CORES, Launch(0), "Processes is 0. Set it to 1 or more."),
        (TWO_CORES, Launch(3), "this machine has 2 cores. Set it to 2 or less"),
        (TWO_GPUS, Launch(3), "this machine has 2 GPUs. Set it to 2 or less"),
        (TWO_CORES, Launch(1, sharded=True), "there is 1. Set processes to 2."),
    ],
)
def test_what_cannot_start_is_told_with_the_way_out(here, hardware, launch, told):
    here(hardware)

    (problem,) = launch_problems(launch)

    assert problem.field == "processes"
    assert told in problem.sentence


@pytest.mark.parametrize("launch", [Launch(1), Launch(2), Launch(64, is_here=False)])
def test_what_can_start_is_no_problem(here, launch):
    here(TWO_CORES)

    assert launch_problems(launch) == []


@pytest.mark.parametrize(
    ("hardware", "free_mb", "launch", "expected"),
    [
        (TWO_GPUS, 9_000, Launch(2), True),
        (TWO_GPUS, 20_000, Launch(2), False),
        (TWO_GPUS, 9_000, Launch(1), False),
        (TWO_GPUS, 9_000, Launch(2, sharded=False), False),
        (TWO_CORES, 9_000, Launch(2), False),
        (TWO_CORES, 20_000, Launch(2, sharded=True), True),
    ],
)
def test_a_model_that_no_gpu_holds_is_divided_unless_somebody_says_otherwise(
    here, hardware, free_mb, launch, expected
):
    here(hardware, free_mb)

    assert is_sharded(launch, TrainConfig(), find_base(STARTER)) is expected


def test_one_process_is_started_as_before_and_several_under_torchrun(tmp_path):
    describe(tmp_path, "train", "some.worker")
    alone = command(tmp_path, "some.worker")
    describe(tmp_path, "train", "some.worker", 2)
    together = command(tmp_path, "some.worker")

    assert alone[1:] == ["-m", "some.worker", str(tmp_path)]
    assert together[1:4] == ["-m", "torch.distributed.run", "--nproc-per-node=2"]
    assert together[-3:] == alone[-3:]


def test_a_process_knows_its_place_by_what_torchrun_says(monkeypatch):
    assert this_place() == Place(rank=0, processes=1, is_launched=False)

    for name, value in {"RANK": 3, "WORLD_SIZE": 4, "LOCAL_RANK": 1}.items():
        monkeypatch.setenv(name, str(value))
    assert not this_place().is_launched
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")

    assert this_place() == Place(rank=3, processes=4, on_machine=1, is_launched=True)


def test_a_run_is_made_for_many_machines_and_says_how_to_start_it(bench, tiny_base):
    launch = Launch(16, sharded=True, is_here=False)

    run = bench.runs.start(bench.dataset.id, SMALL, str(tiny_base), launch=launch)

    view = bench.runs.view(run)
    assert (view.state, view.processes, view.sharded) == ("stopped", 16, True)
    assert (view.chosen["processes"], view.chosen["sharded"]) == (16, True)
    assert bench.jobs.active() == []
    assert bench.runs.by_hand(run).startswith("torchrun --nproc_per_node 16 -m chatui.train.worker")
    assert bench.runs.by_hand(run).endswith(f"/runs/{run}")


def test_a_run_that_has_not_begun_goes_on_with_any_number(bench, tiny_base, monkeypatch):
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    config = SMALL.model_copy(update={"lora_dropout": 0.1})
    run = bench.runs.start(
        bench.dataset.id, config, str(tiny_base), launch=Launch(16, is_here=False)
    )

    with pytest.raises(CannotTrain, match="Processes is 5000"):
        bench.runs.resume(run, Launch(5000))
    assert bench.runs.view(run).processes == 16
    bench.runs.resume(run, Launch(1))

    folder = bench.workspace.existing("runs", run)
    assert RunRecord.read(folder).processes == 1
    assert command(folder, "m")[1:] == ["-m", "m", str(folder)]


def test_a_record_from_before_there_were_several_is_of_one(tmp_path: Path):
    record = RunRecord(
        dataset="d-v1",
        dataset_sha256="x",
        base=STARTER,
        config=TrainConfig(),
        created_at="2026-01-01T00:00:00+00:00",
    )
    known = record.model_dump()
    del known["processes"], known["sharded"]

    assert RunRecord.model_validate(known) == record


def test_the_command_names_the_processes(bench):
    line = bench.runs.command("shop-v1", TrainConfig(), launch=Launch(2))

    assert line == "python -m chatui train shop-v1 --processes 2"


@pytest.mark.parametrize(
    ("options", "told"),
    [({"privacy_epsilon": 8.0}, "Privacy takes one"), ({"method": "dpo"}, "preferences takes one")],
)
def test_what_learns_alone_is_refused_several_processes(here, options, told):
    here(TWO_GPUS)
    config = TrainConfig(**options)

    (problem,) = launch_problems(Launch(2), STARTER, config)

    assert told in problem.sentence
    assert launch_problems(Launch(1), STARTER, config) == []


def test_memory_is_asked_of_this_machine_only_for_what_it_holds_alone(
    bench, tiny_base, monkeypatch
):
    from chatui.train.problem import Problem

    monkeypatch.setattr(
        bench.runs.forecast, "too_large", lambda *given: Problem("base", "It does not fit.")
    )
    config = SMALL

    def told(launch: Launch) -> list[str]:
        problems = bench.runs.problems(bench.dataset.id, config, str(tiny_base), launch=launch)
        return [problem.sentence for problem in problems]

    assert "It does not fit." in told(Launch())
    assert "It does not fit." not in told(Launch(16, sharded=True, is_here=False))
    assert "It does not fit." not in told(Launch(flavor="a10g-small"))
