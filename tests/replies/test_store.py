"""Replies are made once, stay as they are, and survive a kill."""

from dataclasses import replace

import pytest

from chatui.model.decoding import Decoding
from chatui.replies import ReplySet, ReplyStore
from chatui.replies.records import append_record, read_records
from tests.fakes import ADAPTER, FakeEngine, conversation, conversations

ITEMS = conversations(5)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(ITEMS)


@pytest.fixture
def store(workspace) -> ReplyStore:
    return ReplyStore(workspace)


@pytest.fixture
def base(engine) -> ReplySet:
    return ReplySet("t" * 64, engine.model_hash(None), None, Decoding())


def test_replies_are_found_again_by_what_made_them(store, engine, base):
    made = store.fill(engine, base, ITEMS)

    assert store.read(base.key) == made
    assert made[ITEMS[2].id].text == "Where is parcel 3?"


def test_a_second_fill_asks_for_nothing(store, engine, base):
    store.fill(engine, base, ITEMS)
    asked = len(engine.asked)

    again = store.fill(engine, base, ITEMS)

    assert len(engine.asked) == asked == 5
    assert list(again) == [item.id for item in ITEMS]


def test_only_the_missing_items_are_asked(store, engine, base):
    store.fill(engine, base, ITEMS[:3])
    engine.asked.clear()

    store.fill(engine, base, ITEMS)

    assert [request.turns for request in engine.asked] == [item.prompt for item in ITEMS[3:]]


def test_another_model_decoding_or_test_set_has_replies_of_its_own(store, engine, base):
    store.fill(engine, base, ITEMS)

    others = [
        replace(base, model_hash=engine.model_hash(ADAPTER), adapter=ADAPTER),
        replace(base, decoding=Decoding(max_new_tokens=5)),
        replace(base, test_hash="u" * 64),
    ]

    assert len({base.key, *(other.key for other in others)}) == 4
    assert all(store.missing(other.key, ITEMS) == ITEMS for other in others)


def test_a_stop_keeps_what_was_made(store, engine, base):
    def stop_after_two(done: int, wanted: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fill(engine, base, ITEMS, stop_after_two)

    assert list(store.read(base.key)) == [item.id for item in ITEMS[:2]]
    engine.asked.clear()
    store.fill(engine, base, ITEMS)
    assert len(engine.asked) == 3


def test_progress_counts_what_was_there_already(store, engine, base):
    store.fill(engine, base, ITEMS[:3])
    told: list[tuple[int, int]] = []

    store.fill(engine, base, ITEMS, lambda done, wanted: told.append((done, wanted)))

    assert told == [(3, 5), (4, 5), (5, 5)]


def test_a_line_cut_by_a_kill_is_made_again_and_spoils_no_other(store, engine, base, workspace):
    store.fill(engine, base, ITEMS)
    path = workspace.folder("replies", base.key[:16]) / "replies.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    engine.asked.clear()

    made = store.fill(engine, base, ITEMS)

    assert [request.turns for request in engine.asked] == [ITEMS[4].prompt]
    assert store.read(base.key) == made


def test_a_frozen_reply_is_never_replaced(store, engine, base, workspace):
    store.fill(engine, base, ITEMS[:1])
    path = workspace.folder("replies", base.key[:16]) / "replies.jsonl"
    record = next(read_records(path))

    append_record(path, {**record, "text": "something else"})

    assert store.read(base.key)[ITEMS[0].id].text == "Where is parcel 1?"


def test_a_set_says_what_made_it(store, engine, base):
    store.fill(engine, base, ITEMS)

    about = store.describe(base.key)

    assert about["test_hash"] == base.test_hash
    assert about["model_hash"] == base.model_hash
    assert about["decoding"] == Decoding().model_dump()


def test_a_set_that_nobody_made_is_empty(store, base):
    assert store.read(base.key) == {}
    assert store.describe(base.key) == {}


def test_texts_with_line_breaks_and_lone_surrogates_survive(store, engine, base):
    odd = conversation("a\u2028b\n\ud83d", "c")

    store.fill(engine, base, [odd])

    assert store.read(base.key)[odd.id].text == "a\u2028b\n\ud83d"
