"""The recipe of the starter: what it trains on, that it can be stopped, and that it runs again."""

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from chatui.model.starter.corpus import mixed, read_corpus
from chatui.model.starter.pretrain import Shape
from chatui.model.starter.tokens import IGNORED, encode, train_tokenizer
from chatui.model.starter.training import STAGES, Batches, Trainer, bits_per_byte

ROOT = Path(__file__).parents[3]
TINY = "64,1,1,1,64"


def _conversation(n: int) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": "Count."},
        {"role": "user", "content": f"what is {n} and {n}?"},
        {"role": "assistant", "content": f"that makes {2 * n}, my friend."},
    ]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for name, numbers in (("one", range(600)), ("two", range(1000, 1300))):
        lines = [json.dumps({"messages": _conversation(n)}) + "\n" for n in numbers]
        (folder / f"{name}.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def tokenizer(corpus):
    sources = read_corpus(corpus)
    texts = [turn["content"] for s in sources for m in s.training for turn in m]
    return train_tokenizer(texts, 300)


@pytest.fixture(scope="module")
def stages(corpus, tokenizer):
    encoded = {s.name: encode(s.training, tokenizer) for s in read_corpus(corpus)}
    return [Batches.of(stage, encoded, 40_000, seed=0) for stage in STAGES]


def _trainer(tokenizer, stages, checkpoint=None) -> tuple[torch.nn.Module, Trainer]:
    torch.manual_seed(0)
    model = Shape.parse(TINY).build(tokenizer)
    return model, Trainer(model, stages, checkpoint)


def _silent(*_facts: object) -> None:
    pass


def test_one_percent_of_each_source_is_held_out_and_never_trained_on(corpus):
    for source in read_corpus(corpus):
        assert 0 < len(source.held_out) < 0.04 * len(source.training)
        assert not any(messages in source.training for messages in source.held_out)


def test_a_copy_of_a_conversation_falls_on_the_same_side(corpus, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text((corpus / "one.jsonl").read_text())

    one, other = read_corpus(tmp_path)
    assert one.held_out == other.held_out


def test_a_folder_without_conversations_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"holds no \.jsonl"):
        read_corpus(tmp_path)


def test_sources_come_as_often_as_they_should_and_all_of_them_in_turn():
    stream = mixed({"one-x": 40, "two": 20}, {"one": 0.25, "two": 2.0}, "seed")
    rounds = [list(islice(stream, 50)) for _ in range(4)]

    for drawn in rounds:
        names = [name for name, _ in drawn]
        assert (names.count("one-x"), names.count("two")) == (10, 40)
    assert len({n for drawn in rounds for name, n in drawn if name == "one-x"}) > 20


def test_conversations_are_encoded_as_the_chat_template_writes_them(tokenizer):
    messages = _conversation(7)
    [tokens] = encode([messages], tokenizer)
    template = tokenizer.apply_chat_template(
        messages, return_dict=True, return_assistant_tokens_mask=True
    )

    assert tokens.ids.tolist() == template["input_ids"]
    assert tokens.is_reply.tolist() == [bool(mask) for mask in template["assistant_masks"]]
    assert tokens.bytes == sum(len(turn["content"]) for turn in messages)


def test_chat_tuning_learns_replies_only_on_windows_of_the_whole_context(stages):
    pretraining, tuning = stages

    assert torch.equal(pretraining.labels, pretraining.ids)
    assert tuning.ids.shape[-1] == 1024
    share = (tuning.labels != IGNORED).float().mean().item()
    assert 0.3 < share < 0.6


def test_a_training_that_was_stopped_ends_with_the_weights_of_one_that_was_not(
    tokenizer, stages, tmp_path
):
    whole, trainer = _trainer(tokenizer, stages)
    trainer.run(_silent)
    _, stopped = _trainer(tokenizer, stages, tmp_path / "checkpoint.pt")
    stopped.run(_silent, stop_at=stopped.steps // 2)
    stopped.save()
    resumed, trainer = _trainer(tokenizer, stages, tmp_path / "checkpoint.pt")
    trainer.resume()
    at = trainer.step
    trainer.run(_silent)

    assert 0 < at < trainer.steps == trainer.step
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, resumed.state_dict()[name]), name


def test_a_checkpoint_of_another_training_is_refused(tokenizer, stages, tmp_path):
    _, trainer = _trainer(tokenizer, stages, tmp_path / "checkpoint.pt")
    trainer.save()
    _, other = _trainer(tokenizer, stages[:1], tmp_path / "checkpoint.pt")

    with pytest.raises(SystemExit, match="give the same options"):
        other.resume()


def test_what_was_learned_shows_in_bits_per_byte(corpus, tokenizer, stages):
    held_out = [tokens for s in read_corpus(corpus) for tokens in encode(s.held_out, tokenizer)]
    model, trainer = _trainer(tokenizer, stages)
    before = bits_per_byte(model, held_out)
    trainer.run(_silent)

    assert bits_per_byte(model, held_out) < 0.8 * before


def test_bits_per_byte_of_a_model_that_knows_nothing_is_that_of_a_fair_guess(tokenizer):
    model = Shape.parse(TINY).build(tokenizer)
    for weights in model.parameters():
        torch.nn.init.zeros_(weights)  # every token is equally likely
    rows = encode([_conversation(n) for n in range(5)], tokenizer)

    tokens = sum(len(row.ids) - 1 for row in rows)
    fair = tokens * torch.tensor(len(tokenizer)).log2().item() / sum(row.bytes for row in rows)
    assert bits_per_byte(model, rows) == pytest.approx(fair, rel=1e-3)


@pytest.mark.slow
def test_one_command_makes_a_model_from_a_folder_and_the_same_one_again(corpus, tmp_path):
    for name in ("one", "two"):
        command = [sys.executable, "-m", "chatui.model.starter.pretrain", str(corpus)]
        options = ["--tokens", "20000", "--shape", TINY, "--vocabulary", "300"]
        subprocess.run([*command, str(tmp_path / name), *options], cwd=ROOT, check=True)

    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    facts = json.loads((tmp_path / "one/training.json").read_text())
    assert facts["held_out_conversations"] > 0
    assert not (tmp_path / "one/checkpoint.pt").exists()
