"""What a run starts from: a base model with a template that was chosen for it, or an adapter."""

from pathlib import Path

import pytest

from chatui.jobs import Task
from chatui.model.catalog import chat_template, find_base
from chatui.model.engine import Engine
from chatui.model.hashes import template_hash
from chatui.train.worker.training import train
from tests.tiny_model import make_tiny_base
from tests.train.conftest import SMALL, Bench, made


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A base model that brings no chat template."""
    folder = make_tiny_base(tmp_path / "bare")
    (folder / "chat_template.jinja").unlink()
    return folder


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
