"""The order of a run: every row once an epoch, steps drawn at random, in pieces that fit."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chatui.train.worker.batches import Limits, evaluation_steps, pieces_of_step, plan_steps

LENGTHS = st.lists(st.integers(1, 90), min_size=1, max_size=40)
LIMITS = st.builds(
    Limits,
    rows=st.integers(1, 20),
    tokens=st.integers(16, 200),
    packs=st.booleans(),
    shares=st.integers(1, 4),
)


@given(rows=st.integers(1, 60), rows_per_step=st.integers(1, 20), epochs=st.integers(1, 4))
def test_every_epoch_has_every_row_once_and_all_steps_but_the_last_are_whole(
    rows, rows_per_step, epochs
):
    steps = plan_steps(rows, rows_per_step=rows_per_step, epochs=epochs, seed=1)

    order = [row for step in steps for row in step]
    for epoch in range(epochs):
        assert sorted(order[epoch * rows : (epoch + 1) * rows]) == list(range(rows))
    assert {len(step) for step in steps[:-1]} <= {rows_per_step}
    assert 1 <= len(steps[-1]) <= rows_per_step


def test_the_seed_decides_the_order():
    one, again, other = (plan_steps(101, rows_per_step=8, epochs=2, seed=n) for n in (1, 1, 2))

    assert one == again != other


@given(lengths=LENGTHS, limits=LIMITS)
def test_pieces_hold_every_row_of_a_step_once_and_no_more_than_allowed(lengths, limits):
    pieces = pieces_of_step(lengths, limits)

    assert Counter(row for piece in pieces for row in piece) == Counter(range(len(lengths)))
    for piece in pieces:
        held = [lengths[row] for row in piece]
        read = sum(held) if limits.packs else len(held) * max(held)
        assert len(piece) == 1 or (len(piece) <= limits.rows and read <= limits.tokens)


@given(lengths=LENGTHS, limits=LIMITS)
def test_packed_pieces_are_level(lengths, limits):
    pieces = pieces_of_step(lengths, Limits(limits.rows, limits.tokens, packs=True))

    filled = [sum(lengths[row] for row in piece) for piece in pieces]
    assert max(filled) - min(filled) <= max(lengths)


@given(lengths=LENGTHS, shares=st.integers(2, 4), packs=st.booleans())
def test_a_step_that_fits_is_read_in_a_piece_for_each_process(lengths, shares, packs):
    pieces = pieces_of_step(lengths, Limits(100, 100_000, packs, shares))

    if packs:
        assert len(pieces) == min(len(lengths), shares)
    else:
        assert max(len(piece) for piece in pieces) == -(-len(lengths) // shares)


def test_a_step_that_fits_is_read_at_once_and_a_longer_one_in_as_few_pieces_as_hold_it():
    lengths = [50, 40, 30, 20, 10, 10]

    def pieces(**limits: int) -> int:
        return len(
            pieces_of_step(lengths, Limits(**{"rows": 8, "tokens": 160, **limits}, packs=True))
        )

    assert pieces() == 1
    assert pieces(tokens=80) == 2
    assert pieces(tokens=159) == 2
    assert pieces(rows=2) == 3
    assert pieces(tokens=16) == 6


def test_padded_rows_share_a_piece_with_their_like():
    lengths = [7 * n % 53 + 5 for n in range(32)]

    pieces = pieces_of_step(lengths, Limits(32, 200, packs=False))

    padded = sum(max(lengths[row] for row in piece) * len(piece) for piece in pieces)
    assert padded < 1.2 * sum(lengths)


def test_rows_of_the_same_reply_do_not_gather_in_the_same_steps():
    # Nine questions to each of twelve replies; the rows of a reply have the same length.
    steps = plan_steps(108, rows_per_step=8, epochs=10, seed=0)

    different = [len({row % 12 for row in step}) for step in steps]
    assert sum(different) / len(different) > 5.5  # eight drawn at random: 6.1 expected


def test_evaluations_are_evenly_spaced_and_the_last_is_at_the_end():
    assert sorted(evaluation_steps(100, 4)) == [25, 50, 75, 100]
    assert sorted(evaluation_steps(3, 10)) == [1, 2, 3]
