"""Every conversation is measured: lengths, tokens, languages, copies, personal data."""

import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.conversation import Conversation, Turn
from chatui.data.health import examine
from chatui.data.measures import in_bars, measure, spread
from chatui.model.catalog import find_base
from chatui.model.counting import counter_of

SIZES = st.lists(st.integers(0, 10**7), min_size=1, max_size=300)


class Words:
    """Counts words, and one token a turn for the template."""

    def conversations(self, rows):
        return [sum(len(turn.text.split()) + 1 for turn in turns) for turns in rows]

    def texts(self, texts):
        return [len(text.split()) for text in texts]


def row(number: int, asked: str, said: str) -> Conversation:
    return Conversation(str(number), (Turn("user", asked), Turn("assistant", said)), row=number)


def taken(rows, limit=20):
    return measure(rows, Words(), "words", limit)


def many(count: int, said: str = "This is the reply number {n} to it.") -> list[Conversation]:
    return [row(n, f"This is my question number {n}?", said.format(n=n)) for n in range(count)]


@given(sizes=SIZES)
def test_every_size_is_in_one_bar_and_there_are_at_most_thirteen(sizes):
    bars = in_bars(sizes)

    assert sum(count for _, count in bars) == len(sizes)
    assert len(bars) <= 13


@given(sizes=SIZES)
def test_half_of_the_sizes_are_at_most_the_median_that_is_told(sizes):
    found = spread(sizes)

    assert found.p50 == statistics.median_low(sizes)
    assert sum(size <= found.p95 for size in sizes) >= 0.95 * len(sizes)
    assert (found.most, found.total) == (max(sizes), sum(sizes))


def test_all_rows_are_counted_and_the_long_ones_are_those_that_training_cuts():
    rows = [*many(1500), row(1500, "word " * 30, "yes"), row(1501, "short", "word " * 30)]
    told = []

    found = measure(rows, Words(), "words", 20, progress=told.append)

    assert found.conversations == 1502
    assert found.cut == 2
    assert found.cut_share == pytest.approx(2 / 1502)
    assert found.tokens.most == 33
    assert told == [1000, 1502]


def test_each_speaker_has_figures_of_their_own_and_their_ratio():
    found = taken([row(1, "one two", "one two three four"), row(2, "one two", "one two")])

    assert found.roles["user"].tokens.total == 4
    assert found.roles["assistant"].characters.most == len("one two three four")
    assert found.user_to_reply == pytest.approx(4 / 6)
    assert found.turn_counts == ((2, 2),)


def test_languages_labels_copies_and_openings_are_counted():
    rows = [replace(r, label="a") for r in many(6)]
    rows += [row(9, "Wo finde ich meine Rechnung vom letzten Monat?", "Unter Konto, dann Belege.")]
    rows += [row(10, "hi", "yo"), rows[0]]

    found = taken(rows)

    assert dict(found.languages) == {"en": 7, "de": 1, "unknown": 1}
    assert found.copies == 1
    assert found.labels == (("a", 7),)
    assert found.openings["user"][0] == ("This is my", 7)


def test_by_the_starter_a_share_is_cut_where_training_reads_fewer_tokens():
    rows = many(3)
    counter = counter_of(find_base("starter"))
    longest = max(counter.conversations([r.turns for r in rows]))

    assert measure(rows, counter, "starter", longest).cut == 0
    assert measure(rows, counter, "starter", longest - 1).cut >= 1


def test_what_was_measured_is_said_in_the_health_card():
    rows = [*many(300), *[row(400 + n, "word " * 30, "Write to a@b.org.") for n in range(9)]]
    rows += [row(500 + n, f"Call me at jo{n}@example.org", "We will do so soon.") for n in range(9)]
    rows += [
        row(600 + n, f"Wo finde ich meine Rechnung {n}?", "Im Konto unter Belege.")
        for n in range(9)
    ]

    found = {f.subject: f for f in examine(rows, taken(rows), [3, 7]).findings}

    assert found["Length"].sentence.startswith("9 conversations have more than 20 tokens (3 %)")
    assert found["Length"].is_serious
    assert found["Personal data"].sentence.startswith("18 conversations hold e-mail addresses")
    assert found["Personal data"].is_serious
    assert found["Copies"].sentence.startswith("8 (2 %) say what another one says")
    assert "de 3 %" in found["Languages"].sentence
    assert found["Flags"].sentence == "Rows 3, 7 are flagged: look again before training."


def test_your_own_address_in_a_reply_is_good_to_know_and_nothing_to_mend():
    rows = [*many(300), row(400, "Whom do I write to?", "Write to help@shop.org.")]

    found = {f.subject: f for f in examine(rows, taken(rows)).findings}["Personal data"]

    assert "All are in replies: fine if they are your own" in found.sentence
    assert not found.is_serious


def test_a_clean_dataset_has_no_finding_from_its_measures():
    rows = [replace(r, split="test" if n % 4 == 0 else "train") for n, r in enumerate(many(400))]

    assert examine(rows, taken(rows)).findings == ()
