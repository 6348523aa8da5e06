"""Near duplicates: found by MinHash, decided by exact Jaccard, compared with brute force."""

import itertools
import random

import pytest

from chatui.conversation import Turn
from chatui.data.cleaning import Parameters, clean
from chatui.data.cleaning.near import jaccard, near_copies, shingles
from chatui.data.cleaning.sketches import Sketcher
from chatui.data.formats import RawRow

KNOWN = [3276590868854743542, 14329491626330261362]
WORDS = [f"word{n}" for n in range(200)]


def row(number, question, reply):
    return RawRow(number, (Turn("user", question), Turn("assistant", reply)))


def noisy(words, share, chance):
    return " ".join(chance.choice(WORDS) if chance.random() < share else word for word in words)


@pytest.fixture
def rows():
    """Forty texts, each with copies in which some words differ."""
    chance = random.Random(7)
    made = []
    for _ in range(40):
        asked, said = (chance.choices(WORDS, k=40) for _ in range(2))
        for share in (0, 0.01, 0.03, 0.08, 0.3):
            made.append((noisy(asked, share, chance), noisy(said, share, chance)))
    chance.shuffle(made)
    return [row(number, *texts) for number, texts in enumerate(made, start=1)]


def similarity(one, other):
    return min(
        jaccard(shingles(mine.text), shingles(theirs.text))
        for mine, theirs in zip(one.turns, other.turns, strict=True)
    )


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.95])
def test_what_is_removed_is_what_brute_force_removes(rows, threshold):
    kept, gone = [], []
    for one in rows:
        (gone if any(similarity(one, k) >= threshold for k in kept) else kept).append(one)

    account = clean(rows, ("near",), Parameters(similarity=threshold))

    assert [r.row for r in account.removed] == [r.row for r in gone]
    assert gone


def test_rows_whose_sequences_are_read_again_are_compared_as_before(rows, monkeypatch):
    cleaned = clean(rows, ()).kept
    found = near_copies(cleaned, 0.7)

    monkeypatch.setattr("chatui.data.cleaning.near._REMEMBERED", 2)

    assert near_copies(cleaned, 0.7) == found != {}


def test_the_reason_names_the_row_that_stays_and_the_similarity():
    said = "You can change the address of an order until it has been packed in our warehouse"
    rows = [row(4, "How do I do it?", said), row(9, "How do I do it?", said + " today.")]

    account = clean(rows, ("near",))

    assert account.removed[0].row == 9
    assert account.removed[0].reason == "says nearly the same as row 4 (similarity 0.93)"


def test_one_reply_to_many_questions_makes_no_copies_and_few_comparisons(monkeypatch):
    said = "You can pay by card, by bank transfer or in cash when you fetch your order yourself."
    chance = random.Random(3)
    rows = [row(n, " ".join(chance.choices(WORDS, k=8)), said) for n in range(400)]
    compared = []
    real = jaccard
    monkeypatch.setattr(
        "chatui.data.cleaning.near.jaccard", lambda *pair: compared.append(1) or real(*pair)
    )

    assert clean(rows, ("near",)).removed == []
    assert len(compared) < len(rows)


def test_the_rows_that_stay_are_not_similar(rows):
    kept = clean(rows, ("near",)).kept

    assert near_copies(kept, 0.8) == {}
    assert all(similarity(*pair) < 0.8 for pair in itertools.combinations(kept, 2))


def test_texts_without_three_words_are_near_only_when_they_are_the_same():
    rows = [row(1, "Hi", "Yes"), row(2, "Hi!", "yes"), row(3, "Hi", "No"), row(4, "👍", "👎")]

    assert [r.row for r in clean(rows, ("near",)).removed] == [2]


def test_sketches_are_the_same_in_any_chunk_and_known_for_good():
    """Which rows are removed must not change with the machine, the run or the rows around."""
    pairs = [("How do I pay?", "By card or in cash."), ("Hi", ""), ("Größe", "a b c d"), ("?", "!")]

    together = Sketcher(0.8).keys(pairs, len(pairs))
    apart = [Sketcher(0.8).keys([pair], 1)[0].tolist() for pair in pairs]

    assert together.tolist() == apart
    assert together.shape == (4, 22)
    assert together[0, :2].tolist() == KNOWN


def test_no_pair_is_missed_among_many_that_are_just_similar_enough():
    chance = random.Random(5)
    missed = pairs = 0
    for _ in range(300):
        asked, said = (chance.choices(WORDS, k=40) for _ in range(2))
        near = [*said[:20], "else", *said[20:]]
        one, other = (
            row(1, " ".join(asked), " ".join(said)),
            row(2, " ".join(asked), " ".join(near)),
        )
        pairs += similarity(one, other) >= 0.8
        missed += similarity(one, other) >= 0.8 and not clean([one, other], ("near",)).removed

    assert pairs > 250
    assert missed / pairs <= 0.01
