"""The order of a run: every row once an epoch, neighbours in length, the same for a seed."""

from collections import Counter

from chatui.train.worker.batches import evaluation_steps, plan_batches

LENGTHS = [(7 * n) % 53 + 5 for n in range(101)]


def test_every_epoch_has_every_row_once():
    batches = plan_batches(LENGTHS, batch_size=8, epochs=3, seed=1)

    assert Counter(row for batch in batches for row in batch) == dict.fromkeys(range(101), 3)
    assert max(len(batch) for batch in batches) == 8


def test_the_seed_decides_the_order():
    assert plan_batches(LENGTHS, 8, 2, seed=1) == plan_batches(LENGTHS, 8, 2, seed=1)
    assert plan_batches(LENGTHS, 8, 2, seed=1) != plan_batches(LENGTHS, 8, 2, seed=2)


def test_rows_of_a_batch_have_similar_lengths():
    def padding(batches: list[list[int]]) -> float:
        read = sum(max(LENGTHS[row] for row in batch) * len(batch) for batch in batches)
        return read / sum(LENGTHS)

    in_file_order = [list(range(i, min(i + 8, 101))) for i in range(0, 101, 8)]
    assert padding(plan_batches(LENGTHS, 8, 1, seed=1)) < 1.15 < padding(in_file_order)


def test_evaluations_are_evenly_spaced_and_the_last_is_at_the_end():
    assert sorted(evaluation_steps(100, 4)) == [25, 50, 75, 100]
    assert sorted(evaluation_steps(3, 10)) == [1, 2, 3]
