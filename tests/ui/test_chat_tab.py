"""The handlers of the Chat tab, on a model that says back what it was told."""

from types import SimpleNamespace

import gradio as gr
import pytest

from chatui.chat.feedback import FeedbackStore
from chatui.chat.talk import Talk
from chatui.database import open_database
from chatui.errors import ChatUIError
from chatui.ui.state import Selection
from chatui.ui.tabs.chat import _NOTHING, _ChatTab
from chatui.ui.tabs.chat.pane import LOADING, NOBODY, WAITING, Pane, about_html, messages
from chatui.ui.tabs.chat.stops import Stops
from tests.ui import fakes

ANNA, BERT = SimpleNamespace(session_hash="anna"), SimpleNamespace(session_hash="bert")
R1 = Selection("chat", "support-v1", "r1")


class NoMemory(ChatUIError):
    pass


@pytest.fixture
def services(tmp_path):
    made = fakes.two_chains()
    database = open_database(tmp_path / "chatui.sqlite")
    made.feedback = FeedbackStore(database)
    yield made
    database.close()


@pytest.fixture
def stops():
    return Stops()


@pytest.fixture
def pane(services, stops):
    return Pane(services, stops, "Left model")


@pytest.fixture
def tab(services, stops):
    return _ChatTab(services, stops)


def answered(pane, text="Hi", model="r1", request=ANNA, **options) -> Talk:
    *_, last = pane.answer(Talk().say(text), model, R1, request, **options)
    return last[0]


def shown(step) -> str:
    return step[1][-1]["content"]


def test_a_reply_comes_word_by_word_and_is_kept_with_how_it_was_made(pane):
    steps = list(pane.answer(Talk().say("Hi"), "r1", R1, ANNA, temperature=0.7, system="Be kind."))

    assert shown(steps[0]) == LOADING
    assert shown(steps[1]) == "YOU"
    answer = steps[-1][0].last.answer
    assert answer.text == "YOU SAID: HI"
    assert (answer.model, answer.decoding.temperature) == ("r1", 0.7)
    assert [turn.speaker for turn in answer.turns] == ["system", "user"]


def test_a_model_that_was_put_away_says_why_it_loads_again(pane, services):
    services.models.away = "it was put away to make room for training r3"

    first = next(iter(pane.answer(Talk().say("Hi"), "r1", R1, ANNA)))

    assert shown(first) == (
        "Loading the model again: it was put away to make room for training r3."
    )


def test_a_loaded_model_is_only_waited_for(pane):
    answered(pane)

    assert shown(next(iter(pane.answer(Talk().say("Hi"), "r1", R1, ANNA)))) == WAITING


def test_the_base_answers_without_an_adapter(pane):
    assert answered(pane, model="base").last.answer.text == "You said: Hi"


def test_a_side_without_a_model_says_nothing(pane, services):
    assert answered(pane, model=NOBODY).is_open
    assert services.models.one.asked == []


def test_stop_ends_ones_own_reply_and_no_others(pane, stops, services):
    hers, his = (pane.answer(Talk().say("a b c"), "base", R1, who) for who in (ANNA, BERT))
    next(hers), next(hers), next(his), next(his)

    stops.stop("anna")

    assert list(hers)[-1][0].last.answer.asked.reply.ended == "cancelled"
    assert list(his)[-1][0].last.answer.text == "You said: a b c"


def test_a_new_message_ends_the_reply_to_the_one_before(pane, tab):
    reply = pane.answer(Talk().say("a b c"), "base", R1, ANNA)
    next(reply), next(reply)

    tab.send("Something else", Talk(), Talk(), ANNA)

    assert list(reply)[-1][0].last.answer.asked.reply.ended == "cancelled"


def test_stopped_before_the_first_word_there_is_a_reason_and_no_reply(pane, stops):
    reply = pane.answer(Talk().say("Hi"), "base", R1, ANNA)
    next(reply)
    stops.stop("anna")

    assert "Stopped before the first word" in list(reply)[-1][0].last.problem


def test_who_leaves_is_forgotten(tab, stops):
    tab.send("Hi", Talk(), Talk(), ANNA)
    flag = stops.flag("anna")

    tab.leave(ANNA)

    assert flag.is_set()
    assert not stops.flag("anna").is_set()


