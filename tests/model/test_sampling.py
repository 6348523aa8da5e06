"""Choosing tokens: greedy, top-k, top-p and the penalty for repetition."""

import torch

from chatui.model.decoding import Decoding
from chatui.model.sampling import Sampler

LOGITS = torch.tensor([0.1, 3.0, 2.9, -1.0])


def drawn(decoding: Decoding, count: int = 200, prompt: tuple[int, ...] = ()) -> set[int]:
    return {Sampler(decoding, seed, prompt).choose(LOGITS.clone()) for seed in range(count)}


def test_greedy_takes_the_likeliest_whatever_the_seed():
    assert drawn(Decoding(), count=5) == {1}


def test_temperature_draws_them_all_in_the_end():
    assert drawn(Decoding(temperature=1.5)) == {0, 1, 2, 3}


def test_top_k_keeps_the_k_likeliest():
    assert drawn(Decoding(temperature=2.0, top_k=2)) == {1, 2}


def test_top_p_keeps_the_fewest_that_hold_the_share():
    assert drawn(Decoding(temperature=1.0, top_p=0.4)) == {1}
    assert drawn(Decoding(temperature=1.0, top_p=0.9)) == {1, 2}


def test_the_penalty_counts_the_prompt_and_what_was_said():
    sampler = Sampler(Decoding(repetition_penalty=1.5), 0, prompt=[1])

    assert [sampler.choose(LOGITS.clone()) for _ in range(2)] == [2, 1]
