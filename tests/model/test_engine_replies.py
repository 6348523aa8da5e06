"""Replies: base and adapters side by side, batched or alone, seeded, whole or streamed."""

import threading

import pytest

from chatui.conversation import Turn
from chatui.errors import AdapterNotUsable
from chatui.model.catalog import find_base
from chatui.model.decoding import Decoding
from chatui.model.engine import Engine
from chatui.model.requests import Reply, Request
from tests.model.conftest import turns
from tests.tiny_model import make_adapter, make_tiny_base

GREEDY = Decoding(max_new_tokens=12)
LIVELY = Decoding(max_new_tokens=12, temperature=1.0, top_p=0.95, top_k=50)
QUESTIONS = ("Hello", "Where is my order, please?", "Thanks a lot for all of that!", "Why?")


def ask(*texts: str, adapter: str | None = None, decoding: Decoding = GREEDY, seed: int = 0):
    return [Request(turns(text), adapter, decoding, seed) for text in texts]


def told(replies: list[Reply]) -> list[tuple[str, int, str]]:
    return [(reply.text, reply.tokens, reply.ended) for reply in replies]


def read(stream) -> tuple[list[str], Reply]:
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


def test_interleaved_requests_give_exactly_what_base_and_adapter_give_alone(engine, adapter):
    base = engine.replies(ask(*QUESTIONS))
    tuned = engine.replies(ask(*QUESTIONS, adapter=adapter))

    both = engine.replies([r for q in QUESTIONS for r in (*ask(q), *ask(q, adapter=adapter))])

    assert told(both[0::2]) == told(base)
    assert told(both[1::2]) == told(tuned)
    assert told(base) != told(tuned)
    assert {reply.adapter for reply in both[1::2]} == {adapter}


def test_the_base_is_the_same_before_and_after_an_adapter_was_attached(tiny_base, tiny_adapter):
    engine = Engine.open(find_base(str(tiny_base)))
    before = engine.replies(ask(*QUESTIONS))

    engine.attach(tiny_adapter)

    assert told(engine.replies(ask(*QUESTIONS))) == told(before)


def test_attaching_twice_is_one_and_several_adapters_keep_apart(tiny_base, tiny_adapter, tmp_path):
    engine = Engine.open(find_base(str(tiny_base)))
    first = engine.attach(tiny_adapter)
    alone = told(engine.replies(ask(*QUESTIONS, adapter=first)))

    second = engine.attach(make_adapter(tiny_base, tmp_path / "second", seed=2))

    assert engine.attach(tiny_adapter) == first
    assert told(engine.replies(ask(*QUESTIONS, adapter=second))) != alone
    assert told(engine.replies(ask(*QUESTIONS, adapter=first))) == alone


def test_an_adapter_of_another_base_is_refused_and_leaves_the_engine_as_it_was(engine, tmp_path):
    before = told(engine.replies(ask(*QUESTIONS)))
    other = make_tiny_base(tmp_path / "wide", hidden_size=128)
    foreign = make_adapter(other, tmp_path / "foreign")

    with pytest.raises(AdapterNotUsable, match="another base model"):
        engine.attach(foreign)

    assert told(engine.replies(ask(*QUESTIONS))) == before


def test_an_adapter_that_was_never_attached_is_refused(engine):
    with pytest.raises(AdapterNotUsable, match="not attached"):
        engine.replies(ask("Hello", adapter="0" * 64))


@pytest.mark.parametrize("decoding", [GREEDY, LIVELY])
def test_a_reply_does_not_depend_on_who_else_is_answered(precise_engine, decoding):
    together = precise_engine.replies(ask(*QUESTIONS, decoding=decoding, seed=3))

    alone = [precise_engine.replies(ask(q, decoding=decoding, seed=3))[0] for q in QUESTIONS]

    assert told(together) == told(alone)


