"""The order of a run: every row once an epoch, steps drawn at random, the same for a seed."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chatui.train.worker.batches import batches_per_step, evaluation_steps, plan_batches

LENGTHS = [(7 * n) % 53 + 5 for n in range(101)]
HALVED = {"rows_per_step": 8, "batches_per_step": 2}


@given(
    rows=st.integers(1, 60),
    rows_per_step=st.integers(1, 20),
    pieces=st.integers(1, 4),
    epochs=st.integers(1, 4),
)
def test_every_epoch_has_every_row_once_and_steps_do_not_share_batches(
    rows, rows_per_step, pieces, epochs
):
    pieces = min(pieces, rows_per_step)
    batches = plan_batches(
        LENGTHS[:rows],
        rows_per_step=rows_per_step,
        batches_per_step=pieces,
        epochs=epochs,
        seed=1,
    )

    order = [row for batch in batches for row in batch]
    assert Counter(order) == dict.fromkeys(range(rows), epochs)
    whole_steps = rows * epochs // rows_per_step
    for step in range(whole_steps):
        read = batches[step * pieces : (step + 1) * pieces]
        assert sum(map(len, read)) == rows_per_step
    assert len(batches[whole_steps * pieces :]) <= pieces


def test_the_seed_decides_the_order():
    one, again, other = (plan_batches(LENGTHS, **HALVED, epochs=2, seed=n) for n in (1, 1, 2))

    assert one == again != other


def test_halves_of_a_step_have_less_padding_than_the_whole():
    def padding(pieces: int) -> float:
        batches = plan_batches(LENGTHS, rows_per_step=8, batches_per_step=pieces, epochs=5, seed=1)
        return sum(max(LENGTHS[row] for row in batch) * len(batch) for batch in batches)

    assert padding(2) < 0.85 * padding(1)


def test_rows_of_the_same_reply_do_not_gather_in_the_same_steps():
    # Nine questions to each of twelve replies; the rows of a reply have the same length.
    lengths = [20 + 3 * (n % 12) for n in range(108)]
    batches = plan_batches(lengths, **HALVED, epochs=10, seed=0)
    steps = [one + other for one, other in zip(batches[::2], batches[1::2], strict=True)]

    different = [len({row % 12 for row in step}) for step in steps]
    assert sum(different) / len(different) > 5.5  # eight drawn at random: 6.1 expected


def test_a_small_batch_is_not_halved_and_accumulated_ones_stay():
    assert batches_per_step(32, 1) == 2
    assert batches_per_step(32, 3) == 6
    assert batches_per_step(16, 3) == 3


def test_evaluations_are_evenly_spaced_and_the_last_is_at_the_end():
    assert sorted(evaluation_steps(100, 4)) == [25, 50, 75, 100]
    assert sorted(evaluation_steps(3, 10)) == [1, 2, 3]
