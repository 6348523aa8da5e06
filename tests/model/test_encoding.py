"""Which tokens are a reply's, by markers in the template or by its prefixes."""

import dataclasses
import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from chatui.model.catalog import find_base
from chatui.model.encoding import CannotEncode, ChatEncoder
from chatui.model.loading import load_base
from chatui.model.rendering import encoder_of
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


def encoder_with(template: str, tmp_path: Path) -> ChatEncoder:
    """An encoder of the tiny model with another chat template."""
    base = make_tiny_base(tmp_path / "base")
    (base / "chat_template.jinja").write_text(template)
    return load_base(find_base(str(base))).encoder


def add_beginning(base: Path) -> None:
    """Let a tokenizer put `<|system|>` before each text, as Llama's does with its own token."""
    file = base / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    name = "<|system|>"
    tokenizer.post_processor = TemplateProcessing(
        single=f"{name} $A", special_tokens=[(name, tokenizer.token_to_id(name))]
    )
    tokenizer.save(str(file))
    config = json.loads((base / "tokenizer_config.json").read_text())
    (base / "tokenizer_config.json").write_text(json.dumps({**config, "bos_token": name}))


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


REFUSING = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system prompt') }}{% endif %}"
)
DROPPING = CHATML.replace("%}<|user|>{{ m", "if m['role'] != 'system' %}<|user|>{{ m", 1)


@pytest.mark.parametrize("template", [REFUSING + CHATML, DROPPING])
def test_where_no_system_turn_is_taken_its_text_stands_before_the_first_question(
    tmp_path, template
):
    encoder = encoder_with(template, tmp_path)

    row = encoder.learned(TALK)

    assert not encoder.takes_system
    assert encoder.text(row.ids).startswith("user\nBe kind.\n\nHello there")
    assert replies_in(encoder, row) == "Hi, how can I help?<|end|>Good bye!<|end|>"
    assert encoder.scored(TALK).ids[:5] == encoder.prompt(TALK[:2], 8)[:5] == row.ids[:5]


def test_a_template_that_refuses_a_conversation_says_so(tmp_path):
    strict = "{% if messages|length > 3 %}{{ raise_exception('too many turns') }}{% endif %}"
    encoder = encoder_with(strict + CHATML, tmp_path)

    with pytest.raises(CannotEncode, match="too many turns"):
        encoder.learned(TALK)
    assert encoder.takes_system
    assert encoder.learned(TALK[:3]).reply_tokens > 0


def test_a_conversation_that_begins_with_a_reply_is_refused_in_words(unmarked):
    with pytest.raises(CannotEncode, match="begins with a reply"):
        unmarked.learned(TALK[2:])


MARKERS = {
    "usual": CHATML.replace(
        "{{ m['content'] }}<|end|>",
        "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}<|end|>"
        "{% endgeneration %}{% else %}{{ m['content'] }}<|end|>{% endif %}",
    ),
    # Only what stands between the markers is learned, be it more or less than the reply.
    "with a thought": CHATML.replace(
        "{{ m['content'] }}<|end|>",
        "{% if m['role'] == 'assistant' %}{%- generation -%}<think></think>{{ m['content'] }}"
        "{%- endgeneration -%}<|end|>{% else %}{{ m['content'] }}<|end|>{% endif %}",
    ),
    "no space": CHATML.replace(
        "{{ m['content'] }}<|end|>",
        "{% if m['role'] == 'assistant' %}{%generation%}{{ m['content'] }}<|end|>"
        "{%endgeneration%}{% else %}{{ m['content'] }}<|end|>{% endif %}",
    ),
}


@pytest.mark.parametrize("name", MARKERS)
def test_where_the_template_marks_replies_its_marks_decide(name, tmp_path):
    encoder = encoder_with(MARKERS[name], tmp_path)
    truth = encoder.tokenizer.apply_chat_template(
        [turn.as_message() for turn in TALK],
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )

    row = encoder.learned(TALK)

    assert encoder.marks_replies
    assert row.ids == truth["input_ids"]
    assert row.is_reply == [bool(mark) for mark in truth["assistant_masks"]]
    assert ("<think>" in replies_in(encoder, row)) == (name == "with a thought")


@pytest.mark.parametrize("marks", [True, False])
def test_the_beginning_of_text_stands_there_once(marks, tmp_path):
    """Also where the tokenizer puts one before every text by itself."""
    base = make_tiny_base(tmp_path / "beginning")
    template = MARKERS["usual"] if marks else CHATML
    (base / "chat_template.jinja").write_text("{{ bos_token }}" + template)
    add_beginning(base)
    worker = load_base(find_base(str(base))).encoder
    first = worker.tokenizer.bos_token_id

    assert worker.tokenizer("Hi")["input_ids"][0] == first  # as it would do here, too
    for encoder in (worker, encoder_of(find_base(str(base)))):
        for ids in (encoder.learned(TALK).ids, encoder.prompt(TALK[:2], 8)):
            assert ids[0] == first
            assert ids.count(first) == 1


# As Qwen3 does: the last reply alone begins with what was thought before it.
THINKING = (
    "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m['role'] == 'user' %}"
    "{% set ns.last = loop.index0 %}{% endif %}{% endfor %}{% for m in messages %}"
    "<|user|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and loop.index0 > ns.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m['content'].split('</think>')[-1] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|user|>assistant\n{% endif %}"
)


def test_a_template_that_drops_earlier_thoughts_learns_one_reply_and_refuses_several(tmp_path):
    encoder = encoder_with(THINKING, tmp_path)

    assert replies_in(encoder, encoder.learned(TALK[:3])) == (
        "<think>\n\n</think>\n\nHi, how can I help?<|end|>"
    )
    with pytest.raises(CannotEncode, match="changes earlier turns when later ones come"):
        encoder.learned(TALK)


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
