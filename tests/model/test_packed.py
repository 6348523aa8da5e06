"""Packed rows: the same numbers as row by row, and no row sees another."""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from chatui.model.catalog import find_base
from chatui.model.encoding import EncodedRow
from chatui.model.likelihood import batch_likelihoods
from chatui.model.loading import LoadedModel, load_base
from chatui.model.packed import can_pack, packed, packing, packs


@pytest.fixture(scope="module")
def loaded(tiny_base: Path) -> LoadedModel:
    return load_base(find_base(str(tiny_base)))


def rows(lengths: list[int], seed: int = 0) -> list[EncodedRow]:
    draw = random.Random(seed)
    return [
        EncodedRow([draw.randrange(10, 200) for _ in range(n)], [i >= n // 2 for i in range(n)])
        for n in lengths
    ]


def test_packed_rows_are_as_likely_as_each_alone(loaded):
    some = rows([3, 40, 17, 2, 64])

    alone = [batch_likelihoods(loaded.model, [row], loaded.pad_id)[0] for row in some]
    with packing(loaded.model):
        together = batch_likelihoods(loaded.model, some, loaded.pad_id)

    assert [count for _, count, _ in together] == [count for _, count, _ in alone]
    for (nats, _, _), (expected, _, _) in zip(together, alone, strict=True):
        assert nats == pytest.approx(expected, rel=2e-3)  # bfloat16 where the machine has it


def test_no_row_sees_its_neighbours(loaded):
    first, other, last = rows([20, 15, 30])
    changed = EncodedRow(list(reversed(other.ids)), other.is_reply)

    with packing(loaded.model):
        before = batch_likelihoods(loaded.model, [first, other, last], loaded.pad_id)
        after = batch_likelihoods(loaded.model, [first, changed, last], loaded.pad_id)

    assert before[0] == after[0]
    assert before[2] == after[2]
    assert before[1] != after[1]


def test_a_model_packs_only_inside_of_its_block(loaded):
    assert can_pack(loaded.model)
    assert not packs(loaded.model)
    with suppress(ZeroDivisionError), packing(loaded.model):
        assert packs(loaded.model)
        raise ZeroDivisionError
    assert not packs(loaded.model)


def test_a_model_that_looks_through_a_window_is_not_packed(loaded, monkeypatch):
    monkeypatch.setattr(loaded.model.config, "sliding_window", 8, raising=False)

    with packing(loaded.model) as possible:
        assert not possible
        assert not packs(loaded.model)


def test_the_end_of_a_row_predicts_nothing():
    first, second = rows([4, 3])
    inputs, targets = packed([first, second])

    assert inputs["position_ids"].tolist() == [[0, 1, 2, 3, 0, 1, 2]]
    assert inputs["cu_seq_lens_q"].tolist() == [0, 4, 7]
    assert targets[0, 3].item() == targets[0, 6].item() == -100
    assert targets[0, 1].item() == first.ids[2]
