"""Layers that keep less give the numbers of those that they stand for."""

import copy
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from chatui.model import loading
from chatui.model.catalog import find_base
from chatui.model.loading import load_base
from chatui.model.packed import packing
from chatui.train.config import TrainConfig
from chatui.train.worker import loss
from chatui.train.worker.adapting import with_adapter
from chatui.train.worker.layers import AdaptedLinear, Gate, Norm, project
from chatui.train.worker.loss import Aim, plain_head, reply_loss, without_head
from chatui.train.worker.regularizing import smoothed
from chatui.train.worker.thrift import thrifty, untouched
from tests.tiny_model import make_tiny_base


@pytest.fixture
def precise(monkeypatch):
    monkeypatch.setattr(loading, "compute_dtype", lambda: torch.float32)


def adapted(base: Path, **options: object):
    """A 4-bit model with an adapter whose every weight has a gradient."""
    model = with_adapter(load_base(find_base(str(base))).model, TrainConfig(lora_rank=4, **options))
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model.train()


def learned(model, thriftily: bool = True) -> dict[str, torch.Tensor]:
    """The gradients of a row."""
    model.zero_grad()
    ids = torch.arange(5, 45)[None]
    with thrifty(model) if thriftily else nullcontext():
        torch.manual_seed(7)  # of the dropout
        model(ids, labels=ids).loss.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def far(one: torch.Tensor, other: torch.Tensor) -> float:
    one, other = one.detach().float(), other.detach().float()
    return float((one - other).norm() / other.norm())


def exchanged(model) -> list[str]:
    with thrifty(model):
        return [name for name, module in model.named_modules() if "forward" in module.__dict__]


@pytest.mark.parametrize("options", [{}, {"activation_checkpointing": "on"}])
def test_gradients_are_those_of_peft(tiny_base, precise, options):
    model = adapted(tiny_base, **options)
    if options:
        model.activation_checkpointing_enable({"use_reentrant": False})

    truth, found = learned(model, thriftily=False), learned(model)

    assert truth.keys() == found.keys()
    assert len(truth) == 2 * 7 * 2
    assert max(far(found[name], truth[name]) for name in truth) < 1e-5


def test_in_bfloat16_they_are_as_far_from_the_truth_as_pefts(tiny_base, monkeypatch):
    grads = {}
    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(loading, "compute_dtype", lambda dtype=dtype: dtype)
        model = adapted(tiny_base)
        grads[dtype] = [
            torch.cat([part.flatten() for part in learned(model, way).values()])
            for way in (False, True)
        ]

    truth, _ = grads[torch.float32]
    pefts, ours = (far(found, truth) for found in grads[torch.bfloat16])
    assert 0 < ours < 1.3 * pefts  # a small model is a noisy measure; the benchmark has a large one


def test_biases_count(tmp_path, precise):
    base = make_tiny_base(tmp_path / "biased", attention_bias=True)
    model = adapted(base)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()

    truth, found = learned(model, thriftily=False), learned(model)

    assert max(far(found[name], truth[name]) for name in truth) < 1e-5


def test_dropout_leaves_out_as_much_and_learns_from_what_is_left(tiny_base, precise):
    model = adapted(tiny_base, lora_dropout=0.5)

    one, again = learned(model), learned(model)

    assert all(torch.equal(one[name], again[name]) for name in one)
    model.eval()
    evaluated = learned(model, thriftily=False)
    assert max(far(learned(model)[name], evaluated[name]) for name in evaluated) < 1e-5
    assert max(far(one[name], evaluated[name]) for name in evaluated) > 0.1


def test_a_layer_with_dropout_has_the_derivative_of_what_it_computes(tiny_base, precise):
    model = adapted(tiny_base, lora_dropout=0.5)
    layer = AdaptedLinear(model.get_base_model().model.layers[0].mlp.down_proj)
    x = torch.randn(1, 6, 128, requires_grad=True)

    torch.manual_seed(1)
    (found,) = project(x, [layer])
    found.square().sum().backward()
    gradient, down = x.grad.clone(), layer.down.weight.grad.clone()

    x.grad, layer.down.weight.grad = None, None
    torch.manual_seed(1)
    left = layer.dropout(x)
    plain = x @ layer.dense(x.dtype).T + layer.up(layer.down(left)) * layer.scale
    plain.square().sum().backward()
    assert far(found, plain) < 1e-5
    assert far(gradient, x.grad) < 1e-5
    assert far(down, layer.down.weight.grad) < 1e-5


