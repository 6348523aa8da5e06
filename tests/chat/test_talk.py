import pytest

from chatui.chat.asking import Asked
from chatui.chat.talk import Answer, Talk
from chatui.conversation import Turn
from chatui.model.decoding import Decoding
from chatui.model.requests import Reply


def answer(text="Yes.", model="r1"):
    reply = Reply(text, 2, "end", "a" * 64 if model != "base" else None, 0.5)
    asked = Asked(reply, "m" * 64, "b" * 64, "t" * 64)
    return Answer(asked, (Turn("user", "Hi"),), model, Decoding(), 0)


def test_a_model_is_told_the_system_prompt_and_all_that_was_said():
    talk = Talk().say("Hi").answered(answer()).say("And now?")

    told = [(turn.speaker, turn.text) for turn in talk.turns("Be kind.")]

    assert told == [
        ("system", "Be kind."),
        ("user", "Hi"),
        ("assistant", "Yes."),
        ("user", "And now?"),
    ]


def test_an_empty_system_prompt_is_no_turn():
    assert [turn.speaker for turn in Talk().say("Hi").turns("  ")] == ["user"]


def test_a_message_waits_until_it_is_answered_or_failed():
    asked = Talk().say("Hi")

    assert asked.is_open
    assert not asked.answered(answer()).is_open
    assert not asked.failed("No memory.").is_open
    assert not Talk().is_open


def test_a_message_without_a_reply_is_not_told_with_the_next_one():
    talk = Talk().say("Hi").failed("No memory.").say("Again")

    assert [turn.text for turn in talk.turns("")] == ["Again"]


def test_asking_again_keeps_the_message_and_takes_another_seed():
    talk = Talk().say("Hi").answered(answer()).again().again()

    assert (talk.last.message, talk.last.tries, talk.is_open) == ("Hi", 2, True)


def test_without_its_last_exchange_a_talk_is_as_before():
    before = Talk().say("Hi").answered(answer())

    assert before.say("More").without_last() == before


@pytest.mark.parametrize("change", ["again", "without_last"])
def test_nothing_said_stays_nothing(change):
    assert getattr(Talk(), change)() == Talk()


def test_feedback_names_the_run_and_the_base_has_none():
    assert answer(model="r1").feedback("up", "v").run == "r1"
    base = answer(model="base").feedback("down", "v", reason="Wrong")
    assert (base.run, base.adapter_hash, base.reason) == (None, None, "Wrong")


def test_a_talk_can_be_told_from_another_by_its_hash():
    assert hash(Talk().say("Hi")) == hash(Talk().say("Hi"))
    assert Talk().say("Hi") != Talk().say("Ho")
