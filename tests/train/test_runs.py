"""Runs from start to end: they learn, survive kills, stop and go on, and say how they stand."""

import errno
import json
import math
import os
import random
import shutil
import signal
from collections.abc import Callable
from unittest.mock import patch

import pytest
import torch
from safetensors import SafetensorError

from chatui.errors import (
    BadName,
    CannotContinue,
    CannotTrain,
    DiskFull,
    JobIsActive,
    JobNotResumable,
    LossNotFinite,
    NotFound,
)
from chatui.jobs import Task
from chatui.jobs.worker import in_words
from chatui.model.catalog import find_base
from chatui.model.engine import Engine
from chatui.model.requests import Item
from chatui.train.record import RunRecord, checkpoints_folder
from chatui.train.worker import saving
from chatui.train.worker.saving import last_checkpoint
from chatui.train.worker.trainer import ReplyTrainer
from chatui.train.worker.training import train
from chatui.workspace import read_json
from tests.conftest import wait_until
from tests.jobs.test_jobs import process_of
from tests.train.conftest import Bench, made, trained

pytestmark = pytest.mark.slow
Start = Callable[..., str]


def steps_of(bench: Bench, run: str) -> list[int]:
    return [int(e["step"]) for e in bench.runs.view(run).job.of_kind("step") if "loss" in e]


def finish(bench: Bench, run: str) -> None:
    wait_until(lambda: not bench.runs.view(run).job.is_active, 90, f"{run} has ended")


def test_a_run_learns_journals_and_leaves_an_adapter_that_is_better_than_the_base(bench, start):
    run = start(epochs=4, learning_rate=0.01)
    finish(bench, run)

    view = bench.runs.view(run)

    assert view.state == "finished", view.sentence
    assert (view.step, view.steps) == (len(steps_of(bench, run)), view.steps)
    assert view.validation_perplexity < view.base_perplexity
    assert view.sentence.startswith("r1 is done: validation perplexity fell from")
    assert view.tokens_per_second > 0
    assert view.peak_memory_mb > 0
    assert [p.step for p in view.curve if p.kind == "validation"][0] == 0
    _the_kept_adapter_has_the_perplexity_that_was_journalled(bench, view)
    config = json.loads((view.adapter / "adapter_config.json").read_text())
    assert str(bench.workspace.root) not in config["base_model_name_or_path"]
    assert not config["base_model_name_or_path"].startswith("/")


def _the_kept_adapter_has_the_perplexity_that_was_journalled(bench, view) -> None:
    engine = Engine.open(find_base(view.base))
    adapter = engine.attach(view.adapter)
    assert adapter == view.adapter_hash
    rows = bench.datasets.conversations(view.dataset, "validation")
    found = engine.likelihoods([Item(row.turns, adapter) for row in rows])
    loss = sum(f.nats for f in found) / sum(f.tokens for f in found)
    assert math.exp(loss) == pytest.approx(view.validation_perplexity, rel=0.02)


def killed_when(bench: Bench, run: str, condition: Callable[[], object], what: str) -> None:
    """Kill a run's worker with −9 as soon as something is so."""
    wait_until(condition, 180, what)
    process_of(bench.runs.view(run).job.folder).kill()
    wait_until(lambda: bench.runs.view(run).state != "running")


def the_same(bench: Bench, run: str, undisturbed: str) -> None:
    """Weights, losses, measurements: all as if nothing had happened."""
    view, whole = bench.runs.view(run), bench.runs.view(undisturbed)
    assert view.state == "finished", view.sentence
    assert view.adapter_hash == whole.adapter_hash
    # Weights, optimizer, schedule, order of the rows and random numbers all went on.
    assert view.curve == whole.curve
    assert (view.best_step, view.validation_loss) == (whole.best_step, whole.validation_loss)
    assert steps_of(bench, run)[-1] == view.steps


RANDOM = {"lora_dropout": 0.1, "neftune_noise": 5.0}  # what draws random numbers
DISTURBED = {"epochs": 6, "evaluations": 6, "batch_tokens": 64, **RANDOM}  # steps in pieces


def test_a_run_that_is_killed_three_times_learns_the_same_bit_for_bit(bench, start):
    undisturbed = trained(bench, start, **DISTURBED)
    killed = start(**DISTURBED)

    def happened(kind: str, count: int) -> bool:
        return len(bench.runs.view(killed).job.of_kind(kind)) >= count

    killed_when(bench, killed, lambda: happened("evaluation", 1), "it has measured")
    before = bench.runs.view(killed)
    assert before.state == "interrupted"
    assert f"interrupted at step {before.step} of" in before.sentence
    bench.runs.resume(killed)
    # A checkpoint that is just being written, then a few steps beyond one.
    killed_when(bench, killed, lambda: happened("evaluation", 4), "it measures again")
    bench.runs.resume(killed)
    done = len(steps_of(bench, killed))
    killed_when(bench, killed, lambda: len(steps_of(bench, killed)) >= done + 3, "steps")
    bench.runs.resume(killed)
    finish(bench, killed)

    the_same(bench, killed, undisturbed)


