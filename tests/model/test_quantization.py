"""How many bits the weights take is chosen behind a base model's name, and stays with its runs."""

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from hypothesis import given
from hypothesis import strategies as st

from chatui.errors import UnknownBase
from chatui.model.catalog import STARTER, find_base
from chatui.model.engine import Engine
from chatui.model.hashes import base_hash, template_hash
from chatui.model.loading import load_base
from chatui.model.quantization import FP4, NF4, QUANTIZATIONS, SIXTEEN
from chatui.model.templates import TEMPLATES, name_in, name_with, quantization_in, split_name
from chatui.train.config import TrainConfig
from chatui.train.memory import memory_for
from tests.model.test_engine_replies import QUESTIONS, ask, told
from tests.train.conftest import SMALL, bench, trained  # noqa: F401 - a fixture


@pytest.mark.parametrize(("choice", "kind"), [(NF4, "nf4"), (FP4, "fp4"), (SIXTEEN, None)])
def test_the_weights_are_loaded_as_the_name_says(tiny_base, choice, kind):
    model = load_base(find_base(name_in(str(tiny_base), choice))).model

    layers = [m for m in model.modules() if isinstance(m, Linear4bit)]
    assert {layer.weight.quant_type for layer in layers} == ({kind} if kind else set())
    assert all(layer.weight.quant_state.nested for layer in layers)


def test_sixteen_bits_are_the_weights_as_they_are(tiny_base):
    from transformers import AutoModelForCausalLM

    ours = load_base(find_base(f"{tiny_base}#16bit")).model.state_dict()
    theirs = AutoModelForCausalLM.from_pretrained(tiny_base, dtype=torch.bfloat16).state_dict()

    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name].to(torch.bfloat16), theirs[name]) for name in ours)


def test_each_has_a_hash_of_its_own_and_answers_for_itself(tiny_base):
    bases = [find_base(name_in(str(tiny_base), choice)) for choice in QUANTIZATIONS]
    engines = [Engine.open(base, decodes_only=True) for base in bases]

    assert len({base_hash(base) for base in bases}) == 3
    assert len({template_hash(base) for base in bases}) == 1
    assert len({repr(told(engine.replies(ask(*QUESTIONS)))) for engine in engines}) > 1
    assert {base.source for base in bases} == {str(tiny_base)}


def test_four_bits_take_a_quarter_of_the_memory_of_sixteen():
    four, sixteen = (
        memory_for(TrainConfig(), find_base(name), free_mb=10**6).weights_mb
        for name in (
            "HuggingFaceTB/SmolLM2-135M-Instruct",
            "HuggingFaceTB/SmolLM2-135M-Instruct#16bit",
        )
    )

    assert sixteen - four == pytest.approx(106.2e6 * (2 - 0.516) / 2**20, rel=0.02)


def test_a_quantization_that_nobody_knows_is_no_base_model():
    with pytest.raises(UnknownBase):
        find_base(f"{STARTER}#fp8")


@given(
    st.sampled_from(["starter", "a/b", "/some/folder", "odd#name"]),
    st.sampled_from(list(QUANTIZATIONS)),
    st.sampled_from(["", *TEMPLATES]),
)
def test_both_choices_stand_in_a_name_and_either_can_change(name, choice, template):
    chosen = name_in(name_with(name, template), choice)

    assert quantization_in(chosen) == choice
    assert split_name(chosen)[1] == template
    assert name_with(name_in(chosen, NF4), "") == name
    assert name_in(name_with(chosen, "inst"), choice) == name_with(name_in(name, choice), "inst")
