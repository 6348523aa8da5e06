"""Many replies in one pass: each is what it would be alone, whoever else is there, and when."""

import threading
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chatui.conversation import Turn
from chatui.errors import AdapterNotUsable
from chatui.model.catalog import find_base
from chatui.model.decoder import Decoder, Row
from chatui.model.decoding import Decoding
from chatui.model.engine import Engine
from chatui.model.generation import Progress
from chatui.model.kept import Kept, KeptMemories
from chatui.model.ragged import Memory, Piece, RaggedAttention, Reading
from chatui.model.requests import Request
from chatui.model.sampling import Sampler
from tests.model.conftest import turns
from tests.model.test_engine_replies import GREEDY, LIVELY, QUESTIONS, ask, read, told
from tests.tiny_model import make_adapter, make_tiny_base

NOBODY_ELSE = 1e-4  # logits of the tiny model in float32 agree so far, whoever else is read


@pytest.fixture
def model(precise_engine):
    return precise_engine._loaded.model


def logits_of(model, ids: list[int]) -> torch.Tensor:
    """After each token, as transformers gives them to a row that is alone."""
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0]


class Rows:
    """Reads rows by pieces, as the decoder does, and keeps what it was told after each piece."""

    def __init__(self, model) -> None:
        self.model, self.memory, self.attention = model, Memory(), RaggedAttention(model)

    def read(self, singles: list[Piece], prompts: list[Piece]) -> torch.Tensor:
        slots = 1 + max(piece.slot for piece in (*singles, *prompts))
        self.memory.reserve(slots, max(piece.end for piece in (*singles, *prompts)))
        with torch.inference_mode(), self.attention.on():
            reading = Reading(self.memory, singles, prompts)
            return self.model(**reading.inputs(self.model.device)).logits[0]


def test_rows_of_any_length_in_one_pass_see_themselves_alone(model):
    rows = [[5, 6, 7], [9], [40, 41, 42, 43, 44, 45, 46]]

    found = Rows(model).read([], [Piece(i, 0, ids) for i, ids in enumerate(rows)])

    for ids, scores in zip(rows, found, strict=True):
        torch.testing.assert_close(scores, logits_of(model, ids)[-1], atol=NOBODY_ELSE, rtol=0)


def test_a_row_read_in_pieces_beside_tokens_of_others_is_the_row_read_at_once(model):
    first, second, third = list(range(10, 30)), list(range(50, 57)), list(range(80, 120))
    rows = Rows(model)
    rows.read([], [Piece(0, 0, first[:-1]), Piece(1, 0, second[:-2]), Piece(2, 0, third[:9])])

    # Tokens of two rows, in another order than their slots', beside a piece of a prompt.
    found = rows.read(
        [Piece(1, 5, second[5:6]), Piece(0, 19, first[19:])], [Piece(2, 9, third[9:33])]
    )
    last = rows.read([], [Piece(1, 6, second[6:]), Piece(2, 33, third[33:])])

    ends = [(second, 5), (first, 19), (third, 32), (second, 6), (third, 39)]
    expected = [logits_of(model, ids)[end] for ids, end in ends]
    for scores, wanted in zip([*found, *last], expected, strict=True):
        torch.testing.assert_close(scores, wanted, atol=NOBODY_ELSE, rtol=0)


def test_another_rows_tokens_change_nothing(model):
    found = []
    for other in ([3, 4, 5], [90, 91, 92]):
        rows = Rows(model)
        rows.read([], [Piece(0, 0, [10, 11, 12]), Piece(1, 0, other)])
        found.append(rows.read([Piece(0, 3, [13]), Piece(1, 3, [other[0]])], [])[0])

    assert torch.equal(*found)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=7),
    rows=st.integers(1, 4),
    leaving=st.sets(st.integers(0, 6)),
    data=st.data(),
)
def test_whoever_comes_and_goes_everybody_gets_the_own_reply(
    precise_engine, lengths, rows, leaving, data
):
    model, encoder = precise_engine._loaded.model, precise_engine.encoder
    prompts = [
        [10 + (7 * i + 3 * j) % 200 for j in range(length)] for i, length in enumerate(lengths)
    ]
    attention = RaggedAttention(model)

    def forward(reading, shares):
        return model(**reading.inputs(model.device)).logits[0]

    decoder = Decoder(forward, encoder.end_ids, rows=rows, tokens=10_000, kept=KeptMemories(2**20))
    asked = [Row(ids, None, Progress(Sampler(GREEDY, 0, ids), 6)) for ids in prompts]
    coming = list(asked)
    with attention.on():
        while coming or decoder.is_active:
            if coming and (not decoder.is_active or data.draw(st.booleans())):
                decoder.join(coming.pop(0))
            decoder.tick()
            for i in [i for i in leaving if i < len(asked) and asked[i].progress.ids]:
                decoder.leave(asked[i])

    for row in asked:
        wanted = continued(model, row.prompt, 6, encoder.end_ids)
        assert wanted[: len(row.progress.ids)] == row.progress.ids
        assert row.progress.ended or asked.index(row) in leaving


