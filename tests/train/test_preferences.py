"""Preferences are learned as a run like any other, from rows with a chosen and a rejected reply."""

import json
import math
from pathlib import Path

import pytest

from chatui.conversation import Conversation, Turn
from chatui.data.prepare import prepare
from chatui.errors import CannotTrain
from chatui.jobs import JobStopped, Task
from chatui.model.catalog import find_base
from chatui.model.engine import Engine
from chatui.model.loading import load_base
from chatui.model.requests import Item
from chatui.train.curves import lines_of
from chatui.train.worker.pairs import encode_pairs
from chatui.train.worker.training import train
from chatui.ui.tabs.train import describe, looking
from tests.train.conftest import SMALL, Bench, made

OPTIONS = SMALL.model_copy(
    update={"method": "dpo", "learning_rate": 2e-3, "epochs": 4, "max_length": 128}
)


@pytest.fixture
def preferred(bench: Bench, tmp_path: Path) -> str:
    """A version of 60 questions, each with a reply that is kind and one that is not."""
    path = tmp_path / "liked.jsonl"
    rows = [
        {"user": f"Where is order {n}?", "agent": f"Order {n} is on its way to you.",
         "rejected": f"Find out about {n} yourself."}
        for n in range(60)
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return bench.datasets.save(prepare(path), "Liked").id


def finished(bench: Bench, dataset: str, base: Path, **changes: object):
    task = made(
        bench,
        lambda: bench.runs.start(dataset, OPTIONS.model_copy(update=changes), str(base)),
    )
    train(task)
    task.journal.append("finished")
    return bench.runs.view(task.folder.name)


def test_a_run_learns_which_reply_is_liked_better(bench, preferred, tiny_base):
    run = finished(bench, preferred, tiny_base)

    began, *_, ended = run.job.of_kind("evaluation")
    assert began["loss"] == pytest.approx(math.log(2), abs=1e-3)
    assert began["reward_margin"] == pytest.approx(0.0, abs=1e-3)
    assert ended["loss"] < 0.3
    assert ended["reward_margin"] > 1
    assert ended["reward_accuracy"] == 1.0
    step = [event for event in run.job.of_kind("step") if "loss" in event][-1]
    assert {"loss", "reward_margin", "reward_accuracy", "gradient_norm", "tokens"} <= set(step)
    assert "prefers the chosen reply in 100% of the validation pairs" in run.sentence
    assert {line.kind for line in lines_of(run, "Reward margin")} == {"train", "validation"}
    assert [line.kind for line in lines_of(run, "Perplexity")] == ["validation"]
    assert "nats per pair of replies" in looking.chart(run, [], "Loss", "none")
    assert "Prefers the chosen" in describe.figures(run)
    assert run.adapter is not None
    engine = Engine.open(find_base(str(tiny_base)))
    adapter = engine.attach(run.adapter)
    rows = bench.datasets.conversations(preferred, "validation")
    margin = [
        sum(
            sign * (scored[0].nats - scored[1].nats)
            for sign, scored in (
                (1, engine.likelihoods([Item(turns) for turns in sides])),
                (-1, engine.likelihoods([Item(turns, adapter) for turns in sides])),
            )
        )
        for row in rows
        for sides in [(row.turns, (*row.prompt, Turn("assistant", row.rejected)))]
    ]
    # The reward of TRL is beta times the gain in log-likelihood, which the engine measures too.
    kept = next(e for e in reversed(run.job.of_kind("evaluation")) if e["best"])
    assert 0.1 * sum(margin) / len(margin) == pytest.approx(kept["reward_margin"], rel=0.1)


def test_what_is_stopped_and_resumed_learns_the_same(bench, preferred, tiny_base, monkeypatch):
    options = {"epochs": 2, "lora_dropout": 0.1}
    whole = finished(bench, preferred, tiny_base, **options)
    config = OPTIONS.model_copy(update=options)
    task = made(bench, lambda: bench.runs.start(preferred, config, str(tiny_base)))
    with monkeypatch.context() as patched:
        patched.setattr(Task, "should_stop", property(lambda task: steps_of(task) >= 9))
        with pytest.raises(JobStopped):
            train(task)
    assert 9 <= steps_of(task) < whole.steps

    train(task)

    resumed = bench.runs.view(task.folder.name)
    assert any("Going on after step" in line for line in resumed.log())
    assert resumed.adapter_hash == whole.adapter_hash


def steps_of(task: Task) -> int:
    return sum(event["kind"] == "step" and "loss" in event for event in task.journal.events())


def test_a_step_in_pieces_learns_the_same_as_in_one(bench, preferred, tiny_base):
    whole, pieces = (
        finished(bench, preferred, tiny_base, max_steps=3, epochs=0, batch_tokens=tokens)
        for tokens in (4096, 64)
    )

    for one, other in zip(whole.job.of_kind("step"), pieces.job.of_kind("step"), strict=True):
        if "loss" in one:
            assert other["loss"] == pytest.approx(one["loss"], rel=0.01)
            assert other["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=0.05)
            assert other["tokens"] == one["tokens"]
            assert one["gradient_norm"] > 0  # the packed kernel would let none through


def test_the_reference_of_a_continued_run_is_what_it_began_with(bench, preferred, tiny_base):
    first = finished(bench, preferred, tiny_base)
    beginning = bench.runs.beginning(first.id)
    task = made(
        bench,
        lambda: bench.runs.start(preferred, OPTIONS, str(tiny_base), beginning=beginning),
    )
    train(task)

    began = bench.runs.view(task.folder.name).job.of_kind("evaluation")[0]
    # The adapter is far from the base by now, and not from itself.
    assert began["loss"] == pytest.approx(math.log(2), abs=1e-3)
    assert began["best"]


def test_a_version_without_rejected_replies_is_refused(bench, tiny_base):
    with pytest.raises(CannotTrain, match="has 0 such rows to learn from, of 8 at least"):
        bench.runs.start(bench.dataset.id, OPTIONS, str(tiny_base))


@pytest.mark.parametrize("option", [{"neftune_noise": 5.0}, {"label_smoothing": 0.1}])
def test_what_disturbs_single_replies_is_refused(bench, preferred, tiny_base, option):
    with pytest.raises(CannotTrain, match="Method dpo knows no"):
        bench.runs.start(preferred, OPTIONS.model_copy(update=option), str(tiny_base))


def test_preferences_want_a_tenth_of_the_learning_rate(bench, preferred, tiny_base):
    problems = bench.runs.problems(
        preferred, OPTIONS.model_copy(update={"learning_rate": 6e-3}), str(tiny_base)
    )

    assert [problem.field for problem in problems] == ["learning_rate"]
    assert "which learns preferences. Set it to about 0.0006." in problems[0].sentence


def liked(rejected: str | None, reply: str = "Soon.") -> Conversation:
    talk = (Turn("user", "Hi"), Turn("assistant", "Yes?"), Turn("user", "When?"))
    return Conversation("1", (*talk, Turn("assistant", reply)), rejected=rejected)


def test_both_replies_follow_the_same_prompt_and_end_alike(tiny_base):
    encoder = load_base(find_base(str(tiny_base))).encoder

    (pair,) = encode_pairs([liked("Never, ever.")], encoder, 128).rows

    assert encoder.tokenizer.decode(pair.chosen) == "Soon.<|end|>"
    assert encoder.tokenizer.decode(pair.rejected) == "Never, ever.<|end|>"
    assert pair.prompt == encoder.prompt(liked(None).prompt, 8)
    assert pair.ids == pair.prompt + pair.rejected


def test_rows_without_two_replies_are_left_out_with_a_reason(tiny_base):
    encoder = load_base(find_base(str(tiny_base))).encoder
    rows = [liked(None), liked("Soon."), liked(""), liked("No. " * 40), liked("Other")]

    found = encode_pairs(rows, encoder, 64)

    assert len(found.rows) == 2
    assert found.cut == 1
    assert found.skipped == {
        "it has no rejected reply": 1,
        "the rejected reply is the chosen one": 1,
        "the reference is empty": 1,
    }
    nothing = encode_pairs(rows[-1:], encoder, 8)
    assert nothing.skipped == {"no reply lies within the first 8 tokens": 1}