def test_all_layers_that_are_known_are_exchanged_and_given_back(tiny_base):
    model = adapted(tiny_base)

    names = [name.rpartition(".")[2] for name in exchanged(model)]

    assert sorted(set(names)) == sorted(
        ["input_layernorm", "k_proj", "mlp", "norm", "o_proj", "post_attention_layernorm"]
        + ["q_proj", "v_proj"]
    )
    assert not any("forward" in module.__dict__ for module in model.modules())


def test_for_a_while_all_can_be_as_peft_has_it(tiny_base):
    model = adapted(tiny_base)

    with thrifty(model):
        before = [module for module in model.modules() if "forward" in module.__dict__]
        with untouched(model):
            assert not any("forward" in module.__dict__ for module in model.modules())
        assert before == [module for module in model.modules() if "forward" in module.__dict__]


def test_what_answers_differently_stays_as_it_is(tiny_base):
    model = adapted(tiny_base)
    block = model.get_base_model().model.layers[0]
    block.mlp.act_fn = torch.nn.GELU()
    block.input_layernorm.forward = lambda x, own=block.input_layernorm: own.weight * x * 2

    names = exchanged(model)

    assert "base_model.model.model.layers.0.mlp" not in names
    assert "base_model.model.model.layers.0.mlp.down_proj" in names
    assert "base_model.model.model.layers.1.mlp" in names


def test_dora_is_left_to_peft():
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "vocab_size": 50}
    plain = LlamaForCausalLM(LlamaConfig(num_attention_heads=2, **shape))
    config = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", use_dora=True)
    model = get_peft_model(plain, config)

    assert not any("proj" in name for name in exchanged(model))


def test_the_parts_have_the_derivatives_of_what_they_compute():
    def of(shape: tuple[int, ...]) -> torch.Tensor:
        return torch.randn(shape, dtype=torch.float64, requires_grad=True)

    torch.manual_seed(0)
    assert torch.autograd.gradcheck(Gate.apply, (of((2, 5)), of((2, 5))))
    x, weight = torch.randn(4, 8, requires_grad=True), torch.rand(8)
    Norm.apply(x, weight, 1e-5).square().sum().backward()
    gradient, x.grad = x.grad, None
    torch.nn.functional.rms_norm(x, (8,), weight, 1e-5).square().sum().backward()
    assert far(gradient, x.grad) < 1e-5


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("numbers", [60, 10**6])
def test_the_loss_in_parts_is_the_loss_at_once(monkeypatch, numbers, smoothing):
    monkeypatch.setattr(loss, "_LOGITS", numbers)
    torch.manual_seed(0)
    head = torch.nn.Linear(8, 20, bias=False).requires_grad_(False)
    hidden, truth = torch.randn(11, 8, requires_grad=True), torch.randint(0, 20, (11,))

    found, nats = reply_loss(hidden, head, Aim(truth, 7, smoothing))
    found.backward()
    gradient, hidden.grad = hidden.grad, None
    plain = torch.nn.functional.cross_entropy(head(hidden), truth, reduction="sum")
    whole = smoothed(plain, head(hidden), smoothing)
    (whole / 7).backward()

    assert nats == pytest.approx(plain.item(), rel=1e-6)
    assert found.item() == pytest.approx(whole.item() / 7, rel=1e-6)
    assert far(gradient, hidden.grad) < 1e-6


@pytest.mark.parametrize("pack", [False, True])
def test_the_head_is_taken_over_only_where_nothing_follows_it(tiny_base, pack):
    model = adapted(tiny_base)
    with packing(model) if pack else nullcontext():
        head = plain_head(model)
        assert head is model.get_output_embeddings()
        assert model.training

        forward = copy.copy(head.forward)
        head.__dict__["forward"] = lambda hidden: forward(hidden).tanh()
        assert plain_head(model) is None


def test_without_its_head_a_model_gives_what_enters_it(tiny_base):
    model = adapted(tiny_base).eval()
    ids = torch.arange(5, 25)[None]
    head = model.get_output_embeddings()

    with torch.no_grad():
        logits = model(ids).logits
        with without_head(head):
            hidden = model(ids).logits

    assert hidden.shape[-1] == 64
    assert torch.equal(head(hidden), logits)
