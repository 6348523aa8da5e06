"""A base model without a chat template gets one that is chosen for it, wherever it is read."""

import json
from pathlib import Path

import pytest

from chatui.cli import main
from chatui.errors import BaseNotUsable, NoChatTemplate, UnknownBase
from chatui.model.catalog import chat_template, find_base
from chatui.model.counting import counter_of
from chatui.model.hashes import template_hash
from chatui.model.loading import load_base
from chatui.model.rendering import encoder_of
from chatui.model.shelf import ModelShelf
from chatui.model.templates import TEMPLATES, name_with, split_name
from tests.model.conftest import turns
from tests.model.test_encoding import add_beginning, replies_in
from tests.tiny_model import make_tiny_base

TALK = turns("Hello there", "Hi, how can I help?", "Bye", "Good bye!", system="Be kind.")
WRITTEN = {
    "chatml": "<|im_start|>system\nBe kind.<|end|>\n<|im_start|>user\nHello there<|end|>\n"
    "<|im_start|>assistant\nHi, how can I help?<|end|>\n<|im_start|>user\nBye<|end|>\n"
    "<|im_start|>assistant\nGood bye!<|end|>\n",
    "inst": "[INST] Be kind.\n\nHello there [/INST] Hi, how can I help?<|end|>"
    "[INST] Bye [/INST] Good bye!<|end|>",
    "plain": "Be kind.\n\nUser: Hello there\nAssistant: Hi, how can I help?<|end|>\n"
    "User: Bye\nAssistant: Good bye!<|end|>\n",
}


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A base model that brings no chat template."""
    folder = make_tiny_base(tmp_path / "bare")
    (folder / "chat_template.jinja").unlink()
    return folder


def test_a_base_without_a_template_is_refused_with_the_choices(bare):
    with pytest.raises(NoChatTemplate, match="chatml, inst, plain") as told:
        find_base(str(bare))
    assert f"{bare}#chatml" in str(told.value)


@pytest.mark.parametrize("choice", TEMPLATES)
def test_the_chosen_template_writes_and_marks_every_reply(bare, choice):
    base = find_base(name_with(str(bare), choice))
    worker, page = load_base(base).encoder, encoder_of(base)

    row = worker.learned(TALK)

    assert worker.tokenizer.decode(row.ids) == WRITTEN[choice]
    assert row == page.learned(TALK)
    assert [part.strip() for part in replies_in(worker, row).split("<|end|>")[:-1]] == [
        "Hi, how can I help?",
        "Good bye!",
    ]
    assert worker.prompt(TALK[:2], 8) == row.ids[: row.is_reply.index(True)]
    first = worker.scored(TALK[:3])
    assert row.ids[: len(first.ids)] == first.ids
    assert first.is_reply == row.is_reply[: len(first.ids)]
    assert worker.tokenizer.eos_token_id in worker.end_ids
    assert counter_of(base).conversations([TALK]) == [len(row.ids)]


def test_each_choice_has_a_hash_of_its_own_and_an_engine_of_its_own(bare):
    names = [name_with(str(bare), choice) for choice in TEMPLATES]
    shelf = ModelShelf()

    hashes = {template_hash(find_base(name)) for name in names}
    engines = []
    for name in names[:2]:
        with shelf.using(name) as engine:
            engines.append(engine)

    assert len(hashes) == len(TEMPLATES)
    assert engines[0].base_hash == engines[1].base_hash
    assert engines[0].model_hash(None) != engines[1].model_hash(None)


def test_chatml_ends_a_turn_by_its_own_token_where_the_model_knows_it(bare):
    file = bare / "tokenizer.json"
    content = json.loads(file.read_text())
    last = max(token["id"] for token in content["added_tokens"])
    known = next(token for token in content["added_tokens"] if token["id"] == last)
    file.write_text(file.read_text().replace(json.dumps(known["content"]), '"<|im_end|>"'))

    template = chat_template(find_base(f"{bare}#chatml"))

    assert '"<|im_end|>"' in template
    assert "<|end|>" not in template


def test_a_text_begins_as_the_tokenizer_begins_it(bare):
    add_beginning(bare)

    ids = encoder_of(find_base(f"{bare}#plain")).learned(TALK).ids

    encoder = encoder_of(find_base(f"{bare}#plain"))
    assert encoder.tokenizer.decode(ids[:1]) == "<|system|>"
    assert ids.count(ids[0]) == 1


def test_a_tokenizer_that_ends_no_text_is_refused(bare):
    config = json.loads((bare / "tokenizer_config.json").read_text())
    (bare / "tokenizer_config.json").write_text(json.dumps(config | {"eos_token": None}))

    with pytest.raises(BaseNotUsable, match="names no end of text"):
        chat_template(find_base(f"{bare}#plain"))


def test_a_template_may_be_chosen_for_the_hub_and_instead_of_a_models_own(tiny_base):
    hub = find_base("someone/base-model#inst")

    assert (hub.path, hub.source, hub.template) == ("someone/base-model",) * 2 + ("inst",)
    assert template_hash(find_base(f"{tiny_base}#chatml")) != template_hash(
        find_base(str(tiny_base))
    )
    with pytest.raises(UnknownBase):
        find_base("someone/base-model#other")


@pytest.mark.parametrize("name", ["starter", "starter#plain", "a/b", "a/b#chatml", "x#y"])
def test_a_name_is_taken_apart_and_put_together(name):
    assert name_with(*split_name(name)) == name
    assert split_name(name_with(name, "inst"))[1] == "inst"


def test_train_takes_a_template_and_refuses_one_that_is_none(tmp_path, capsys):
    status = main(
        ["train", "support-v1", "--template", "mine", "--workspace", str(tmp_path / "w"), "--json"]
    )

    assert status != 0
    assert "none of chatml, inst, plain" in capsys.readouterr().err
