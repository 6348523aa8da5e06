"""Every option does in the worker what its help says."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import bitsandbytes.optim
import pytest
import torch
from peft.tuners.lora import LoraLayer
from peft.tuners.lora.dora import DoraLinearLayer
from transformers import get_scheduler

from chatui.conversation import Turn
from chatui.errors import NoSuchLayers
from chatui.model import loading
from chatui.model.catalog import find_base
from chatui.model.decoding import Decoding
from chatui.model.engine import Engine
from chatui.model.layers import chosen_layers, linear_layers
from chatui.model.loading import LoadedModel, load_base
from chatui.model.packed import packing
from chatui.model.requests import Item, Request
from chatui.train.config import TrainConfig
from chatui.train.worker.adapting import with_adapter
from chatui.train.worker.arguments import arguments
from chatui.train.worker.batches import Limits, epoch_ends, evenly
from chatui.train.worker.regularizing import noisy_embeddings, smoothed
from chatui.train.worker.rows import collate, encode
from chatui.train.worker.trainer import ReplyTrainer
from chatui.train.worker.training import train
from tests.train.conftest import Bench, made
from tests.train.test_learning import conversations


@pytest.fixture
def loaded(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedModel:
    monkeypatch.setattr(loading, "compute_dtype", lambda: torch.float32)
    return load_base(find_base(str(tiny_base)))


def learned_layers(loaded: LoadedModel, **options: object) -> set[str]:
    """Block and name of the layers that learn: "1.q_proj"."""
    model = with_adapter(loaded.model, TrainConfig(lora_rank=4, **options))
    names = (n.split(".lora_")[0] for n, p in model.named_parameters() if p.requires_grad)
    return {f"{name.split('.')[4]}.{name.split('.')[-1]}" for name in names}


FORTY_EIGHT = Decoding(max_new_tokens=48)
ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
MLP = {"gate_proj", "up_proj", "down_proj"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"target_layers": "attention"}, {f"{b}.{n}" for b in (0, 1) for n in ATTENTION}),
        ({"target_layers": "mlp"}, {f"{b}.{n}" for b in (0, 1) for n in MLP}),
        ({"target_layers": "q_proj, up_proj"}, {"0.q_proj", "0.up_proj", "1.q_proj", "1.up_proj"}),
        ({"top_layers": 1}, {f"1.{n}" for n in ATTENTION | MLP}),
        ({"target_layers": "v_proj", "top_layers": 1}, {"1.v_proj"}),
    ],
)
def test_only_the_chosen_layers_learn(loaded, options, expected):
    assert learned_layers(loaded, **options) == expected


def test_layers_that_are_not_there_are_named_with_those_that_are(loaded, tiny_base):
    names = linear_layers(find_base(str(tiny_base)))

    assert len(names) == 2 * 7
    with pytest.raises(NoSuchLayers, match=r"none is called 'c_attn'.*q_proj") as caught:
        chosen_layers(names, "attention, c_attn")
    assert caught.value.field == "target_layers"
    with pytest.raises(NoSuchLayers, match="Top layers is 3 and the base model has 2 blocks"):
        with_adapter(loaded.model, TrainConfig(top_layers=3))


@pytest.mark.parametrize(("rslora", "strength"), [(False, 8 / 4), (True, 8 / 2)])
def test_rslora_divides_by_the_root_of_the_rank(loaded, rslora, strength):
    config = TrainConfig(lora_rank=4, lora_alpha=8, rslora=rslora, target_layers="q_proj")

    model = with_adapter(loaded.model, config)

    scalings = {m.scaling["default"] for m in model.modules() if isinstance(m, LoraLayer)}
    assert scalings == {strength}


def test_dora_learns_the_size_of_the_weights_too(loaded):
    model = with_adapter(loaded.model, TrainConfig(lora_rank=4, dora=True, target_layers="q_proj"))

    assert any(isinstance(part, DoraLinearLayer) for part in model.modules())
    learned = {n for n, p in model.named_parameters() if p.requires_grad}
    assert sum("magnitude" in name for name in learned) == 2


def trainer_of(loaded: LoadedModel, folder: Path, **options: object) -> ReplyTrainer:
    config = TrainConfig(lora_rank=4, **options)
    return ReplyTrainer(
        steps=[[0, 1]],
        limits=Limits(8, 2048, packs=False),
        pad_id=loaded.pad_id,
        base_name="tiny",
        label_smoothing=config.label_smoothing,
        model=with_adapter(loaded.model, config),
        args=arguments(folder, config, steps=100),
        train_dataset=encode(conversations(), loaded.encoder, 128).rows,
        data_collator=lambda rows: rows,
    )


@pytest.mark.parametrize(
    ("optimizer", "kind", "bits"),
    [
        ("adamw", torch.optim.AdamW, None),
        ("adamw_8bit", bitsandbytes.optim.AdamW, 8),
        ("paged_adamw", bitsandbytes.optim.AdamW, 32),
        ("paged_adamw_8bit", bitsandbytes.optim.AdamW, 8),
        ("lion", bitsandbytes.optim.Lion, 32),
        ("lion_8bit", bitsandbytes.optim.Lion, 8),
        ("paged_lion", bitsandbytes.optim.Lion, 32),
    ],
)
def test_the_optimizer_is_the_one_that_was_chosen(loaded, tmp_path, optimizer, kind, bits):
    made = trainer_of(loaded, tmp_path, optimizer=optimizer).create_optimizer()

    assert isinstance(made, kind)
    if bits is not None:
        assert made.args.optim_bits == bits
        assert made.is_paged == optimizer.startswith("paged_")


def test_the_learning_rate_goes_as_the_schedule_says(loaded, tmp_path):
    def rates(schedule: str) -> list[float]:
        config = TrainConfig(schedule=schedule, warmup=0.1, learning_rate=0.1)
        args = arguments(tmp_path, config, steps=100)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        found = []
        scheduler = get_scheduler(
            args.lr_scheduler_type,
            optimizer,
            num_warmup_steps=args.get_warmup_steps(100),
            num_training_steps=100,
            scheduler_specific_kwargs=args.lr_scheduler_kwargs,
        )
        for _ in range(100):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return found

    for schedule in ("cosine", "linear", "inverse_sqrt", "steady_then_down", "constant"):
        rate = rates(schedule)
        assert rate[5] == pytest.approx(0.05), schedule  # half way up
        assert rate[10] == pytest.approx(0.1), schedule
    assert rates("constant")[99] == pytest.approx(0.1)
    assert rates("steady_then_down")[79] == pytest.approx(0.1)
    assert rates("steady_then_down")[99] < 0.01
    assert rates("inverse_sqrt")[40] == pytest.approx(0.1 * (10 / 40) ** 0.5)


def test_smoothed_labels_have_the_loss_that_a_hand_would_calculate():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0], [0.0, 3.0, 0.5, 0.5]])
    truth = torch.tensor([0, 2])
    share = 0.2
    aims = torch.full((2, 4), share / 4)
    aims[0, 0] += 1 - share
    aims[1, 2] += 1 - share
    by_hand = -(aims * logits.log_softmax(-1)).sum()
    nats = torch.nn.functional.cross_entropy(logits, truth, reduction="sum")

    assert float(smoothed(nats, logits, share)) == pytest.approx(float(by_hand), rel=1e-6)
    assert smoothed(nats, logits, 0.0) is nats


def test_smoothing_changes_the_gradient_and_not_the_loss_that_is_journalled(loaded, tmp_path):
    batch = collate(encode(conversations(2), loaded.encoder, 128).rows, loaded.pad_id)

    found = []
    for share in (0.0, 0.3):
        trainer = trainer_of(loaded, tmp_path, label_smoothing=share)
        loss = trainer.compute_loss(trainer.model.eval(), batch)
        found.append((float(loss.detach()), trainer.nats / trainer.reply_tokens))
        trainer.model.unload()

    (plain, journalled), (soft, journalled_too) = found
    assert journalled == journalled_too == pytest.approx(plain)
    assert soft != pytest.approx(plain, rel=1e-3)


@pytest.mark.parametrize("pack", [True, False])
def test_noise_is_as_large_as_each_rows_own_length_allows_packed_or_not(loaded, pack):
    rows = encode(conversations(5), loaded.encoder, 128).rows
    batch = collate(rows, loaded.pad_id, pack=pack)
    read = {name: part for name, part in batch.items() if name != "labels"}
    embeddings = loaded.model.get_input_embeddings()
    seen: list[torch.Tensor] = []
    embeddings.register_forward_hook(lambda module, args, output: seen.append(output.detach()))
    lengths = torch.tensor([len(row.ids) for row in rows]).float()

    with packing(loaded.model) if pack else nullcontext():
        loaded.model.train()
        loaded.model(**read)
        with noisy_embeddings(loaded.model, 5.0):
            embeddings.register_forward_hook(
                lambda module, args, output: seen.append(output.detach())
            )
            loaded.model(**read)

    noise = (seen[-1] - seen[0]).abs()
    per_row = (
        [part.amax() for part in noise[0].split([int(n) for n in lengths])]
        if pack
        else [part[: int(n)].amax() for part, n in zip(noise, lengths, strict=True)]
    )
    limits = 5.0 / (lengths * embeddings.embedding_dim).sqrt()
    shares = torch.stack(per_row) / limits
    assert float(shares.max()) <= 1.0 + 1e-3
    assert float(shares.min()) > 0.98  # uniform up to the limit, of a thousand draws and more


def test_noise_is_for_learning_alone(loaded):
    row = collate(encode(conversations(1), loaded.encoder, 128).rows, loaded.pad_id)
    read = {"input_ids": row["input_ids"]}
    plain = loaded.model(**read).logits

    with noisy_embeddings(loaded.model, 20.0):
        assert torch.equal(loaded.model(**read).logits, plain)
        loaded.model.train()
        assert not torch.allclose(loaded.model(**read).logits, plain)
    assert torch.equal(loaded.model(**read).logits, plain)


def test_the_ends_of_epochs_are_found_however_steps_are_cut():
    assert epoch_ends([[0, 1, 2], [3, 4, 0], [1, 2, 3], [4]], rows=5) == [2, 4]
    assert epoch_ends([[0, 1, 2, 3, 4, 0], [1, 2, 3, 4]], rows=5) == [1, 2]
    assert evenly([2, 4, 6, 8, 10], 2) == [6, 10]
    assert evenly([2, 4], 9) == [2, 4]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"dora": True, "lora_dropout": 0.1, "activation_checkpointing": True},
        {"optimizer": "adamw_8bit", "rslora": True},
        {"optimizer": "lion", "learning_rate": 0.002, "neftune_noise": 5.0},
        {"schedule": "steady_then_down", "label_smoothing": 0.1, "target_layers": "attention"},
    ],
)
def test_a_run_with_an_option_learns_and_its_adapter_answers(
    bench: Bench, start: Callable[..., str], options
):
    task = made(bench, start, epochs=4, **options)
    train(task)

    view = bench.runs.view(task.folder.name)
    assert view.validation_perplexity < view.base_perplexity
    engine = Engine.open(find_base(view.base))
    adapter = engine.attach(view.adapter)
    rows = bench.datasets.conversations(view.dataset, "validation")
    found = engine.likelihoods([Item(row.turns, adapter) for row in rows])
    loss = sum(f.nats for f in found) / sum(f.tokens for f in found)
    assert loss == pytest.approx(view.validation_loss, rel=0.02)


@pytest.mark.slow
def test_max_steps_end_a_run_in_the_middle_of_an_epoch_or_after_several(bench, start):
    for steps in (3, 19):  # an epoch has eight
        task = made(bench, start, epochs=0, max_steps=steps, evaluations=1)
        train(task)
        assert bench.runs.view(task.folder.name).step == steps


@pytest.mark.slow
def test_looking_at_sample_replies_changes_nothing_that_is_learned(bench, start):
    hashes = set()
    for count in (0, 3):
        task = made(bench, start, sample_replies=count, lora_dropout=0.1)
        train(task)
        view = bench.runs.view(task.folder.name)
        hashes.add(view.adapter_hash)
        assert len(view.job.of_kind("samples")) == (3 if count else 0)  # before, and two epochs

    assert len(hashes) == 1
    engine = Engine.open(find_base(view.base))
    adapter = engine.attach(view.adapter)
    (questions,) = view.job.of_kind("questions")
    assert view.best_step == view.steps  # the adapter that is kept gave the last replies
    asked = [
        Request(tuple(Turn(m["role"], m["content"]) for m in turns), adapter, FORTY_EIGHT)
        for turns in questions["asked"]
    ]
    last = view.job.of_kind("samples")[-1]["replies"]
    assert [reply.text for reply in engine.replies(asked)] == last
    assert len(questions["asked"]) == len(questions["references"]) == 3
    assert all(len(event["replies"]) == 3 for event in view.job.of_kind("samples"))


@pytest.mark.slow
def test_a_run_that_gets_no_better_is_ended_and_keeps_its_best_adapter(bench, start):
    task = made(bench, start, epochs=12, evaluations=12, learning_rate=0.029, patience=2)
    train(task)
    task.journal.append("finished")

    view = bench.runs.view(task.folder.name)
    assert view.step < view.steps
    (ended,) = view.job.of_kind("ended_early")
    assert ended["step"] == view.step
    assert view.best_step is None or view.best_step < view.step