@pytest.mark.long
def test_a_run_that_is_killed_twenty_times_at_random_learns_the_same_bit_for_bit(bench, start):
    often = {"epochs": 30, "evaluations": 30, "checkpoint_minutes": 0.02, **RANDOM}
    undisturbed = trained(bench, start, **often)
    killed, draw = start(**often), random.Random(7)

    for _ in range(20):
        lines = len(bench.runs.view(killed).job.events)
        wanted = lines + draw.randint(1, 25)
        killed_when(
            bench,
            killed,
            lambda wanted=wanted: (
                len(bench.runs.view(killed).job.events) >= wanted
                or not bench.runs.view(killed).job.is_active
            ),
            "something has happened",
        )
        if bench.runs.view(killed).state == "finished":
            break
        bench.runs.resume(killed)
    finish(bench, killed)

    the_same(bench, killed, undisturbed)


def test_a_stopped_run_keeps_what_it_learned_and_goes_on_later(bench, start):
    run = start(epochs=30, evaluations=1)
    wait_until(lambda: len(steps_of(bench, run)) >= 2, 60, "two steps")

    bench.runs.stop(run)
    finish(bench, run)

    view = bench.runs.view(run)
    assert view.state == "stopped"
    assert view.adapter is not None
    assert f"stopped at step {view.step} of {view.steps}" in view.sentence
    with pytest.raises(JobNotResumable):
        bench.runs.resume(trained(bench, start, epochs=1, evaluations=1))
    bench.runs.resume(run)
    wait_until(lambda: bench.runs.view(run).step > view.step, 60, "it went on")
    assert steps_of(bench, run) == list(range(1, len(steps_of(bench, run)) + 1))


def test_a_terminated_worker_reads_stopped(bench, start):
    run = start(epochs=100, evaluations=1)
    wait_until(lambda: steps_of(bench, run), 60, "a step")

    process_of(bench.runs.view(run).job.folder).send_signal(signal.SIGTERM)

    finish(bench, run)
    assert bench.runs.view(run).state == "stopped"


def test_the_same_key_is_one_run_and_an_active_run_is_not_deleted(bench, start):
    first, second = start(key="click", epochs=50), start(key="click", epochs=50)

    assert first == second
    assert len(bench.runs.all()) == 1
    with pytest.raises(JobIsActive):
        bench.runs.delete(first)


def test_a_run_can_be_renamed_and_deleted_and_its_number_is_not_its_name(bench, start):
    run = trained(bench, start, epochs=1, evaluations=1)

    bench.runs.rename(run, "Support bot")
    assert (bench.runs.view(run).id, bench.runs.view(run).name) == (run, "Support bot")
    with pytest.raises(BadName):
        bench.runs.rename(run, "../x")
    assert bench.runs.disk_use(run) > 1000

    bench.runs.delete(run)
    with pytest.raises(NotFound, match="no run called"):
        bench.runs.view(run)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_what_was_good(bench, start, monkeypatch):
    learn = ReplyTrainer.compute_loss

    def astray(self, *args: object, **options: object) -> object:
        loss = learn(self, *args, **options)
        return loss * float("nan") if self.state.global_step >= 10 else loss

    monkeypatch.setattr(ReplyTrainer, "compute_loss", astray)
    task = made(bench, start, evaluations=4)

    with pytest.raises(LossNotFinite, match=r"at step 11 .* smaller learning rate .* is kept"):
        train(task)

    _is_kept_and_can_be_resumed(bench, task, 8)


def _is_kept_and_can_be_resumed(bench: Bench, task: Task, step: int) -> None:
    view = bench.runs.view(task.folder.name)
    assert view.best_step >= step  # measured and kept before a checkpoint is written
    assert view.adapter is not None
    assert last_checkpoint(checkpoints_folder(task.folder)).name == f"checkpoint-{step}"


