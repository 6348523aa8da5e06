"""Private runs from start to end: what they spend, what they say of it, and what kills change."""

import stat
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from chatui.errors import AdapterDoesNotLearn, PrivacyStateLost
from chatui.jobs import JobStopped, Task
from chatui.model.encoding import EncodedRow
from chatui.train.privacy import mechanism_for, told
from chatui.train.record import RunRecord, checkpoints_folder
from chatui.train.worker.private import private_run
from chatui.train.worker.private_card import card
from chatui.train.worker.private_gradients import RowGradients
from chatui.train.worker.rows import Encoded
from chatui.train.worker.saving import last_checkpoint
from chatui.train.worker.training import train
from chatui.workspace import read_json, write_json
from tests.train.conftest import Bench, made, make_dataset, trained
from tests.train.test_runs import finish, killed_when, steps_of, the_same

pytestmark = pytest.mark.slow
ROWS = 270
PRIVATE: dict[str, object] = {
    "privacy_epsilon": 8.0,
    "packing": False,
    "batch_size": 16,
    "epochs": 0,
    "max_steps": 12,
    "learning_rate": 0.01,
    "lora_dropout": 0.1,
}
Start = Callable[..., str]


@pytest.fixture
def bench(bench: Bench, tmp_path: Path) -> Bench:
    """A workspace whose version has enough conversations to hide one among them."""
    dataset = make_dataset(bench.datasets, tmp_path, ROWS, "Crowd")
    return Bench(bench.workspace, bench.jobs, bench.datasets, bench.runs, dataset)


def folder_of(bench: Bench, run: str) -> Path:
    return bench.workspace.existing("runs", run)


def card_of(bench: Bench, run: str) -> str:
    return (folder_of(bench, run) / "adapter" / "README.md").read_text(encoding="utf-8")


def stopped_at(step: int):
    """Have Stop pressed once a step is done."""
    return patch.object(
        Task,
        "should_stop",
        property(lambda task: any(e["kind"] == "step" and e["step"] >= step for e in events(task))),
    )


def events(task: Task) -> list[dict[str, object]]:
    return list(task.journal.events())


def test_a_private_run_learns_and_says_what_it_has_spent_in_its_view_and_its_card(bench, start):
    run = trained(bench, start, **PRIVATE)

    view = bench.runs.view(run)
    rows = bench.dataset.splits["train"]
    mechanism = mechanism_for(view.config, rows)
    assert view.steps == 12
    assert view.validation_perplexity < view.base_perplexity
    assert view.spent.epsilon == mechanism.spent(12)
    assert view.spent.delta == 1 / rows
    assert 7.98 < view.spent.epsilon <= 8
    so_far = [float(str(e["epsilon"])) for e in view.job.of_kind("spent")]
    assert so_far == sorted(so_far)
    assert len(so_far) == 12

    assert f"It has spent ε {told(view.spent.epsilon)} of each" in view.sentence
    said = card_of(bench, run)
    assert f"({told(view.spent.epsilon)}, {1 / rows:.3g})-differential privacy" in said
    assert "| unit | one conversation: there or not there |" in said
    for uncovered in (
        "people with several conversations",
        "finding duplicates, balancing",
        "ended early",
        "the best of several runs",
        "base model",
        "not cryptographically secure",
    ):
        assert uncovered in " ".join(said.split())


def test_noise_comes_from_a_secret_that_only_the_owner_reads_and_that_is_forgotten(bench, start):
    task = made(bench, start, **PRIVATE)
    kept = task.folder / "privacy.json"

    with stopped_at(3), pytest.raises(JobStopped):
        train(task)
    held = read_json(kept)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(str(held["secret"])) == 32
    train(task)

    assert "secret" not in read_json(kept)
    texts = [p for p in task.folder.rglob("*") if p.suffix in {".json", ".jsonl", ".md"}]
    assert len(texts) > 5
    assert all(str(held["secret"]) not in p.read_text(encoding="utf-8") for p in texts)


def test_a_conversation_that_is_read_twice_is_told_to_the_owner_and_not_in_the_card(bench, start):
    """The number of copies is a fact about the data, and the card is for everybody."""
    task = made(bench, start, **PRIVATE)
    one, other = EncodedRow([1, 2], [False, True]), EncodedRow([1, 3], [False, True])
    rows = Encoded([one, other, one, one], {"none": 212}, 0)

    record = RunRecord.read(task.folder)
    private = private_run(task, record.config, rows)

    logged = [str(e["text"]) for e in task.journal.events() if e["kind"] == "log"]
    assert "One conversation is read 3 times: for it, ε is 3 times as much" in logged
    assert "3 times" not in card(private, record, "tiny", 12)