def continued(model, prompt: list[int], most: int, end_ids: frozenset[int]) -> list[int]:
    ids = list(prompt)
    while len(ids) < len(prompt) + most:
        token = int(logits_of(model, ids)[-1].argmax())
        if token in end_ids:
            break
        ids.append(token)
    return ids[len(prompt) :]


def test_a_long_prompt_is_read_piece_by_piece_and_keeps_nobody_waiting(precise_engine):
    model = precise_engine._loaded.model
    read_at_once: list[int] = []

    def forward(reading, shares):
        inputs = reading.inputs(model.device)
        read_at_once.append(inputs["input_ids"].shape[1])
        return model(**inputs).logits[0]

    decoder = Decoder(forward, frozenset(), rows=4, tokens=10_000)
    writer = Row([5, 6], None, Progress(Sampler(GREEDY, 0, []), 40))
    reader = Row([7] * 200, None, Progress(Sampler(GREEDY, 0, []), 1))
    decoder.join(writer)
    with RaggedAttention(model).on():
        decoder.tick()
        decoder.join(reader)
        before = len(writer.progress.ids)
        told_first = decoder.tick()
        decoder.tick()

    assert told_first == [writer]
    assert read_at_once[1:] == [129, 73]  # a token of the writer, and what is left of the prompt
    assert len(writer.progress.ids) == before + 2
    assert reader.progress.ended == "limit"


def test_who_does_not_fit_into_the_memory_waits(precise_engine):
    model = precise_engine._loaded.model

    def forward(reading, shares):
        return model(**reading.inputs(model.device)).logits[0]

    decoder = Decoder(forward, frozenset(), rows=8, tokens=50)
    rows = [Row([5] * 10, None, Progress(Sampler(GREEDY, 0, []), 10)) for _ in range(4)]
    for row in rows:
        decoder.join(row)
    with RaggedAttention(model).on():
        decoder.tick()

        assert [bool(row.progress.ids) for row in rows] == [True, True, False, False]
        while decoder.is_active:
            decoder.tick()
    assert all(row.progress.ended == "limit" for row in rows)


@pytest.mark.parametrize("decoding", [GREEDY, LIVELY])
def test_base_and_two_adapters_in_one_pass_get_what_each_gets_alone(
    tiny_base, tiny_adapter, tmp_path, decoding
):
    engine = precise(tiny_base)
    adapters = [None, engine.attach(tiny_adapter)]
    adapters.append(engine.attach(make_adapter(tiny_base, tmp_path / "second", seed=2)))
    requests = [r for a in adapters for r in ask(*QUESTIONS, adapter=a, decoding=decoding, seed=4)]
    alone = [told([read(engine.stream(r, lambda: False))[1]])[0] for r in requests]

    together = streamed(engine, requests)

    assert [told([reply])[0] for reply in together] == alone
    assert len(set(alone)) > len(QUESTIONS)  # the three do differ
    assert [reply.way for reply in together] == ["base"] * 4 + ["lean"] * 8


def precise(folder) -> Engine:
    """An engine in float32, not quantised: differences are the code's, not rounding's."""
    from transformers import AutoModelForCausalLM

    from chatui.model.loading import load_base

    loaded = load_base(find_base(str(folder)))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return Engine(replace(loaded, model=model))


def streamed(engine: Engine, requests: list[Request]) -> list:
    """All at once, each by a visitor of its own."""
    barrier, replies = threading.Barrier(len(requests)), {}

    def visit(index: int) -> None:
        barrier.wait()
        replies[index] = read(engine.stream(requests[index], lambda: False))[1]

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [replies[i] for i in range(len(requests))]


def test_visitors_share_passes_instead_of_queueing(precise_engine, monkeypatch):
    passes = []
    writing = precise_engine._writing
    forward = writing._together
    monkeypatch.setattr(
        writing, "_together", lambda *given: passes.append(len(given[0].slots)) or forward(*given)
    )

    replies = streamed(precise_engine, ask(*QUESTIONS * 2))

    assert sum(reply.tokens for reply in replies) > 2 * len(passes)
    assert max(passes) > 1


