"""What a run will take is counted before anything is loaded, and decides what "auto" means."""

from dataclasses import replace

import pytest
import torch

from chatui.jobs import Task
from chatui.model.catalog import bases_on_offer, find_base
from chatui.model.loading import load_base
from chatui.model.room import room_wanted
from chatui.model.shapes import shape_of
from chatui.train import memory
from chatui.train.config import TrainConfig
from chatui.train.memory import Memory, free_memory_mb, memory_for
from chatui.train.worker import checkpointing
from chatui.train.worker.adapting import with_adapter
from chatui.train.worker.rows import Encoded
from chatui.train.worker.training import train
from tests.train.conftest import SMALL, made

STARTER = find_base("starter")
PLENTY = 10**6


def needed(**options: object) -> int:
    config = TrainConfig(activation_checkpointing="off").model_copy(update=options)
    return memory_for(config, STARTER, free_mb=PLENTY).total_mb


def test_every_base_on_offer_has_an_estimate_before_it_is_downloaded():
    for base in bases_on_offer():
        assert memory_for(TrainConfig(), base, free_mb=PLENTY).verdict == "fits"
    assert memory_for(TrainConfig(), replace(STARTER, name="a/b", path="a/b")) is None


def test_a_shape_counts_the_weights_that_a_model_has(tiny_base):
    shape = shape_of(find_base(str(tiny_base)))
    model = with_adapter(load_base(find_base(str(tiny_base))).model, TrainConfig(lora_rank=4))

    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    frozen = sum(m.in_features * m.out_features for m in linear if "4bit" in type(m).__name__)
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert shape.linear_weights == frozen
    assert shape.embedding_weights == model.get_input_embeddings().weight.numel()
    assert learned == shape.layers * 4 * sum(a + b for a, b in shape.linear_layers)


def test_more_is_needed_for_more_tokens_and_a_wider_adapter_and_less_with_checkpointing():
    assert needed(batch_tokens=4096) > needed(batch_tokens=2048) > needed(batch_tokens=512)
    assert needed(lora_rank=64) > needed(lora_rank=8)
    assert needed(dora=True) > needed()
    assert needed(activation_checkpointing="on") < needed()


def test_short_rows_need_less_than_the_longest_that_are_allowed():
    config = TrainConfig()
    short = memory_for(config, STARTER, lengths=[20] * 100, free_mb=PLENTY)

    assert short.activations_mb < memory_for(config, STARTER, free_mb=PLENTY).activations_mb


def test_what_fits_is_told_from_what_is_tight_and_what_does_not_fit():
    def verdict(free_mb: int) -> str | None:
        config = TrainConfig(activation_checkpointing="off")
        return memory_for(config, STARTER, free_mb=free_mb).verdict

    total = needed()
    assert verdict(2 * total) == "fits"
    assert verdict(total + 1) == "tight"
    assert verdict(total - 1) == "does not fit"


def test_auto_keeps_activations_where_they_fit_and_else_computes_them_twice():
    plenty, little = (
        memory_for(TrainConfig(), STARTER, free_mb=free) for free in (2 * needed(), needed())
    )

    assert not plenty.checkpoints
    assert little.checkpoints
    assert little.total_mb < plenty.total_mb


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    limits = {"/sys/fs/cgroup/memory.max": 300 * 2**20, "/sys/fs/cgroup/memory.current": 2**20}
    monkeypatch.setattr(memory, "_number", lambda path: limits.get(str(path)))

    assert free_memory_mb() == 299


def test_a_resumed_run_stays_with_what_auto_came_to(tmp_path, monkeypatch):
    task, rows = Task(tmp_path), Encoded([], {}, 0)
    monkeypatch.setattr(checkpointing, "_free_mb", lambda: 1)
    first = checkpointing.settled(task, TrainConfig(), STARTER, rows)
    monkeypatch.setattr(checkpointing, "_free_mb", lambda: PLENTY)

    again = checkpointing.settled(task, TrainConfig(), STARTER, rows)

    assert first.activation_checkpointing == again.activation_checkpointing == "on"
    (event,) = (each for each in task.journal.events() if each["kind"] == "memory")
    assert event["checkpoints"]
    assert event["needed_mb"] > event["free_mb"]


def test_old_records_and_yaml_say_it_with_a_switch():
    assert TrainConfig(activation_checkpointing=True).activation_checkpointing == "on"
    assert TrainConfig(activation_checkpointing=False).activation_checkpointing == "off"


@pytest.mark.slow
def test_packing_can_be_left_off(bench, start):
    losses = []
    for packing in (True, False):
        task = made(bench, start, packing=packing)
        train(task)
        losses.append([e["loss"] for e in task.journal.events() if "loss" in e])

    assert losses[0] == pytest.approx(losses[1], rel=5e-3)


def test_a_tight_run_asks_the_page_for_the_room_of_its_models(bench, tiny_base, monkeypatch):
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda *given: None)
    run = bench.runs.start(bench.dataset.id, SMALL, str(tiny_base))
    task = Task(bench.workspace.existing("runs", run))
    file, asked = bench.workspace.room_file, []

    def memory(config, base, **given):
        """Free as soon as somebody has heard the wish."""
        if file.exists():
            asked.append(room_wanted(file))
        free = 10_000 if asked else 900
        return Memory(600, 100, 10, 100, free, checkpoints=False)

    monkeypatch.setattr(checkpointing, "memory_for", memory)

    checkpointing.settled(task, SMALL, find_base(str(tiny_base)), Encoded([], {}, 0))

    assert set(asked) == {f"training {run}"}
    assert not file.exists()
