from dataclasses import replace

import pytest

from chatui.chat.feedback import Feedback, FeedbackStore
from chatui.conversation import Turn
from chatui.database import open_database
from chatui.model.decoding import Decoding

GOOD = Feedback(
    thumb="up",
    turns=(Turn("system", "Be kind."), Turn("user", "Where is my parcel? 📦")),
    reply="On its way.",
    visitor="v1",
    model_name="r1",
    model_hash="m" * 64,
    base_hash="b" * 64,
    adapter_hash="a" * 64,
    template_hash="t" * 64,
    run="r1",
    decoding=Decoding(temperature=0.7),
    seed=3,
)


@pytest.fixture
def store(tmp_path):
    database = open_database(tmp_path / "chatui.sqlite")
    yield FeedbackStore(database)
    database.close()


def test_a_thumb_is_kept_with_all_that_is_needed_to_make_the_reply_again(store):
    store.save(GOOD)

    assert store.all() == [GOOD]


def test_a_second_click_saves_nothing_more(store):
    store.save(GOOD)
    store.save(GOOD)

    assert len(store.all()) == 1


def test_a_changed_mind_counts_and_what_was_said_before_stays_in_the_table(store, tmp_path):
    bad = replace(GOOD, thumb="down", reason="Wrong", correction="It left on Monday.")
    for each in (GOOD, bad, GOOD, bad):
        store.save(each)

    assert store.all() == [bad]
    assert rows(store) == 4


def rows(store):
    from sqlalchemy import func, select

    from chatui.database import FeedbackRow

    with store._database.reading() as session:
        return session.scalar(select(func.count()).select_from(FeedbackRow))


@pytest.mark.parametrize(
    "other",
    [
        replace(GOOD, visitor="v2"),
        replace(GOOD, model_hash="n" * 64),
        replace(GOOD, seed=4),
        replace(GOOD, turns=GOOD.turns[1:]),
    ],
    ids=["visitor", "model", "seed", "turns"],
)
def test_another_visitor_model_seed_or_conversation_is_another_reply(store, other):
    store.save(GOOD)
    store.save(other)

    assert store.all() == [GOOD, other]


def test_feedback_survives_a_restart(tmp_path):
    for _ in range(2):
        database = open_database(tmp_path / "chatui.sqlite")
        FeedbackStore(database).save(GOOD)
        database.close()
    database = open_database(tmp_path / "chatui.sqlite")

    assert FeedbackStore(database).all() == [GOOD]
    database.close()