def test_an_error_stays_in_the_conversation_and_the_message_is_kept(pane, services):
    services.models.error = NoMemory("The <model> does not fit.")

    talk = answered(pane)

    assert talk.last.message == "Hi"
    assert "The &lt;model&gt; does not fit." in about_html(talk)
    assert 'role="alert"' in about_html(talk)


def test_a_bug_is_shown_too_and_stays_loud(pane, services):
    services.models.error = KeyError("x")
    steps = []

    with pytest.raises(KeyError):
        steps.extend(pane.answer(Talk().say("Hi"), "r1", R1, ANNA))


def test_sampling_out_of_its_limits_is_said_in_words(pane):
    assert "temperature" in answered(pane, temperature=9.0).last.problem


def test_regenerate_takes_another_seed(pane, tab, services):
    first = answered(pane)

    again = tab.again(first, Talk(), ANNA)[1]
    list(pane.answer(again, "r1", R1, ANNA))

    assert [request.seed for request in services.models.one.asked] == [0, 1]


def test_edit_takes_the_last_message_back_into_the_field(pane, tab):
    text, left, right, *_ = tab.edit(answered(pane), Talk().say("Hi"), ANNA)

    assert (text, left, right) == ("Hi", Talk(), Talk())


def test_an_empty_message_is_not_sent(tab):
    with pytest.raises(gr.Error):
        tab.send("  ", Talk(), Talk(), ANNA)


def test_a_test_question_is_asked_on_both_sides(tab):
    text, left, right, *_ = tab.send_chip(1)(("One?", "Two?"), Talk(), Talk(), ANNA)

    assert (text, left.last.message, right.last.message) == ("", "Two?", "Two?")


def test_two_clicks_on_a_thumb_save_it_once(pane, services):
    talk = answered(pane)
    pane.think_good(talk, ANNA)
    line = pane.think_good(talk, ANNA)

    (saved,) = services.feedback.all()
    assert (saved.thumb, saved.run, saved.reply) == ("up", "r1", "YOU SAID: HI")
    assert "saved" in line


def test_what_one_would_have_answered_is_saved_with_the_thumb(pane, services):
    talk = answered(pane)
    pane.think_bad(talk, ANNA)
    pane.say_more(talk, ANNA, reason="Wrong", correction=" Tomorrow. ")

    (saved,) = services.feedback.all()
    assert (saved.thumb, saved.reason, saved.correction) == ("down", "Wrong", "Tomorrow.")


def test_without_a_reply_there_is_nothing_to_judge(pane, services):
    pane.think_good(Talk().say("Hi"), ANNA)

    assert services.feedback.all() == []


def test_html_in_a_reply_is_text_and_code_stays_as_it_is():
    talk = Talk().say("<img src=x> `<b>` ![p](http://x)\n```\n<i>\n```")

    assert messages(talk)[0]["content"] == "&lt;img src=x> `<b>` !\\[p](http://x)\n```\n<i>\n```"


def test_the_selected_run_stands_beside_the_base_at_first(tab):
    _, left, right, system, questions, *_ = tab.refresh(R1, _NOTHING)

    assert (left.value, right.value, system) == ("base", "r1", "")
    assert questions[0] == "Where is my parcel?"
    assert len(questions) == 4


def test_without_a_finished_run_one_model_answers_alone(tab, services):
    services.runs.things = [fakes.Run("r1", "support-v1", adapter=None)]

    assert tab.refresh(R1, _NOTHING)[2].value == NOBODY


def test_nothing_is_touched_while_nothing_has_changed(tab):
    offer = tab.refresh(R1, _NOTHING)[0]

    assert all(each == gr.skip() for each in tab.refresh(R1, offer))


def test_a_run_that_ends_meanwhile_does_not_change_what_was_chosen(tab, services):
    offer = tab.refresh(R1, _NOTHING)[0]
    services.runs.things.append(fakes.Run("r9", "support-v1"))

    _, left, right, system, *_ = tab.refresh(R1, offer)

    assert "value" not in left.constructor_args
    assert system == gr.skip()


def test_the_endpoint_gives_one_plain_reply(tab):
    assert tab.chat_reply("Hi") == "You said: Hi"
    assert tab.chat_reply("Hi", "r1", "Be kind.") == "YOU SAID: HI"


def test_the_endpoint_says_which_runs_there_are(tab):
    with pytest.raises(gr.Error, match="r99"):
        tab.chat_reply("Hi", "r99")