def test_replies_come_in_the_order_of_the_requests_and_are_told_as_they_are_done(engine):
    heard: dict[int, Reply] = {}

    replies = engine.replies(ask(*QUESTIONS), done=heard.__setitem__)

    assert [heard[i] for i in range(len(QUESTIONS))] == replies


def test_what_done_raises_ends_the_work(engine):
    def stop(index: int, reply: Reply) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        engine.replies(ask(*QUESTIONS), done=stop)

    assert engine.replies(ask("Hello"))  # and the engine still answers


def test_the_seed_decides_a_sampled_reply(engine):
    first, again = (engine.replies(ask("Hello", decoding=LIVELY, seed=1)) for _ in range(2))
    other = engine.replies(ask("Hello", decoding=LIVELY, seed=2))

    assert told(first) == told(again)
    assert told(first) != told(other)


def test_a_streams_pieces_joined_are_the_reply_and_equal_the_whole_reply(engine, adapter):
    for request in (*ask(*QUESTIONS), *ask(*QUESTIONS, adapter=adapter)):
        pieces, reply = read(engine.stream(request, lambda: False))

        assert "".join(pieces) == reply.text
        assert told([reply]) == told(engine.replies([request]))


def test_a_cancelled_stream_ends_at_the_next_token_and_keeps_what_was_said(engine):
    wanted = threading.Event()
    stream = engine.stream(ask("Hello")[0], wanted.is_set)
    first = next(stream)
    wanted.set()

    pieces, reply = read(stream)

    assert reply.ended == "cancelled"
    assert "".join([first, *pieces]) == reply.text
    assert reply.tokens < told(engine.replies(ask("Hello")))[0][1]


def test_visitors_take_turns_and_each_gets_the_own_reply(engine, adapter):
    requests = [*ask(*QUESTIONS), *ask(*QUESTIONS, adapter=adapter)]
    alone = [told([read(engine.stream(r, lambda: False))[1]]) for r in requests]
    barrier = threading.Barrier(len(requests))
    together: dict[int, list[tuple[str, int, str]]] = {}

    def visit(index: int) -> None:
        barrier.wait()
        together[index] = told([read(engine.stream(requests[index], lambda: False))[1]])

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [together[i] for i in range(len(requests))] == alone


def test_a_waiting_visitors_cancel_does_not_wait_for_the_others_reply(engine):
    long = engine.stream(ask("Hello", decoding=Decoding(max_new_tokens=50))[0], lambda: False)
    next(long)

    _, reply = read(engine.stream(ask("Hello")[0], lambda: True))

    assert reply.ended == "cancelled"
    assert read(long)[1].tokens > 0


def test_a_long_conversation_loses_its_oldest_turns_and_keeps_the_system_prompt(engine):
    said = [f"This is what was said in turn number {i}." for i in range(41)]
    request = Request(turns(*said, system="Be kind."), decoding=GREEDY)

    prompt = engine.encoder.prompt(request.turns, GREEDY.max_new_tokens)
    text = engine.encoder.text(prompt)

    assert len(prompt) <= engine.context - GREEDY.max_new_tokens
    assert text.startswith("Be kind.")
    assert text.endswith(said[-1])
    assert said[0] not in text
    assert engine.replies([request])[0].tokens > 0


def test_a_question_longer_than_the_context_loses_its_beginning(engine):
    prompt = engine.encoder.prompt((Turn("user", "word " * 2000 + "end?"),), 12)

    assert len(prompt) <= engine.context - 12
    assert engine.encoder.text(prompt).endswith("end?")


def test_the_end_of_turn_token_ends_a_reply_and_is_not_part_of_it(engine, monkeypatch):
    ids: list[int] = []
    monkeypatch.setattr(engine.encoder, "text", lambda new: ids.extend(new) or "")
    engine.replies(ask("Hello"))
    monkeypatch.setattr(engine.encoder, "end_ids", frozenset({ids[3]}))

    reply = engine.replies(ask("Hello"))[0]

    assert (reply.ended, reply.tokens) == ("end", ids.index(ids[3]))