def test_our_adapter_layers_give_what_pefts_give(tiny_base, tiny_adapter):
    engine = precise(tiny_base)
    name = engine.attach(tiny_adapter)
    ids = list(range(20, 60))
    usual = logits_of(engine._adapters.using(name), ids)

    with engine._adapters.sharing([(0, len(ids), name)]) as model:
        ours = logits_of(model, ids)
    with engine._adapters.sharing([(0, 10, name)]) as model:
        partly = logits_of(model, ids)

    torch.testing.assert_close(ours, usual, atol=NOBODY_ELSE, rtol=0)
    torch.testing.assert_close(partly[:10], usual[:10], atol=NOBODY_ELSE, rtol=0)
    assert not torch.allclose(partly[20:], usual[20:], atol=1e-2)
    torch.testing.assert_close(logits_of(engine._adapters.using(name), ids), usual)


def test_an_adapter_of_another_kind_is_asked_as_peft_asks_it(tiny_base, tmp_path):
    engine = precise(tiny_base)
    name = engine.attach(make_adapter(tiny_base, tmp_path / "dora", use_dora=True))
    other = engine.attach(make_adapter(tiny_base, tmp_path / "plain", seed=3))
    requests = [*ask(*QUESTIONS, adapter=name), *ask(*QUESTIONS), *ask(*QUESTIONS, adapter=other)]

    together = streamed(engine, requests)

    assert [reply.way for reply in together] == ["peft"] * 4 + ["base"] * 4 + ["lean"] * 4
    assert told(together) == told(engine.replies(requests))
    encoder, model = engine.encoder, engine._adapters.using(name)
    prompt = encoder.prompt(requests[0].turns, GREEDY.max_new_tokens)
    ids = continued(model, prompt, GREEDY.max_new_tokens, encoder.end_ids)
    assert together[0].text == encoder.text(ids).strip()


def test_a_model_whose_layers_see_a_window_answers_in_padded_batches(tmp_path):
    engine = precise(make_tiny_base(tmp_path / "base"))
    engine._writing._attention.is_possible = False
    plain = precise(tmp_path / "base")

    assert told(streamed(engine, ask(*QUESTIONS))) == told(plain.replies(ask(*QUESTIONS)))
    assert told(engine.replies(ask(*QUESTIONS))) == told(plain.replies(ask(*QUESTIONS)))
    _, reply = read(engine.stream(ask("Hello")[0], lambda: True))
    assert reply.ended == "cancelled"


def test_a_detached_adapter_is_free_and_the_others_answer_as_before(tiny_base, tmp_path):
    engine = precise(tiny_base)
    first = engine.attach(make_adapter(tiny_base, tmp_path / "a", seed=1))
    alone = told(engine.replies(ask(*QUESTIONS, adapter=first)))
    base = told(engine.replies(ask(*QUESTIONS)))
    second = engine.attach(make_adapter(tiny_base, tmp_path / "b", seed=2))

    engine.detach(second)

    assert told(engine.replies(ask(*QUESTIONS, adapter=first))) == alone
    with pytest.raises(AdapterNotUsable, match="not attached"):
        engine.replies(ask("Hello", adapter=second))
    engine.detach(first)
    assert told(engine.replies(ask(*QUESTIONS))) == base
    assert engine.attach(tmp_path / "b") == second


def test_of_too_many_adapters_the_one_nobody_wanted_for_longest_is_freed(
    tiny_base, tmp_path, monkeypatch
):
    monkeypatch.setattr("chatui.model.engine._MOST_ADAPTERS", 2)
    engine = precise(tiny_base)
    folders = [make_adapter(tiny_base, tmp_path / str(seed), seed=seed) for seed in range(1, 5)]
    first = engine.attach(folders[0])
    speaking = engine.stream(ask("Hello", adapter=first)[0], lambda: False)
    began = next(speaking)

    second, third, fourth = (engine.attach(folder) for folder in folders[1:])

    assert engine.replies(ask("Hello", adapter=fourth))
    for freed in (second, third):
        with pytest.raises(AdapterNotUsable, match="not attached"):
            engine.replies(ask("Hello", adapter=freed))
    pieces, reply = read(speaking)  # somebody is being answered by it
    assert "".join([began, *pieces]) == reply.text
    assert engine.attach(folders[1]) == second


def test_a_failing_pass_is_told_to_everybody_who_waits_and_the_next_reply_comes(
    precise_engine, monkeypatch
):
    def fail(*given):
        raise ValueError("broken pass")

    with monkeypatch.context() as patch:
        patch.setattr(precise_engine._writing, "_together", fail)
        with pytest.raises(ValueError, match="broken pass"):
            read(precise_engine.stream(ask("Hello")[0], lambda: False))

    assert read(precise_engine.stream(ask("Hello")[0], lambda: False))[1].text


