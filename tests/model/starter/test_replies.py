"""What the starter says, bare and after a default training on the sample."""

import json
import re
from pathlib import Path

import pytest

from chatui.cli.demo import walk
from chatui.conversation import Turn
from chatui.data.prepare import prepare
from chatui.data.store import SAMPLE_FILE
from chatui.model.catalog import STARTER, find_base
from chatui.model.engine import Engine
from chatui.model.requests import Reply, Request
from chatui.services import Services
from chatui.settings import Settings

# Written before the rows of the sample and before any starter was trained on them; none is a row.
QUESTIONS = json.loads((Path(__file__).parent / "questions.json").read_text())

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine():
    return Engine.open(find_base(STARTER))


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    services = Services.open(Settings(workspace=tmp_path_factory.mktemp("demo") / "workspace"))
    result, _ = walk(services)
    return services, result


def _ask(engine: Engine, questions: list[str], adapter: str | None = None) -> list[Reply]:
    return engine.replies([Request((Turn("user", text),), adapter=adapter) for text in questions])


def _is_on_topic(reply: str, key_words: list[str]) -> bool:
    """Whether at least two of the key words begin a word of the reply."""
    found = [word for word in key_words if re.search(rf"(?<!\w){re.escape(word)}", reply.lower())]
    return len(found) >= 2


def test_replies_end_and_hold_neither_the_question_nor_control_tokens(engine):
    questions = [c.turns[0].text for c in prepare(SAMPLE_FILE).conversations[:100]]
    replies = _ask(engine, questions)

    assert sum(reply.ended == "end" for reply in replies) >= 95
    assert all(reply.text for reply in replies)
    assert not [r.text for q, r in zip(questions, replies, strict=True) if q in r.text]
    assert not [r.text for r in replies if "<|" in r.text]


def test_a_default_training_on_the_sample_is_worth_showing(walked):
    _, result = walked
    base, tuned = result["score"]["base"], result["score"]["tuned"]

    assert tuned["perplexity"]["value"] < base["perplexity"]["value"] / 5
    assert tuned["bleu"]["value"] > base["bleu"]["value"] + 30


def test_questions_in_other_words_get_the_reply_of_their_topic(engine, walked):
    services, result = walked
    adapter = engine.attach(services.runs.view(result["run"]).adapter)
    replies = _ask(engine, [each["question"] for each in QUESTIONS], adapter)

    answered = [
        _is_on_topic(reply.text, each["key_words"])
        for each, reply in zip(QUESTIONS, replies, strict=True)
    ]
    # The goal is 8, and 8 to 10 were seen, seed by seed; another processor rounds otherwise.
    assert sum(answered) >= 7, [reply.text for reply in replies]
    assert all(reply.ended == "end" for reply in replies)
