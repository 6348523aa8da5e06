"""Runs from start to end: they learn, survive kills, stop and go on, and say how they stand."""

import json
import math
import shutil
import signal
from collections.abc import Callable

import pytest

from chatui.errors import BadName, JobIsActive, JobNotResumable, NotFound
from chatui.model.catalog import find_base
from chatui.model.engine import Engine
from chatui.model.requests import Item
from chatui.train.record import RunRecord
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


def test_a_killed_run_reads_interrupted_resumes_at_its_checkpoint_and_learns_the_same(bench, start):
    options = {"epochs": 6, "evaluations": 6, "batch_tokens": 64}  # steps of more than one piece
    undisturbed = trained(bench, start, **options)
    killed = start(**options)
    wait_until(lambda: bench.runs.view(killed).job.of_kind("checkpoint"), 90, "a checkpoint")
    process_of(bench.runs.view(killed).job.folder).kill()
    wait_until(lambda: bench.runs.view(killed).state != "running")
    before = bench.runs.view(killed)
    assert before.state == "interrupted"
    assert f"interrupted at step {before.step} of" in before.sentence

    bench.runs.resume(killed)
    finish(bench, killed)

    view, whole = bench.runs.view(killed), bench.runs.view(undisturbed)
    assert view.state == "finished", view.sentence
    assert steps_of(bench, killed).count(1) == 1
    assert steps_of(bench, killed)[-1] == view.steps
    # The same losses as without the kill: weights, optimizer, schedule and order all went on.
    assert view.curve == whole.curve
    assert view.adapter_hash == whole.adapter_hash


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


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(bench, start, monkeypatch):
    monkeypatch.setattr("chatui.train.worker.trainer.math.isfinite", lambda value: False)

    with pytest.raises(Exception, match="smaller learning rate"):
        train(made(bench, start))


def test_running_out_of_memory_is_told_as_such(bench, start, monkeypatch):
    def exhausted(*args: object, **options: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")

    monkeypatch.setattr("chatui.train.worker.trainer.ReplyTrainer.compute_loss", exhausted)

    with pytest.raises(MemoryError):
        train(made(bench, start))


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
