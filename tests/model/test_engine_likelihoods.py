"""Likelihoods: equal to the model's own loss, whatever the batch; what can't be scored is said."""

import math
import random
from pathlib import Path

import pytest
import torch

from chatui.conversation import Turn
from chatui.model.catalog import find_base
from chatui.model.engine import Engine
from chatui.model.requests import Item
from tests.model.conftest import turns
from tests.tiny_model import make_tiny_base

WORDS = ("order", "parcel", "refund", "invoice", "please", "thanks", "late", "where", "when")


def some_items(count: int = 12, adapter: str | None = None) -> list[Item]:
    draw = random.Random(5)

    def text() -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(1, 20)))

    return [
        Item(turns(text(), text(), text(), text(), system="Be kind."), adapter)
        for _ in range(count)
    ]


def test_a_likelihood_equals_the_models_own_loss(precise_engine):
    model, encoder = precise_engine._loaded.model, precise_engine.encoder
    for item, found in zip(some_items(), precise_engine.likelihoods(some_items()), strict=True):
        row = encoder.scored(item.turns)
        labels = [t if reply else -100 for t, reply in zip(row.ids, row.is_reply, strict=True)]

        with torch.no_grad():
            loss = model(torch.tensor([row.ids]), labels=torch.tensor([labels])).loss.item()

        assert found.nats / found.tokens == pytest.approx(loss, abs=1e-5)
        assert found.tokens == row.reply_tokens
        assert row.ids[-1] in encoder.end_ids


def test_who_else_is_scored_changes_nothing(precise_engine):
    items = some_items()

    together = precise_engine.likelihoods(items)
    alone = [precise_engine.likelihoods([item])[0] for item in items]
    backwards = precise_engine.likelihoods(items[::-1])[::-1]

    for a, b, c in zip(together, alone, backwards, strict=True):
        assert a.nats == pytest.approx(b.nats, abs=1e-4)
        assert a.nats == pytest.approx(c.nats, abs=1e-4)
        assert (a.tokens, a.bytes, a.correct) == (b.tokens, b.bytes, b.correct)


def test_the_side_of_the_padding_changes_nothing(precise_engine):
    model = precise_engine._loaded.model
    rows = [precise_engine.encoder.scored(item.turns) for item in some_items(4)]
    found = precise_engine.likelihoods(some_items(4))
    longest = max(len(row.ids) for row in rows)

    for row, likelihood in zip(rows, found, strict=True):
        gap = longest - len(row.ids)
        ids = torch.tensor([[0] * gap + row.ids])
        mask = torch.tensor([[0] * gap + [1] * len(row.ids)])
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        with torch.no_grad():
            logits = model(ids, attention_mask=mask, position_ids=positions).logits[0, gap:]
        shares = logits.log_softmax(-1)
        nats = -sum(
            shares[i - 1, row.ids[i]].item() for i in range(len(row.ids)) if row.is_reply[i]
        )
        assert likelihood.nats == pytest.approx(nats, abs=1e-4)


def test_a_model_that_knows_nothing_has_the_vocabulary_as_its_perplexity(precise_engine):
    head = precise_engine._loaded.model.lm_head
    weight = head.weight
    head.weight = torch.nn.Parameter(torch.zeros_like(weight))
    try:
        found = precise_engine.likelihoods(some_items())
    finally:
        head.weight = weight

    pooled = sum(f.nats for f in found) / sum(f.tokens for f in found)
    assert math.exp(pooled) == pytest.approx(head.weight.shape[0], rel=1e-6)


def test_base_and_adapter_in_one_call_are_what_each_is_alone(engine, adapter):
    base = engine.likelihoods(some_items())
    tuned = engine.likelihoods(some_items(adapter=adapter))

    mixed = engine.likelihoods(
        [
            item
            for pair in zip(some_items(), some_items(adapter=adapter), strict=True)
            for item in pair
        ]
    )

    assert mixed[0::2] == base
    assert mixed[1::2] == tuned
    assert base != tuned


def test_likelihoods_do_not_repack_the_model(engine):
    engine.likelihoods(some_items(2))

    for module in engine._loaded.model.modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        assert not getattr(state, "packing_format_for_cpu", False)


def test_bytes_are_those_of_the_reference_in_utf_8(engine):
    found = engine.likelihoods([Item(turns("Hi", "Grüße 👋"))])[0]

    assert found.bytes == len("Grüße 👋".encode())


def test_what_cannot_be_scored_is_skipped_with_its_reason_and_the_rest_is_scored(engine):
    items = [
        Item(turns("Hello", "word " * 400)),
        Item(turns("Hello", "Hi")),
        Item((Turn("user", "Hello"), Turn("assistant", ""))),
    ]

    long, good, empty = engine.likelihoods(items)

    assert "tokens long and the model reads 256" in long.skipped
    assert (long.nats, long.tokens) == (0.0, 0)
    assert good.skipped is None
    assert good.tokens > 0
    assert "empty" in empty.skipped


def test_a_template_whose_prompt_is_not_a_prefix_is_skipped(tmp_path: Path):
    base = make_tiny_base(tmp_path / "odd")
    (base / "chat_template.jinja").write_text(
        "{% if add_generation_prompt %}<|user|>{% else %}<|system|>{% endif %}"
        "{% for m in messages %}{{ m['content'] }}<|end|>{% endfor %}"
    )
    engine = Engine.open(find_base(str(base)))

    found = engine.likelihoods([Item(turns("Hello", "Hi"))])[0]

    assert "not the beginning" in found.skipped
