"""What a step learns from: reply tokens only, with equal weights, untouched by evaluating."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from chatui.conversation import Conversation, Turn
from chatui.model import loading
from chatui.model.catalog import find_base
from chatui.model.loading import LoadedModel, load_base
from chatui.model.packed import packing
from chatui.train.config import TrainConfig
from chatui.train.worker.adapting import with_adapter
from chatui.train.worker.arguments import arguments
from chatui.train.worker.batches import Limits
from chatui.train.worker.rows import collate, encode
from chatui.train.worker.trainer import ReplyTrainer, validation_loss
from chatui.train.worker.training import train
from tests.train.conftest import Bench, made


def conversations(count: int = 12) -> list[Conversation]:
    return [
        Conversation(
            id=str(n),
            turns=(
                Turn("user", f"Where is order {n}?"),
                Turn("assistant", "It is on its way. " * (n % 5 + 1)),
                Turn("user", "Thanks"),
                Turn("assistant", "You are welcome."),
            ),
        )
        for n in range(count)
    ]


@pytest.fixture
def loaded(tiny_base: Path) -> LoadedModel:
    return load_base(find_base(str(tiny_base)))


def gradients(loaded: LoadedModel, folder: Path, limits: Limits, config: TrainConfig | None = None):
    """The adapter's gradients after one step over all rows, read within some limits."""
    config = config or TrainConfig(max_length=128, lora_rank=4)
    model = with_adapter(loaded.model, config)
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zero at the start: then A would get no gradient
            torch.nn.init.normal_(parameter, std=0.1)
    rows = encode(conversations(), loaded.encoder, 128).rows
    trainer = ReplyTrainer(
        steps=[list(range(len(rows)))],
        limits=limits,
        pad_id=loaded.pad_id,
        base_name="tiny",
        model=model,
        args=arguments(folder, config),
        train_dataset=rows,
        data_collator=lambda rows: rows,
    )
    with packing(model) if limits.packs else nullcontext():
        (batches,) = trainer.get_train_dataloader()
        assert all(("cu_seq_lens_q" in batch) == limits.packs for batch in batches)
        trainer.current_gradient_accumulation_steps = 1
        trainer.training_step(model, batches)
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}, trainer


def test_accumulated_batches_are_one_big_batch(tiny_base, tmp_path):
    """Token by token, although the small batches hold very different numbers of them."""
    fresh = [load_base(find_base(str(tiny_base))) for _ in range(2)]

    whole, one = gradients(fresh[0], tmp_path, Limits(12, 10_000, packs=False))
    parts, several = gradients(fresh[1], tmp_path, Limits(5, 300, packs=False))

    assert one.reply_tokens == several.reply_tokens
    assert several.nats == pytest.approx(one.nats, rel=1e-3)
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        assert (
            torch.nn.functional.cosine_similarity(gradient.flatten(), parts[name].flatten(), dim=0)
            > 0.99
        )
        assert float(parts[name].norm()) == pytest.approx(float(gradient.norm()), rel=0.05)


@pytest.mark.parametrize("tokens", [10_000, 150])
def test_packed_rows_give_the_gradients_of_single_rows(tiny_base, tmp_path, monkeypatch, tokens):
    monkeypatch.setattr(loading, "compute_dtype", lambda: torch.float32)
    fresh = [load_base(find_base(str(tiny_base))) for _ in range(2)]

    single, alone = gradients(fresh[0], tmp_path, Limits(1, 1, packs=False))
    packed, together = gradients(fresh[1], tmp_path, Limits(12, tokens, packs=True))

    assert together.tokens == alone.tokens
    assert together.reply_tokens == alone.reply_tokens
    for name, gradient in single.items():
        assert float((packed[name] - gradient).norm() / gradient.norm()) < 1e-5


