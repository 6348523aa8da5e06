"""Rows that ask nearly the same are one group: all of them, compared with brute force."""

import itertools
import random
import tracemalloc
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.conversation import Turn
from chatui.data import grouping, near_sets, numbers, sequences, splitting
from chatui.data.cleaning.near import jaccard, shingles
from chatui.data.grouping import SIMILARITY, groups_of
from chatui.data.splitting import assign_splits

WORDS = [f"word{n}" for n in range(200)]


def pair(question, reply="yes"):
    return (Turn("user", question), Turn("assistant", reply))


def groups(*questions):
    return groups_of(map(pair, questions))


def noisy(words, share, chance):
    return " ".join(chance.choice(WORDS) if chance.random() < share else word for word in words)


@pytest.fixture
def texts():
    """Sixty questions of 1 to 150 words, each with copies in which some words differ."""
    chance = random.Random(7)
    made = []
    for _ in range(60):
        asked = chance.choices(WORDS, k=chance.choice((1, 2, 3, 5, 8, 40, 150)))
        made += [noisy(asked, share, chance) for share in (0, 0.005, 0.02, 0.05, 0.3)]
    chance.shuffle(made)
    return made


def in_pieces(monkeypatch, size):
    """Cut everything that is cut by size into pieces of so many."""
    for module, name in (
        (grouping, "_CHUNK"),
        (sequences, "_AT_ONCE"),
        (near_sets, "_BATCH"),
        (near_sets, "_SETS"),
        (numbers, "IN_MEMORY"),
        (numbers, "_BLOCK"),
        (numbers, "_RANGE"),
    ):
        monkeypatch.setattr(module, name, size)
    monkeypatch.setattr(grouping, "_WORDS", 10 * size)


def of_a_template(count, chance):
    """Questions that share nearly all of their words, so that every rare word is a common one."""
    return [
        f"hello there i have a question about the {chance.randrange(60)} for my new bike that i "
        f"bought from you in the city of town{chance.randrange(30)} please help me soon if you "
        f"{chance.choice(['can', 'may', 'will'])} do it at all thanks {chance.randrange(10)}"
        for _ in range(count)
    ]


def near_pairs(texts):
    sets = [shingles(text) for text in texts]
    numbered = itertools.combinations(range(len(texts)), 2)
    return {(i, j) for i, j in numbered if jaccard(sets[i], sets[j]) >= SIMILARITY}


def joined(count, pairs):
    """The lowest number that each number hangs together with, by brute force."""
    names = list(range(count))
    for i, j in pairs:
        one, other = sorted((names[i], names[j]))
        names = [one if name == other else name for name in names]
    return names


def partition(names):
    return {tuple(i for i, n in enumerate(names) if n == name) for name in set(names)}


def test_the_groups_are_those_of_brute_force(texts):
    pairs = near_pairs(texts)

    found = groups(*texts)

    assert len(pairs) > 100
    assert partition(found) == partition(joined(len(texts), pairs))


def test_no_near_pair_of_a_template_is_missed():
    texts = list(dict.fromkeys(of_a_template(1500, random.Random(2))))
    pairs = near_pairs(texts)

    found = groups(*texts)

    assert len(pairs) > 500
    assert [p for p in pairs if found[p[0]] != found[p[1]]] == []


def test_groups_are_the_same_however_little_is_in_memory_at_once(texts, monkeypatch):
    rows = [*texts, *texts[:40], *of_a_template(120, random.Random(3))]
    found = groups(*rows)

    in_pieces(monkeypatch, 60)

    assert groups(*rows) == found
    assert len(set(found)) > 50


def test_a_row_takes_few_bytes_while_it_is_grouped_and_split(monkeypatch):
    in_pieces(monkeypatch, 1_000)

    def peak(count):
        chance = random.Random(count)
        asked = grouping.Asked()
        keys = array("Q")
        tracemalloc.start()
        for _ in range(count):
            asked.add(pair(" ".join(chance.choices(WORDS, k=12))))
            keys.append(chance.getrandbits(64))
        found = asked.groups(np.frombuffer(keys, np.uint64))
        splitting.splits_of(found, 1, np.zeros(len(found.names), bool), None)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(10)  # what is loaded and remembered once
    few, many = peak(3_000), peak(9_000)

    assert 0 < (many - few) / 6_000 < 60


def test_texts_with_more_sequences_than_are_kept_are_found_too():
    chance = random.Random(4)
    texts = []
    for _ in range(10):
        asked = chance.choices(WORDS, k=900)
        texts += [noisy(asked, share, chance) for share in (0, 0.01, 0.02)]
    pairs = near_pairs(texts)

    found = groups(*texts)

    assert len(pairs) >= 20
    assert [p for p in pairs if found[p[0]] != found[p[1]]] == []
    assert len(set(found)) >= 10


def test_near_copies_never_stand_in_two_splits(texts):
    splits = assign_splits(groups(*texts), seed=5)

    assert all(splits[i] == splits[j] for i, j in near_pairs(texts))
    assert {"train", "validation", "test"} == set(splits)


@given(st.lists(st.text("ab c", max_size=12), max_size=25), st.data())
def test_the_order_of_the_rows_does_not_matter(texts, data):
    shuffled = data.draw(st.permutations(texts))

    assert dict(zip(texts, groups(*texts), strict=True)) == dict(
        zip(shuffled, groups(*shuffled), strict=True)
    )


def test_a_word_more_or_less_in_a_long_question_is_the_same_group():
    asked = "Can I change the address of my order while it is still in your warehouse"

    one, other, third = groups(asked, f"{asked}, please?", "Can I change my password?")

    assert one == other != third


def test_the_same_reply_to_other_questions_makes_no_group():
    rows = [pair("How do I pay?", "Read our help pages."), pair("Hi", "Read our help pages.")]

    assert len(set(groups_of(rows))) == 2


def test_a_row_and_the_rows_that_go_on_from_it_are_one_group():
    first = pair("My parcel is late.", "Which one is it?")
    second = (*first, *pair("The red one.", "It comes today."))
    third = (*second, *pair("Thank you so much for that.", "You are welcome."))
    elsewhere = (*pair("My parcel is late.", "I am sorry!"), *pair("Why is that?", "No idea."))

    found = groups_of([third, first, elsewhere, second])

    assert found[0] == found[1] == found[3]
    assert found[2] != found[0]


def test_a_greeting_that_many_conversations_begin_with_joins_none_of_them():
    hello = pair("Hi", "How can I help?")
    rows = [hello, *((*hello, *pair(f"I have problem number {n}", "I see.")) for n in range(40))]

    assert len(set(groups_of(rows))) == 41


def test_no_row_is_no_group():
    assert groups_of([]) == []
    assert len(groups_of([(Turn("user", ""), Turn("assistant", ""))])) == 1
