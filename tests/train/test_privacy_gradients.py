"""What a private step learns from: each row alone, shortened, and noise as large as promised."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, TrainingArguments

from chatui.conversation import Conversation, Turn
from chatui.errors import AdapterDoesNotLearn, CannotBePrivate
from chatui.model import loading
from chatui.model.catalog import find_base
from chatui.model.encoding import EncodedRow
from chatui.model.loading import load_base
from chatui.train.config import TrainConfig
from chatui.train.privacy import Mechanism
from chatui.train.worker.adapting import with_adapter
from chatui.train.worker.arguments import arguments
from chatui.train.worker.batches import Limits
from chatui.train.worker.private import Private
from chatui.train.worker.private_gradients import RowGradients
from chatui.train.worker.private_trainer import PrivateReplyTrainer
from chatui.train.worker.rows import collate, encode
from chatui.train.worker.thrift import thrifty

CONFIG = TrainConfig(max_length=128, lora_rank=4, privacy_epsilon=8.0, packing=False)
LONG = 1e9  # a clip that shortens nothing
Gradients = dict[str, torch.Tensor]


@pytest.fixture
def precise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "compute_dtype", lambda: torch.float32)


def rows_of(base: Path, count: int = 5, reply: str = "It is on its way. ") -> list[EncodedRow]:
    conversations = [
        Conversation(
            id=str(n),
            turns=(
                Turn("user", f"Where is order {n}?"),
                Turn("assistant", reply * (n % 4 + 1)),
                Turn("user", "Thanks"),
                Turn("assistant", "You are welcome."),
            ),
        )
        for n in range(count)
    ]
    return encode(conversations, load_base(find_base(str(base))).encoder, 128).rows


def model_of(base: Path, kind: str = "NF4", config: TrainConfig = CONFIG) -> Any:
    """An adapted model whose every adapter weight has a gradient, in numbers of 32 bits."""
    if kind == "NF4":
        model = with_adapter(load_base(find_base(str(base))).model, config)
    else:
        plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        model = get_peft_model(plain, LoraConfig(r=4, target_modules="all-linear"))
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zero at the start: then A would get no gradient
            torch.nn.init.normal_(parameter, std=0.1)
    return model.train()


def trainer_for(
    model: Any,
    folder: Path,
    rows: list[EncodedRow],
    *,
    limits: Limits | None = None,
    private: Private | None = None,
    config: TrainConfig = CONFIG,
    **options: Any,
) -> PrivateReplyTrainer:
    trainer = PrivateReplyTrainer(
        private=private or privacy(folder),
        steps=[list(range(len(rows)))],
        limits=limits or Limits(64, 100_000, packs=False),
        pad_id=0,
        base_name="tiny",
        model=model,
        args=arguments(folder, config),
        train_dataset=rows,
        data_collator=lambda rows: rows,
        **options,
    )
    trainer.current_gradient_accumulation_steps = 1
    if trainer.args.activation_checkpointing:
        model.activation_checkpointing_enable(trainer.args.activation_checkpointing_kwargs)
    return trainer


def privacy(folder: Path, noise: float = 0.0, clip: float = LONG, expected: int = 1) -> Private:
    mechanism = Mechanism(rows=1000, expected=expected, steps=10, noise=noise)
    return Private(mechanism, clip, secret=7, folder=folder)


def learned(model: Any, folder: Path, rows: list[EncodedRow], **options: Any) -> Gradients:
    """The gradients that a private step leaves to the optimizer."""
    trainer = trainer_for(model, folder, rows, **options)
    try:
        (batches,) = trainer.get_train_dataloader()
        trainer.training_step(model, batches)
    finally:
        trainer.release()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad}


def alone(model: Any, row: EncodedRow) -> Gradients:
    """The truth: torch's own gradient of the mean loss of one row's reply tokens."""
    model.zero_grad()
    batch = collate([row], 0)
    logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits[0, :-1]
    torch.nn.functional.cross_entropy(logits, batch["labels"][0, 1:]).backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def flat(gradients: Gradients) -> torch.Tensor:
    return torch.cat([gradients[name].flatten().double() for name in sorted(gradients)])


def far(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


def of_each(model: Any, folder: Path, rows: list[EncodedRow], **options: Any) -> Gradients:
    """The gradient of each row of a batch, before anything is done with it."""
    trainer = trainer_for(model, folder, rows, **options)
    seen: list[Gradients] = []
    collect = RowGradients.collect

    def watched(self: RowGradients) -> None:
        seen.append({n: p.grad_sample.clone() for n, p in self._learned.items()})
        collect(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowGradients, "collect", watched)
        (batches,) = trainer.get_train_dataloader()
        trainer.training_step(model, batches)
    trainer.release()
    (found,) = seen
    # Pieces are read longest first; sort them back.
    order = sorted(range(len(rows)), key=lambda row: (-len(rows[row].ids), row))
    back = torch.tensor([order.index(row) for row in range(len(rows))])
    return {name: gradients[back] for name, gradients in found.items()}


@pytest.mark.parametrize("kind", ["fp32", "NF4"])
def test_the_gradient_of_each_row_is_the_one_it_has_alone(tiny_base, tmp_path, precise, kind):
    model, rows = model_of(tiny_base, kind), rows_of(tiny_base)

    found = of_each(model, tmp_path, rows)

    for number, row in enumerate(rows):
        mine = flat({name: gradients[number] for name, gradients in found.items()})
        assert far(mine, flat(alone(model, row))) < 1e-5


@pytest.mark.parametrize("kind", ["fp32", "NF4"])
def test_what_a_row_teaches_stays_when_all_other_rows_change(tiny_base, tmp_path, precise, kind):
    model, rows = model_of(tiny_base, kind), rows_of(tiny_base)
    others = rows_of(tiny_base, 9, reply="No, we can not do that, it is far too late for it! ")
    assert max(len(row.ids) for row in others) > max(len(row.ids) for row in rows)

    def first(batch: list[EncodedRow]) -> torch.Tensor:
        found = of_each(model, tmp_path, batch)
        return flat({name: gradients[0] for name, gradients in found.items()})

    among_some, among_others = first(rows), first([rows[0], *others])

    for clip in (0.5, LONG):  # one that shortens, and one that leaves it as it is
        one, other = (
            mine * min(1.0, clip / float(mine.norm())) for mine in (among_some, among_others)
        )
        assert float(one.norm()) == pytest.approx(min(clip, float(among_some.norm())))
        assert float((one - other).norm()) < 1e-6


@pytest.mark.parametrize(
    "limits", [Limits(64, 100_000, packs=False), Limits(2, 100_000, packs=False)]
)
def test_a_step_is_the_sum_of_shortened_gradients_in_any_pieces(
    tiny_base, tmp_path, precise, limits
):
    model, rows = model_of(tiny_base), rows_of(tiny_base)
    truths = [flat(alone(model, row)) for row in rows]
    clip = float(sorted(truth.norm() for truth in truths)[2])  # shortens some, leaves others
    expected = sum(truth * min(1.0, clip / float(truth.norm())) for truth in truths) / 4

    private = privacy(tmp_path, clip=clip, expected=4)
    found = learned(model, tmp_path, rows, limits=limits, private=private)

    assert far(flat(found), expected) < 1e-5


def test_a_row_more_moves_a_step_by_no_more_than_the_clip(tiny_base, tmp_path, precise):
    rows, clip = rows_of(tiny_base, 6), 0.01
    model = model_of(tiny_base)
    private = privacy(tmp_path, clip=clip)

    whole = flat(learned(model, tmp_path, rows, private=private))
    for left_out in range(len(rows)):
        rest = [row for number, row in enumerate(rows) if number != left_out]
        without = flat(learned(model, tmp_path, rest, private=private))
        assert 0.5 * clip < float((whole - without).norm()) < clip * 1.0001


def test_a_step_that_drew_nobody_is_noise_of_the_promised_size(tiny_base, tmp_path):
    model = model_of(tiny_base)
    private = privacy(tmp_path, noise=2.0, clip=0.5, expected=4)

    noise = flat(learned(model, tmp_path, [], private=private))

    assert len(noise) > 8_000
    assert float(noise.std()) == pytest.approx(2.0 * 0.5 / 4, rel=0.03)
    assert abs(float(noise.mean())) < 4 * float(noise.std()) / len(noise) ** 0.5
    again = flat(learned(model, tmp_path, [], private=private))
    other = flat(learned(model, tmp_path, [], private=replace(private, secret=8)))
    assert torch.equal(noise, again)
    assert far(other, noise) > 1


def test_computing_activations_twice_changes_nothing(tiny_base, tmp_path, precise):
    rows = rows_of(tiny_base)
    twice = CONFIG.model_copy(update={"activation_checkpointing": "on"})

    once = flat(learned(model_of(tiny_base), tmp_path, rows))
    found = learned(model_of(tiny_base, config=twice), tmp_path, rows, config=twice)

    assert far(flat(found), once) < 1e-5


def test_activations_that_are_computed_twice_without_re_entering_are_refused(tiny_base, tmp_path):
    open_end = CONFIG.model_copy(update={"activation_checkpointing": "on", "privacy_epsilon": 0.0})
    assert arguments(tmp_path, open_end).activation_checkpointing_kwargs == {"use_reentrant": False}

    with pytest.raises(CannotBePrivate, match="hide the gradients of single conversations"):
        trainer_for(model_of(tiny_base, config=open_end), tmp_path, [], config=open_end)


def test_a_step_is_drawn_and_accounted_for_in_one_process(tiny_base, tmp_path, monkeypatch):
    monkeypatch.setattr(TrainingArguments, "world_size", 2)

    with pytest.raises(CannotBePrivate, match="in one process on one GPU"):
        trainer_for(model_of(tiny_base), tmp_path, [])


def test_a_trainer_goes_through_steps_that_drew_nobody(tiny_base, tmp_path):
    model, rows = model_of(tiny_base), rows_of(tiny_base)
    before = flat({n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad})
    trainer = trainer_for(model, tmp_path, rows, private=privacy(tmp_path, noise=1.0, clip=1.0))
    trainer._steps = [[], [0, 1], [], [2]]

    trainer.train()
    trainer.release()

    assert trainer.state.global_step == trainer.taken == 4
    after = flat({n: p.detach() for n, p in model.named_parameters() if p.requires_grad})
    assert not torch.equal(before, after)
    assert bool(after.isfinite().all())


def test_each_row_is_drawn_with_the_same_probability_and_whoever_is_there_changes_nobody(tmp_path):
    mechanism = Mechanism(rows=300, expected=30, steps=2000, noise=1.0)
    private = Private(mechanism, 1.0, secret=7, folder=tmp_path)

    steps = private.drawn(300)

    sizes = torch.tensor([len(step) for step in steps], dtype=torch.float64)
    assert all(len(set(step)) == len(step) for step in steps)
    assert float(sizes.mean()) == pytest.approx(30, abs=4 * (27 / 2000) ** 0.5)
    assert float(sizes.var()) == pytest.approx(27, rel=0.15)  # binomial: 300 · 0.1 · 0.9
    seen = torch.bincount(torch.tensor([row for step in steps for row in step]), minlength=300)
    assert float((seen - 200).abs().max()) < 5 * 180**0.5
    # A row that nothing can be learned from is drawn like any other: the others are as likely.
    fewer = private.drawn(150)
    assert sum(map(len, fewer)) / 2000 == pytest.approx(15, abs=4 * (13.5 / 2000) ** 0.5)
    assert private.drawn(300) == steps


def test_rows_end_to_end_are_refused_also_by_the_trainer(tiny_base, tmp_path):
    with pytest.raises(CannotBePrivate, match="one gradient for all"):
        trainer_for(model_of(tiny_base), tmp_path, [], limits=Limits(8, 100, packs=True))


def test_tensors_whose_rows_can_not_be_seen_are_named(tiny_base, tmp_path):
    """Thrifty layers go around the modules that are watched."""
    model = model_of(tiny_base)

    with thrifty(model), pytest.raises(AdapterDoesNotLearn, match=r"28 of .* \(.*lora_A"):
        learned(model, tmp_path, rows_of(tiny_base))


def test_smoothed_aims_are_a_rows_own_too(tiny_base, tmp_path, precise):
    model, rows = model_of(tiny_base), rows_of(tiny_base)

    among, by_itself, unsmoothed = (
        flat({name: gradients[0] for name, gradients in found.items()})
        for found in (
            of_each(model, tmp_path, rows, label_smoothing=0.2),
            of_each(model, tmp_path, rows[:1], label_smoothing=0.2),
            of_each(model, tmp_path, rows),
        )
    )

    assert far(among, by_itself) < 1e-5
    assert far(unsmoothed, by_itself) > 0.01