def test_the_card_of_a_run_that_went_on_from_another_names_it(bench, start):
    task = made(bench, start, **PRIVATE)
    record = RunRecord.read(task.folder)
    private = private_run(task, record.config, Encoded([], {"none": 216}, 0))

    went_on = card(private, record.model_copy(update={"continues": "r7"}), "tiny", 12)

    assert "the adapter of run r7" in went_on
    assert "the ε of both add up" in went_on
    assert "add up" not in card(private, record, "tiny", 12)


def test_a_private_run_computes_its_activations_twice_where_memory_is_short(bench, start):
    run = trained(bench, start, **{**PRIVATE, "max_steps": 3, "activation_checkpointing": "on"})

    assert bench.runs.view(run).step == 3
    assert bench.runs.view(run).adapter is not None


def test_two_runs_with_the_same_seed_draw_other_rows_and_other_noise(bench, start):
    one, other = (trained(bench, start, **{**PRIVATE, "max_steps": 2}) for _ in range(2))

    drawn = [
        [e["tokens"] for e in bench.runs.view(run).job.of_kind("step") if "loss" in e]
        for run in (one, other)
    ]
    assert drawn[0] != drawn[1]
    assert bench.runs.view(one).adapter_hash != bench.runs.view(other).adapter_hash


def test_a_private_run_that_is_killed_spends_and_learns_the_same_bit_for_bit(bench, start):
    whole = made(bench, start, **PRIVATE)
    config = bench.runs.view(whole.folder.name).config
    nothing = Encoded([], {"none": bench.dataset.splits["train"]}, 0)
    private_run(whole, config, nothing)  # draws the secret
    state = read_json(whole.folder / "privacy.json")
    train(whole)
    whole.journal.append("finished")

    submit = bench.jobs.submit

    def planted(kind: str, module: str, make: Callable[[], Path], **more: object) -> Path:
        def make_with_the_same_secret() -> Path:
            folder = make()
            write_json(folder / "privacy.json", state)
            return folder

        return submit(kind, module, make_with_the_same_secret, **more)

    with patch.object(bench.jobs, "submit", planted):
        killed = start(**PRIVATE)
    for steps in (3, 7):
        killed_when(bench, killed, lambda n=steps: len(steps_of(bench, killed)) >= n, "steps")
        # What a kill leaves behind claims what the whole run may spend, and no less.
        assert "| steps | 12, each" in card_of(bench, killed)
        bench.runs.resume(killed)
    finish(bench, killed)

    the_same(bench, killed, whole.folder.name)
    assert bench.runs.view(killed).spent == bench.runs.view(whole.folder.name).spent
    assert card_of(bench, killed) == card_of(bench, whole.folder.name)


def test_a_stopped_run_has_spent_less_and_goes_on_counting_where_it_was(bench, start):
    task = made(bench, start, **PRIVATE)
    with stopped_at(5), pytest.raises(JobStopped):
        train(task)
    run = task.folder.name

    rested = bench.runs.view(run)
    mechanism = mechanism_for(rested.config, bench.dataset.splits["train"])
    assert rested.spent.epsilon == mechanism.spent(5)
    assert f"({told(mechanism.spent(5))}, " in card_of(bench, run)
    checkpoint = last_checkpoint(checkpoints_folder(task.folder))
    assert read_json(checkpoint / "privacy.json")["taken"] == 5

    train(task)
    assert bench.runs.view(run).spent.epsilon == mechanism.spent(12)


def test_a_run_whose_books_are_gone_or_not_its_own_is_not_resumed(bench, start):
    task = made(bench, start, **PRIVATE)
    with stopped_at(5), pytest.raises(JobStopped):
        train(task)
    books = last_checkpoint(checkpoints_folder(task.folder)) / "privacy.json"
    right = read_json(books)

    for wrong in ({**right, "noise": 0.1}, {**right, "taken": 4}, {"taken": 5}):
        write_json(books, wrong)
        with pytest.raises(PrivacyStateLost, match="can't be resumed"):
            train(task)
    books.unlink()
    with pytest.raises(PrivacyStateLost, match="does not say what was spent"):
        train(task)
    write_json(books, right)
    write_json(task.folder / "privacy.json", {})
    with pytest.raises(PrivacyStateLost, match="noise can't be drawn again"):
        train(task)


def test_a_tensor_that_does_not_move_in_the_first_step_ends_the_run(bench, start, monkeypatch):
    """As where the optimizer holds other tensors than the model: all looks well, nothing learns."""
    finish_step = RowGradients.finish

    def without_one(self: RowGradients, *how: object) -> None:
        finish_step(self, *how)
        name = next(name for name in self._learned if "lora_B" in name)
        self._learned[name].grad = None

    monkeypatch.setattr(RowGradients, "finish", without_one)
    task = made(bench, start, **PRIVATE)

    with pytest.raises(AdapterDoesNotLearn, match=r"1 of the adapter's tensors .*lora_B"):
        train(task)

    assert len(steps_of(bench, task.folder.name)) <= 2
    assert not (task.folder / "adapter" / "adapter_model.safetensors").exists()
