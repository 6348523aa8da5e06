"""The sample has something to show for every cleaning step, and is good to learn from."""

from collections import Counter

from chatui.data.cleaning import DEFAULT_STEPS
from chatui.data.prepare import prepare
from chatui.data.store import SAMPLE_FILE


def test_every_cleaning_step_has_something_to_do():
    draft = prepare(SAMPLE_FILE)
    hits = {
        step: draft.changed.get(step, 0) + draft.removed_by.get(step, 0)
        for step in DEFAULT_STEPS
        if step != "control"  # nobody types control tokens to a help desk; a guard, when they do
    }

    assert all(8 <= count <= 40 for count in hits.values()), hits
    assert draft.recognition.is_sure
    assert 500 <= len(draft.kept) <= 540


def test_the_first_row_shows_what_cleaning_does():
    first = prepare(SAMPLE_FILE).kept[0]

    assert first.row == 1
    assert first.before != first.turns


def test_replies_are_short_and_a_topic_has_one_reply():
    draft = prepare(SAMPLE_FILE)
    words = [len(c.reference.split()) for c in draft.conversations]
    replies = {(c.label, c.reference.replace("’", "'")) for c in draft.conversations}

    assert min(words) >= 12
    assert max(words) <= 35
    assert len(replies) == len({label for label, _ in replies}) >= 26
    assert min(Counter(c.label for c in draft.conversations).values()) >= 15


def test_nothing_dirty_is_left():
    for conversation in prepare(SAMPLE_FILE).conversations:
        for turn in conversation.turns:
            assert not set(turn.text) & set("<>âÃ\u00a0")
            assert turn.text == turn.text.strip()
