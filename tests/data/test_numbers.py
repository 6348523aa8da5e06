"""Numbers on disk are those that were written; equal keys are found in any array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.data import numbers
from chatui.data.numbers import Numbers, first_alike, is_among

KEYS = st.lists(st.sampled_from([0, 1, 2, 2**63, 2**64 - 1, 2**64 - 2]), max_size=60)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(numbers, "IN_MEMORY", 100)
    monkeypatch.setattr(numbers, "_BLOCK", 16)
    monkeypatch.setattr(numbers, "_RANGE", 10)


def test_numbers_are_read_at_any_place_in_any_order(tmp_path):
    kept = Numbers("u4", tmp_path)
    for start in range(0, 100, 20):
        kept.append(np.arange(start, start + 20))

    kept.write(50, np.arange(1000, 1010))

    wanted = [*range(50), *range(1000, 1010), *range(60, 100)]
    at = np.array([99, 3, 50, 50, 0, 17, 59])
    assert len(kept) == 100
    assert kept.read(0, 100).tolist() == wanted
    assert kept.take(at).tolist() == [wanted[place] for place in at]
    assert kept.take(at[:0]).tolist() == []
    assert list(tmp_path.iterdir()) == []


@given(KEYS, st.lists(st.integers(0, 2), min_size=60, max_size=60))
def test_the_first_that_is_alike_is_found_for_each(keys, more):
    more = more[: len(keys)]
    pairs = list(zip(keys, more, strict=True))
    keys, more = np.array(keys, np.uint64), np.array(more, np.uint64)

    assert first_alike(keys).tolist() == [keys.tolist().index(key) for key in keys.tolist()]
    assert first_alike(keys, more).tolist() == [pairs.index(pair) for pair in pairs]


@given(KEYS, KEYS)
def test_a_key_is_among_the_wanted_ones_or_not(keys, wanted):
    found = is_among(np.array(keys, np.uint64), np.sort(np.array(wanted, np.uint64)))

    assert found.tolist() == [key in wanted for key in keys]
