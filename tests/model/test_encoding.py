"""Which tokens are a reply's, by markers in the template or by its prefixes."""

import dataclasses
from pathlib import Path

import pytest

from chatui.model.catalog import find_base
from chatui.model.encoding import CannotEncode, ChatEncoder
from chatui.model.loading import load_base
from tests.model.conftest import turns
from tests.tiny_model import make_tiny_base

TALK = turns("Hello there", "Hi, how can I help?", "Bye", "Good bye!", system="Be kind.")
CHATML = (
    "{% for m in messages %}<|user|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|user|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def encoder(tiny_base: Path) -> ChatEncoder:
    return load_base(find_base(str(tiny_base))).encoder


@pytest.fixture
def unmarked(tmp_path: Path) -> ChatEncoder:
    """An encoder whose template has no generation markers and a line break after each turn."""
    base = make_tiny_base(tmp_path / "unmarked")
    (base / "chat_template.jinja").write_text(CHATML)
    return load_base(find_base(str(base))).encoder


def replies_in(encoder: ChatEncoder, row) -> str:
    ids = [i for i, is_reply in zip(row.ids, row.is_reply, strict=True) if is_reply]
    return encoder.tokenizer.decode(ids)


def test_every_reply_and_its_end_is_learned_and_nothing_else(encoder):
    row = encoder.learned(TALK)

    assert replies_in(encoder, row) == "Hi, how can I help?<|end|>Good bye!<|end|>"


def test_only_the_last_reply_is_scored(encoder):
    assert replies_in(encoder, encoder.scored(TALK)) == "Good bye!<|end|>"


def test_a_template_without_markers_gives_the_same_replies(unmarked):
    assert not unmarked.marks_replies
    row = unmarked.learned(TALK)

    assert replies_in(unmarked, row) == "Hi, how can I help?<|end|>Good bye!<|end|>"
    assert replies_in(unmarked, unmarked.scored(TALK)) == "Good bye!<|end|>"


def test_the_end_of_turn_is_found_also_where_the_tokenizer_does_not_name_it(unmarked):
    unmarked.tokenizer.eos_token = "<|pad|>"

    found = ChatEncoder(unmarked.tokenizer, 256).end_ids

    assert unmarked.tokenizer.convert_tokens_to_ids("<|end|>") in found


def test_what_is_cut_before_its_first_reply_has_nothing_to_learn(encoder):
    with pytest.raises(CannotEncode, match="first 5 tokens"):
        encoder.learned(TALK, max_length=5)


def test_a_template_that_refuses_a_conversation_says_so(tmp_path):
    base = make_tiny_base(tmp_path / "strict")
    (base / "chat_template.jinja").write_text(
        "{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('no system prompt') }}{% endif %}" + CHATML
    )
    encoder = load_base(find_base(str(base))).encoder

    with pytest.raises(CannotEncode, match="no system prompt"):
        encoder.learned(TALK)
    assert encoder.learned(TALK[1:]).reply_tokens > 0


def test_rows_know_how_many_reply_tokens_they_hold(encoder):
    row = encoder.learned(TALK)

    assert dataclasses.asdict(row)["is_reply"].count(True) == row.reply_tokens


REWRITING = (
    "{% for m in messages %}<|user|>{{ m['role'] }}\n"
    "{{ m['content'] if loop.last or m['role'] == 'user' else 'earlier' }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|user|>assistant\n{% endif %}"
)


def test_a_template_that_changes_earlier_replies_is_refused(tmp_path):
    """As those do that leave out what a model thought before its earlier replies."""
    base = make_tiny_base(tmp_path / "rewriting")
    (base / "chat_template.jinja").write_text(REWRITING)
    encoder = load_base(find_base(str(base))).encoder

    with pytest.raises(CannotEncode, match="changes earlier turns when later ones come"):
        encoder.learned(TALK)
    assert encoder.learned(TALK[:3]).reply_tokens > 0


def test_a_template_whose_prompt_is_another_beginning_is_refused(tmp_path):
    base = make_tiny_base(tmp_path / "other-beginning")
    (base / "chat_template.jinja").write_text(
        "{% if add_generation_prompt %}Answer:\n{% endif %}" + CHATML
    )
    encoder = load_base(find_base(str(base))).encoder

    with pytest.raises(CannotEncode, match="prompt is not the beginning"):
        encoder.learned(TALK)