def test_nothing_is_promised_where_nothing_was_learned(bench, start, monkeypatch):
    monkeypatch.setattr("chatui.train.worker.journalist.math.isfinite", lambda value: False)

    with pytest.raises(LossNotFinite, match="Nothing was learned before"):
        train(made(bench, start))


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("owner", "name", "failure"),
    [
        (saving, "save_file", FULL),
        (torch, "save", FULL),
        (os, "fsync", FULL),
        # How torch 2.13 and safetensors 0.8 say it, heard on a full file system of 1 MB.
        (
            torch,
            "save",
            RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
        ),
        (
            saving,
            "save_file",
            SafetensorError("I/O error: No space left on device (os error 28)"),
        ),
    ],
)
def test_a_full_disk_ends_the_run_with_a_sentence_and_keeps_what_was_good(
    bench, start, monkeypatch, owner, name, failure
):
    task = made(bench, start, evaluations=4)
    real = getattr(owner, name)

    def full(*args: object, **options: object) -> object:
        known = [e["step"] for e in task.journal.events() if e["kind"] == "checkpoint"]
        if 8 in known:
            raise failure
        return real(*args, **options)

    monkeypatch.setattr(owner, name, full)
    with pytest.raises(DiskFull, match="The disk is full"):
        train(task)

    _is_kept_and_can_be_resumed(bench, task, 8)


def test_running_out_of_memory_is_told_as_such_and_keeps_what_was_good(bench, start, monkeypatch):
    learn = ReplyTrainer.compute_loss

    def exhausted(self, *args: object, **options: object) -> object:
        if self.state.global_step >= 10:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you")
        return learn(self, *args, **options)

    monkeypatch.setattr(ReplyTrainer, "compute_loss", exhausted)
    task = made(bench, start, evaluations=4)

    with pytest.raises(MemoryError) as caught:
        train(task)

    assert "a smaller batch or shorter conversations" in in_words(caught.value)
    _is_kept_and_can_be_resumed(bench, task, 8)


def test_a_dataset_that_changed_since_the_start_is_refused(bench, start):
    task = made(bench, start)
    record = RunRecord.read(task.folder)
    record.model_copy(update={"dataset_sha256": "other"}).write(task.folder)

    with pytest.raises(Exception, match="changed since this run"):
        train(task)


def test_a_checkpoint_that_a_kill_left_unfinished_is_not_resumed_from(bench, start):
    run = trained(bench, start, epochs=1, evaluations=1)
    checkpoints = bench.runs.view(run).job.folder / "checkpoints"
    from chatui.train.worker.saving import last_checkpoint, mark_complete

    for step in (3, 5, 8):
        (checkpoints / f"checkpoint-{step}").mkdir(parents=True, exist_ok=True)
    mark_complete(checkpoints / "checkpoint-3")
    mark_complete(checkpoints / "checkpoint-5")

    assert last_checkpoint(checkpoints) == checkpoints / "checkpoint-5"
    assert not (checkpoints / "checkpoint-8").exists()


def test_plain_peft_loads_the_adapter(bench, start):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    view = bench.runs.view(trained(bench, start, epochs=1, evaluations=1))
    elsewhere = shutil.copytree(view.adapter, bench.workspace.exports / "adapter")

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(view.base), elsewhere)

    assert model.peft_config["default"].r == 4
    assert read_json(elsewhere / "adapter_config.json")["inference_mode"] is True


def test_a_continued_run_begins_where_the_other_ended_and_never_gets_worse(bench, start):
    first = trained(bench, start, epochs=3, learning_rate=0.01)
    with patch.object(bench.jobs, "submit", lambda kind, module, make, **more: make()):
        second = bench.runs.continue_run(first, {"epochs": 1, "learning_rate": 0.02, "seed": 5})
    bench.runs.delete(first)  # it has its own copy
    task = Task(bench.workspace.existing("runs", second))
    task.journal.begin()

    train(task)

    view = bench.runs.view(second)
    assert view.continues == first
    began = view.job.of_kind("evaluation")[0]
    assert (began["step"], began["best"]) == (0, True)
    assert view.validation_perplexity <= began["perplexity"]
    assert view.steps == 8


def test_a_run_is_continued_only_with_an_adapter_and_the_same_shape_of_it(bench, start):
    without = made(bench, start).folder.name
    with pytest.raises(CannotContinue, match="no final adapter yet"):
        bench.runs.continue_run(without, {})
    run = trained(bench, start, epochs=1, evaluations=1)
    with pytest.raises(CannotContinue, match="another lora_rank, dora"):
        bench.runs.continue_run(run, {"lora_rank": 8, "dora": True})
    with pytest.raises(CannotTrain, match="both 0"):
        bench.runs.continue_run(run, {"epochs": 0})


def test_a_run_that_is_discarded_while_it_runs_leaves_nothing(bench, start):
    run = start(epochs=100, evaluations=1)
    wait_until(lambda: steps_of(bench, run), 60, "a step")

    bench.runs.discard(run)

    wait_until(lambda: not bench.runs.all(), 60, "it is gone")
    assert list((bench.workspace.root / "runs").iterdir()) == []
