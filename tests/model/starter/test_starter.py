"""The bundled starter: it loads anywhere, reads any text, and its recipe runs again."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from transformers import AutoConfig, AutoTokenizer

STARTER = Path(__file__).parents[3] / "chatui/model/starter"


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(STARTER, local_files_only=True)


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_any_text_in_any_script_survives_the_tokenizer(tokenizer, text):
    plain = text.replace("<|", "")  # control tokens are not text
    ids = tokenizer(plain, add_special_tokens=False)["input_ids"]

    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == plain


def test_the_template_marks_the_reply_and_its_end_and_nothing_else(tokenizer):
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "good morning"},
    ]
    encoded = tokenizer.apply_chat_template(
        messages, return_dict=True, return_assistant_tokens_mask=True
    )

    marked = zip(encoded["input_ids"], encoded["assistant_masks"], strict=True)
    assert tokenizer.decode([i for i, mask in marked if mask]) == "good morning<|end|>"


def test_every_linear_layer_fits_the_packed_kernel():
    config = AutoConfig.from_pretrained(STARTER, local_files_only=True)

    assert config.architectures == ["LlamaForCausalLM"]
    assert config.max_position_embeddings >= 1024
    narrow = config.num_key_value_heads * config.head_dim
    for inputs, outputs in (
        (config.hidden_size, config.hidden_size),
        (config.hidden_size, narrow),
        (config.hidden_size, config.intermediate_size),
        (config.intermediate_size, config.hidden_size),
    ):
        assert inputs % 64 == 0
        assert outputs % 32 == 0


def test_it_is_small_enough_to_come_along(tokenizer):
    sizes = [path.stat().st_size for path in STARTER.iterdir() if path.is_file()]

    assert sum(sizes) <= 12_000_000
    assert max(sizes) <= 10_000_000
    assert 4000 <= len(tokenizer) <= 8192


def test_its_weights_are_bfloat16():
    with safe_open(STARTER / "model.safetensors", framework="pt") as weights:
        kinds = {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118

    assert kinds == {"BF16"}


def test_its_card_says_what_it_was_trained_on_and_measured():
    card = (STARTER / "README.md").read_text(encoding="utf-8")
    facts = json.loads((STARTER / "training.json").read_text())

    for source in ("self_dialogue_corpus", "STAR", "Taskmaster", "Personality Chat"):
        assert source in card
    assert f"{facts['held_out_bits_per_byte']:.2f} bits per byte" in card
    assert f"{facts['training_tokens'] / 1e6:.1f} M tokens" in card
    assert f"{facts['seconds']:,} s" in card
    assert f"{facts['parameters'] / 1e6:.1f} M" in card
