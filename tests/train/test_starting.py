"""What a run starts from: a base model with a template that was chosen for it, or an adapter."""

import shutil
from pathlib import Path

import pytest

from chatui.cli import main
from chatui.errors import CannotContinue, CannotTrain
from chatui.jobs import Task
from chatui.model.catalog import chat_template, find_base
from chatui.model.engine import Engine
from chatui.model.hashes import template_hash
from chatui.model.requests import Item
from chatui.train.record import first_adapter_folder
from chatui.train.worker.training import train
from chatui.workspace import read_json, write_json
from tests.tiny_model import make_adapter, make_tiny_base
from tests.train.conftest import SMALL, Bench, made, make_dataset, trained


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A base model that brings no chat template."""
    folder = make_tiny_base(tmp_path / "bare")
    (folder / "chat_template.jinja").unlink()
    return folder


def items_of(bench: Bench, dataset: str) -> list[Item]:
    rows = bench.datasets.conversations(dataset, "validation")
    return [Item(row.turns, None) for row in rows]


def finished(task: Task) -> str:
    """Train a run in this process; returns its id."""
    train(task)
    task.journal.append("finished")
    return task.folder.name


def test_a_run_keeps_the_template_that_was_chosen_and_is_asked_with_it(bench: Bench, bare: Path):
    base = f"{bare}#inst"
    task = made(bench, lambda: bench.runs.start(bench.dataset.id, SMALL, base))

    run = bench.runs.view(finished(task))
    engine = Engine.open(find_base(run.base))

    assert run.base == base
    assert run.adapter is not None
    template = (run.adapter / "chat_template.jinja").read_text()
    assert template == chat_template(find_base(base)) == engine.encoder.tokenizer.chat_template
    encoded = run.job.of_kind("encoded")[0]
    assert encoded["template_hash"] == template_hash(find_base(base)) == engine.template_hash
    assert engine.attach(run.adapter) == run.adapter_hash
    assert f"--base '{base}'" in bench.runs.command(run.dataset, run.config, run.base)


@pytest.fixture
def adapter(tiny_base: Path, tmp_path: Path) -> Path:
    """An adapter that somebody brings, made on the tiny model with a rank of 4."""
    return make_adapter(tiny_base, tmp_path / "brought")


def test_a_run_goes_on_from_an_adapter_in_a_folder(bench, tiny_base, adapter, tmp_path):
    (adapter / "adapter_model.bin").write_bytes(b"a pickle that nobody opens")
    other = make_dataset(bench.datasets, tmp_path, 24, "Other")
    beginning = bench.runs.beginning(str(adapter))
    config = SMALL.model_copy(update={**beginning.options, "learning_rate": 1e-5})
    task = made(
        bench, lambda: bench.runs.start(other.id, config, beginning.base, beginning=beginning)
    )
    shutil.rmtree(adapter)  # the run has its own copy

    run = bench.runs.view(finished(task))

    names = {path.name for path in first_adapter_folder(task.folder).iterdir()}
    assert names == {"adapter_config.json", "adapter_model.safetensors"}
    assert (run.dataset, run.continues, run.base) == (other.id, str(adapter), str(tiny_base))
    began = run.job.of_kind("evaluation")[0]
    assert (began["step"], began["best"]) == (0, True)
    engine = Engine.open(find_base(run.base))
    fresh = sum(each.nats for each in engine.likelihoods(items_of(bench, other.id)))
    assert began["loss"] * began["tokens"] != pytest.approx(fresh, rel=0.01)


def test_what_made_the_adapter_is_read_from_its_files(bench, tiny_base, adapter):
    beginning = bench.runs.beginning(str(adapter))

    assert beginning.base == str(tiny_base)
    assert beginning.options == {
        "target_layers": "all-linear",
        "top_layers": 0,
        "lora_rank": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.0,
        "rslora": False,
        "dora": False,
    }
    config = SMALL.model_copy(update={**beginning.options, "lora_rank": 16})
    with pytest.raises(CannotTrain, match=r"LoRA rank is 16 and the adapter of .* made with 4"):
        bench.runs.start(bench.dataset.id, config, beginning.base, beginning=beginning)


def test_an_own_adapter_names_its_base_and_brings_its_template(bench, bare, tmp_path):
    task = made(bench, lambda: bench.runs.start(bench.dataset.id, SMALL, f"{bare}#inst"))
    run = bench.runs.view(finished(task))
    taken = shutil.copytree(run.adapter, tmp_path / "taken")

    with pytest.raises(CannotContinue, match="made on 'bare', which is not known here"):
        bench.runs.beginning(str(taken))
    assert bench.runs.beginning(str(taken), str(bare)).base == f"{bare}#inst"
    assert bench.runs.beginning(run.id).base == run.base


def test_an_adapter_of_the_starter_finds_it(bench, adapter):
    described = read_json(adapter / "adapter_config.json")
    write_json(
        adapter / "adapter_config.json", described | {"base_model_name_or_path": "chatui/starter"}
    )

    with pytest.raises(CannotContinue, match="does not fit Starter: it was made on another base"):
        bench.runs.beginning(str(adapter))


def edited(folder: Path, **changes: object) -> Path:
    described = read_json(folder / "adapter_config.json")
    write_json(folder / "adapter_config.json", described | changes)
    return folder


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"peft_type": "IA3"}, "of kind IA3"),
        ({"modules_to_save": ["lm_head"]}, "other layers were trained beside it"),
        ({"rank_pattern": {"q_proj": 8}}, "different ranks"),
        ({"bias": "all"}, "biases were trained"),
        ({"base_model_name_or_path": "/home/else/model"}, "not known here: name its base model"),
        ({"base_model_name_or_path": None}, "it names no base: name its base model"),
    ],
)
def test_an_adapter_that_cannot_be_gone_on_from_says_why(bench, adapter, changes, reason):
    with pytest.raises(CannotContinue, match=reason):
        bench.runs.beginning(str(edited(adapter, **changes)))


def test_a_named_base_must_be_the_one_that_the_adapter_names(bench, adapter, tiny_base):
    edited(adapter, base_model_name_or_path="Qwen/Qwen2.5-0.5B-Instruct")

    with pytest.raises(CannotContinue, match="not on someone/other"):
        bench.runs.beginning(str(adapter), "someone/other")
    # A folder may be a copy of any model: there, the layers decide.
    assert bench.runs.beginning(str(adapter), str(tiny_base)).base == str(tiny_base)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("adapter_model.safetensors", None, "no adapter_model.safetensors"),
        ("adapter_model.safetensors", b"\xff" * 64, "weights are damaged"),
        ("adapter_model.safetensors", b"", "weights are damaged"),
        ("adapter_config.json", None, "no adapter_config.json"),
        ("adapter_config.json", b"{", "adapter_config.json is damaged"),
        ("adapter_config.json", b"[1]", "adapter_config.json is damaged"),
    ],
)
def test_files_that_are_missing_or_damaged_are_told(bench, adapter, name, content, reason):
    (adapter / name).unlink()
    if content is not None:
        (adapter / name).write_bytes(content)

    with pytest.raises(CannotContinue, match=reason):
        bench.runs.beginning(str(adapter))


def test_weights_in_a_pickle_are_refused(bench, adapter):
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")

    with pytest.raises(CannotContinue, match="a pickle, which could run code"):
        bench.runs.beginning(str(adapter))


def test_train_takes_an_adapter_with_all_that_made_it(bench, start, adapter, capsys):
    run = trained(bench, start, epochs=1, evaluations=1)
    where = ["--workspace", str(bench.workspace.root), "--json"]

    statuses = [
        main(["train", bench.dataset.id, "--from-adapter", name, "--set", "epochs=1",
              "--set", "learning_rate=0.001", "--set", "max_length=64", *where])
        for name in (str(adapter), run, "nowhere")
    ]  # fmt: skip

    printed = capsys.readouterr()
    assert statuses[:2] == [0, 0]
    assert statuses[2] != 0
    assert "no such run, no such folder" in printed.err
    begun = [bench.runs.view(name) for name in ("r2", "r3")]
    assert [each.continues for each in begun] == [str(adapter), run]
    assert [each.config.lora_rank for each in begun] == [4, 4]
