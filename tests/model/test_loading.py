"""Loading: four bits everywhere, packed for the CPU only where that is safe."""

from pathlib import Path

import pytest
import torch
from bitsandbytes.functional import has_avx512bf16
from bitsandbytes.nn import Linear4bit

from chatui.errors import BaseNotReachable, BaseNotUsable, UnknownBase
from chatui.model import loading
from chatui.model.catalog import bases_on_offer, find_base
from chatui.model.engine import Engine
from chatui.model.loading import allow_repacking, load_base, threads_for
from chatui.model.requests import Request
from tests.model.conftest import turns
from tests.tiny_model import make_tiny_base

needs_packing = pytest.mark.skipif(
    not has_avx512bf16(), reason="this processor has no packed 4-bit kernel"
)


def layers_of(model: torch.nn.Module) -> list[Linear4bit]:
    return [module for module in model.modules() if isinstance(module, Linear4bit)]


def gradient_norm(model: torch.nn.Module) -> float:
    """Of the inputs, through all layers: what is lost when a layer stops gradients."""
    model.train()
    ids = torch.arange(5, 25)[None]
    embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
    model(inputs_embeds=embedded, labels=ids).loss.backward()
    return float(embedded.grad.float().norm())


def test_every_linear_layer_but_the_head_is_nf4_with_double_quantization(tiny_base):
    model = load_base(find_base(str(tiny_base))).model

    assert len(layers_of(model)) == 2 * 7
    for layer in layers_of(model):
        assert layer.weight.quant_state.quant_type == "nf4"
        assert layer.weight.quant_state.nested


def test_the_gradient_after_an_evaluation_equals_that_without(tiny_base):
    model = load_base(find_base(str(tiny_base))).model
    before = gradient_norm(model)

    model.eval()
    with torch.no_grad():
        model(torch.arange(5, 25)[None])

    assert gradient_norm(model) == before > 0


@needs_packing
@pytest.mark.filterwarnings("ignore:.*an autograd kernel was not registered")
def test_without_our_switch_an_evaluation_would_lose_the_gradient(tiny_base):
    """The trap itself: when this fails, the library is cured and the switch can go."""
    model = load_base(find_base(str(tiny_base))).model
    before = gradient_norm(model)
    allow_repacking(model, True)

    model.eval()
    with torch.no_grad():
        model(torch.arange(5, 25)[None])

    assert gradient_norm(model) != pytest.approx(before, rel=0.05)


@needs_packing
def test_a_model_that_only_decodes_is_packed_and_one_that_does_not_fit_is_not(tiny_base, tmp_path):
    fitting = load_base(find_base(str(tiny_base)), decodes_only=True).model
    assert all(layer.support_avx512bf16_for_cpu for layer in layers_of(fitting))

    odd = make_tiny_base(tmp_path / "odd", hidden_size=80, num_attention_heads=2, head_dim=40)
    engine = Engine.open(find_base(str(odd)), decodes_only=True)

    flags = {layer.support_avx512bf16_for_cpu for layer in layers_of(engine._loaded.model)}
    assert False in flags
    assert engine.replies([Request(turns("Hello"))])[0].tokens > 0


def test_the_packed_model_answers_and_streams(tiny_base, tiny_adapter):
    engine = Engine.open(find_base(str(tiny_base)), decodes_only=True)
    adapter = engine.attach(tiny_adapter)

    for name in (None, adapter, None):
        assert "".join(engine.stream(Request(turns("Hello"), name), lambda: False))


def test_the_starter_is_the_first_base_on_offer_and_is_described():
    starter = bases_on_offer()[0]

    assert starter.name == "starter"
    assert starter.parameters > 1_000_000
    assert starter.context >= 512


def test_a_folder_is_described_from_its_files(tiny_base):
    base = find_base(str(tiny_base))

    assert base.context == 256
    assert base.is_local
    assert 300_000 < base.parameters < 400_000


def test_a_folder_without_a_model_or_without_a_template_is_refused(tmp_path, tiny_base):
    with pytest.raises(BaseNotUsable, match=r"no config\.json"):
        find_base(str(tmp_path))

    base = make_tiny_base(tmp_path / "mute")
    (base / "chat_template.jinja").unlink()
    with pytest.raises(BaseNotUsable, match="no chat template"):
        find_base(str(base))


def test_damaged_weights_are_told_in_a_sentence(tmp_path):
    base = make_tiny_base(tmp_path / "damaged")
    found = find_base(str(base))
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])

    with pytest.raises(BaseNotUsable, match="could not be loaded"):
        load_base(found)


def test_a_name_that_is_nothing_is_refused_at_once():
    with pytest.raises(UnknownBase, match="no base model called 'nothing'"):
        find_base("nothing")


def test_a_hub_model_that_cannot_be_fetched_is_told_in_a_sentence():
    base = find_base("nobody/nothing-of-the-kind")

    with pytest.raises(BaseNotReachable, match="choose 'starter'"):
        load_base(base)


def test_loading_runs_no_code_that_came_with_a_model(tmp_path: Path):
    base = make_tiny_base(tmp_path / "custom")
    config = (base / "config.json").read_text()
    evil = config.replace('"model_type": "llama"', '"model_type": "evil"').replace(
        "{", '{"auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"},', 1
    )
    (base / "config.json").write_text(evil)
    (base / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")

    with pytest.raises(BaseNotUsable):
        load_base(find_base(str(base)))
    assert not (tmp_path / "ran").exists()


def test_a_small_model_runs_on_one_thread_and_a_large_one_on_all():
    assert threads_for(4_700_000, allowed=8) == 1
    assert threads_for(135_000_000, allowed=8) == 8
    assert threads_for(1_000_000_000, allowed=2) == 2


def test_loading_a_model_sets_the_threads_that_it_is_worth(tiny_base, monkeypatch):
    monkeypatch.setattr(loading, "_THREADS", 2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        load_base(find_base(str(tiny_base)))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