def test_the_loss_is_the_models_own_over_reply_tokens(loaded, tmp_path):
    rows = encode(conversations(), loaded.encoder, 128).rows
    batch = collate(rows, loaded.pad_id)
    with torch.no_grad():
        own = loaded.model(**batch).loss.item()

    _, trainer = gradients(loaded, tmp_path, Limits(12, 10_000, packs=False))

    # The adapter of `gradients` moves the model a little; without it they are equal.
    with trainer.model.disable_adapter():
        trainer.start_step()
        with torch.no_grad():
            trainer.compute_loss(trainer.model, batch)
    assert trainer.nats / trainer.reply_tokens == pytest.approx(own, rel=2e-3)


def test_the_gradient_after_an_evaluation_equals_that_without(loaded, tmp_path):
    model = with_adapter(loaded.model, TrainConfig(lora_rank=4))
    rows = encode(conversations(), loaded.encoder, 128).rows
    batch = collate(rows, loaded.pad_id)

    def norm() -> float:
        model.train()
        model.zero_grad()
        model(**batch).loss.backward()
        total = [p.grad.norm() for p in model.parameters() if p.grad is not None]
        return float(torch.stack(total).norm())

    before = norm()
    validation_loss(model, dict(enumerate(rows)), loaded.pad_id)

    assert model.training
    assert norm() == before > 0


def test_every_linear_layer_but_the_head_has_an_adapter(loaded):
    model = with_adapter(loaded.model, TrainConfig(lora_rank=4))

    learned = {n.split(".lora_")[0] for n, p in model.named_parameters() if p.requires_grad}

    assert len(learned) == 2 * 7
    assert not any("lm_head" in name for name in learned)


def test_rows_without_a_reply_token_are_skipped_and_counted_and_long_ones_cut(loaded):
    long = Conversation("long", (Turn("user", "Hi"), Turn("assistant", "word " * 60)))
    empty = Conversation("empty", (Turn("user", "word " * 60), Turn("assistant", "Hi")))

    encoded = encode([*conversations(3), long, empty], loaded.encoder, max_length=40)

    assert len(encoded.rows) == 4
    assert encoded.cut == 2
    assert encoded.skipped == {"no reply lies within the first 40 tokens": 1}
    assert max(len(row.ids) for row in encoded.rows) == 40


@pytest.mark.slow
def test_how_often_is_evaluated_does_not_change_what_is_learned(
    bench: Bench, start: Callable[..., str]
):
    hashes = set()
    for evaluations in (1, 5):
        task = made(bench, start, evaluations=evaluations, lora_dropout=0.1)
        train(task)
        last = [e for e in task.journal.events() if e["kind"] == "step"][-1]
        hashes.add(last["loss"])

    assert len(hashes) == 1


@pytest.mark.slow
def test_a_run_reads_packed_rows_in_training_and_validation(
    bench: Bench, start: Callable[..., str], monkeypatch
):
    read: list[bool] = []
    forward = LlamaForCausalLM.forward

    def spied(self, *args, **named):
        read.append("cu_seq_lens_q" in named)
        return forward(self, *args, **named)

    monkeypatch.setattr(LlamaForCausalLM, "forward", spied)
    train(made(bench, start, sample_replies=0))  # replies are made token by token

    assert read
    assert all(read)


@pytest.mark.slow
def test_a_run_whose_layers_keep_less_learns_the_same(
    bench: Bench, start: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    losses = []
    for smallest in (10**12, 0):  # parameters of a model that is worth it
        monkeypatch.setattr("chatui.train.worker.thrift._WORTH_THRIFT", smallest)
        task = made(bench, start)
        train(task)
        losses.append([e["loss"] for e in task.journal.events() if "loss" in e])

    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
    assert losses[0] != losses[1]  # other layers were at work


@pytest.mark.slow
def test_activation_checkpointing_learns_the_same(bench: Bench, start: Callable[..., str]):
    losses = []
    for thrifty in ("off", "on"):
        task = made(bench, start, activation_checkpointing=thrifty)
        train(task)
        losses.append([e["loss"] for e in task.journal.events() if "loss" in e])

    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