def test_a_reader_who_goes_away_ends_the_reply(precise_engine):
    stream = precise_engine.stream(
        ask("Hello", decoding=Decoding(max_new_tokens=200))[0], lambda: False
    )
    next(stream)

    stream.close()

    _, reply = read(precise_engine.stream(ask("Hello")[0], lambda: False))
    assert reply.text
    wait = threading.Event()
    for _ in range(1000):
        if not precise_engine._crew._is_working:
            break
        wait.wait(0.01)
    assert not precise_engine._crew._is_working


def test_the_next_turn_reads_only_what_is_new_and_says_the_same(tiny_base, monkeypatch):
    engine, fresh = precise(tiny_base), precise(tiny_base)
    asked = [Turn("user", "Where is my order? " * 5)]
    _, first = read(engine.stream(Request(tuple(asked), decoding=GREEDY), lambda: False))
    asked += [Turn("assistant", first.text), Turn("user", "And the other one?")]
    following = Request(tuple(asked), decoding=GREEDY)
    read_tokens = count_tokens(engine, monkeypatch)

    _, second = read(engine.stream(following, lambda: False))

    prompt = engine.encoder.prompt(following.turns, GREEDY.max_new_tokens)
    assert sum(read_tokens) < 0.6 * len(prompt) + second.tokens
    assert told([second]) == told([read(fresh.stream(following, lambda: False))[1]])


def test_an_edited_turn_is_read_from_where_it_differs(tiny_base, monkeypatch):
    engine, fresh = precise(tiny_base), precise(tiny_base)
    first, edited = (
        Request(turns("Where is my order, the one of last week? " * 3 + end), decoding=GREEDY)
        for end in ("It is blue.", "It is red and large.")
    )
    read(engine.stream(first, lambda: False))
    read_tokens = count_tokens(engine, monkeypatch)

    _, reply = read(engine.stream(edited, lambda: False))

    assert read_tokens[0] < len(engine.encoder.prompt(edited.turns, 12)) // 2
    assert told([reply]) == told([read(fresh.stream(edited, lambda: False))[1]])


def test_what_was_read_under_an_adapter_serves_nobody_else(tiny_base, tiny_adapter, monkeypatch):
    engine, fresh = precise(tiny_base), precise(tiny_base)
    name = engine.attach(tiny_adapter)
    request = Request(turns("Where is my order, the one of last week?" * 3), decoding=GREEDY)
    read(engine.stream(replace(request, adapter=name), lambda: False))
    read_tokens = count_tokens(engine, monkeypatch)

    _, reply = read(engine.stream(request, lambda: False))

    assert read_tokens[0] == len(engine.encoder.prompt(request.turns, 12))
    assert told([reply]) == told([read(fresh.stream(request, lambda: False))[1]])


def count_tokens(engine: Engine, monkeypatch) -> list[int]:
    """How many tokens each pass reads from now on."""
    counts: list[int] = []
    forward = engine._writing._together

    def counted(reading, shares):
        counts.append(reading.inputs(torch.device("cpu"))["input_ids"].shape[1])
        return forward(reading, shares)

    monkeypatch.setattr(engine._writing, "_together", counted)
    return counts


def a_memory(ids: list[int], adapter: str | None = None) -> Kept:
    layers = {0: (torch.zeros(1, len(ids), 8), torch.zeros(1, len(ids), 8))}  # 64 bytes a token
    return Kept(adapter, ids, layers)


def test_memories_are_bounded_and_the_one_that_was_not_wanted_goes_first():
    kept = KeptMemories(64 * 100)
    first, second, third = (a_memory([n] * 40) for n in (1, 2, 3))
    kept.add(first)
    kept.add(second)
    assert kept.longest(None, [1] * 30) == (first, 29)

    kept.add(third)
    kept.add(a_memory([4] * 1000))  # larger than everything: not kept, and nobody goes for it

    assert kept.longest(None, [2] * 30) is None
    assert kept.longest(None, [1] * 50) == (first, 40)
    assert kept.bytes == 64 * 80


def test_a_memory_that_goes_on_takes_the_place_of_its_beginning():
    kept = KeptMemories(2**20)
    kept.add(a_memory([1] * 40))
    kept.add(a_memory([1] * 60))
    kept.add(a_memory([1] * 50, "adapter"))

    assert kept.bytes == 64 * 110
    assert kept.longest("adapter", [1] * 80)[1] == 50
    assert kept.longest(None, [1] * 10) is None  # read again as fast as found


def test_an_engine_that_only_writes_refuses_likelihoods(tiny_base):
    from chatui.model.requests import Item

    engine = Engine.open(find_base(str(tiny_base)), decodes_only=True)

    assert engine.replies(ask("Hello"))
    with pytest.raises(RuntimeError, match="only writes"):
        engine.likelihoods([Item(turns("Hello", "Hi."))])
