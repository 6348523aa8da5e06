"""Advice comes with its reason, and what it advises needs no advice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.model.catalog import STARTER, bases_on_offer, find_base
from chatui.train.advice import Situation, advise
from chatui.train.config import TrainConfig, with_changes
from chatui.train.fitting import fit_of
from chatui.train.hardware import Hardware
from chatui.train.presets import PRESETS, preset

LAPTOP = Hardware(2, 8000, has_gpu=False)
QWEN = "Qwen/Qwen2.5-0.5B-Instruct"


def situation(
    rows=400, base=STARTER, config=None, hardware=LAPTOP, seconds=60.0, free=8000
) -> Situation:
    found = find_base(base)
    config = config or preset("Quick look", found.parameters)
    offered = tuple(bases_on_offer())
    verdicts = {each.name: fit_of(config, each, None, free).verdict for each in offered}
    return Situation(rows, found, config, hardware, seconds, offered, verdicts)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_on_a_few_hundred_conversations_need_no_advice_on_rate_or_rank(name):
    fields = {advice.field for advice in advise(situation(config=preset(name)))}

    assert fields <= {"epochs"}


def test_the_sample_and_the_first_preset_need_none_at_all():
    assert advise(situation(rows=459)) == []


def test_a_private_run_may_take_more_passes():
    many = TrainConfig(epochs=60)
    private = with_changes(many, {"privacy_epsilon": 8})

    assert "epochs" in {advice.field for advice in advise(situation(config=many))}
    assert "epochs" not in {advice.field for advice in advise(situation(config=private))}


@given(
    rows=st.integers(8, 10**7),
    base=st.sampled_from([STARTER, QWEN]),
    options=st.fixed_dictionaries(
        {
            "epochs": st.integers(1, 100),
            "lora_rank": st.integers(1, 256),
            "learning_rate": st.floats(1e-6, 1e-1),
            "optimizer": st.sampled_from(["adamw", "lion"]),
        }
    ),
)
def test_whoever_takes_advice_gets_no_further_one_on_the_same(rows, base, options):
    before = TrainConfig(**options)
    found = advise(situation(rows, base, before))

    taken = with_changes(before, {a.field: a.value for a in found if a.field != "base"})

    assert [a for a in advise(situation(rows, base, taken)) if a.field != "base"] == []
    assert all(advice.reason.endswith(".") and advice.label for advice in found)


def test_a_base_that_is_too_large_or_too_slow_is_advised_against_with_the_reason():
    large = advise(situation(base=QWEN, free=1900))
    slow = advise(situation(base=QWEN, seconds=20 * 3600))

    assert (large[0].field, large[0].value) == ("base", "HuggingFaceTB/SmolLM2-135M-Instruct")
    assert "memory" in large[0].reason
    assert "20 hours" in slow[0].reason


def test_a_gpu_is_worth_a_larger_base():
    (advice,) = advise(situation(rows=459, hardware=Hardware(8, 32000, has_gpu=True)))

    assert (advice.field, advice.value) == ("base", QWEN)
