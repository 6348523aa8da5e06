"""Punctuation and stop words go only where somebody asks for it, and never what turns a meaning."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatui.conversation import Turn
from chatui.data.cleaning import DEFAULT_STEPS, STEPS, clean
from chatui.data.cleaning.words import drop_punctuation, drop_stop_words
from chatui.data.formats import RawRow


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Hello, world! (Yes.)", "Hello world Yes"),
        ("Who are you?", "Who are you?"),
        ("¿Qué?", "¿Qué?"),
        ("don't, it's 3.50 at 10:30.", "don't it's 3.50 at 10:30"),
        ("one,(two)", "one two"),
        ("yes…no", "yes no"),
        ("-5 and .5 degrees", "-5 and .5 degrees"),
        ("see https://example.org/a,b?c=1. Or jo@example.org!", None),
        ("run `a.b(c)`, please", "run `a.b(c)` please"),
        ("```\nf(x);\n```\nDone.", "```\nf(x);\n```\nDone"),
        ("<EMAIL_1> < |end|>", "<EMAIL_1> < |end|>"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_punctuation_goes_and_what_is_inside_words_stays(before, after):
    if after is None:  # links and addresses stay whole, marks behind them too
        after = before
    assert drop_punctuation(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("I do not want a refund", "I not want refund"),
        ("Who are you?", "Who you?"),
        ("No, I never had it.", "No, I never it."),
        ("Is it there?", "it there?"),
        ("The THE the lamp", "lamp"),
        ("to be or not to be", "not"),
        ("is it?", "it?"),
        ("the", "the"),
        ("`the` code of the day", "`the` code day"),
        ("theatre tomato", "theatre tomato"),
    ],
)
def test_stop_words_go_and_negations_and_questions_stay(before, after):
    assert drop_stop_words(before) == after


@pytest.mark.parametrize("step", ["punctuation", "stopwords"])
def test_the_steps_are_off_at_first_and_say_what_they_do_to_a_sentence(step):
    about = next(one for one in STEPS if one.name == step)

    assert step not in DEFAULT_STEPS
    assert "I do not want a refund, but" in about.description
    assert about.description.count("not want") == 2
    assert "stock?”" in about.description


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["the", "not", "no", "?", "!", ".", ",", " ", "\n", "(", ")", "'", "-", "5", "a", "`"]
            + ["never", "Who", "@", "://", "’", "is", "é", "…", "```", "nor"]
        )
    ).map("".join)
)
def test_no_text_is_emptied_and_no_question_or_negation_lost(text):
    for fix in (drop_punctuation, drop_stop_words):
        after = fix(text)

        assert bool(after.strip()) == bool(text.strip())
        assert after.count("?") == text.count("?")
        assert after.count("not") == text.count("not")
        assert fix(after) == after


def test_a_row_is_never_emptied():
    rows = [RawRow(1, (Turn("user", "the"), Turn("assistant", "...")))]

    account = clean(rows, ("punctuation", "stopwords", "blank"))

    assert [turn.text for turn in account.kept[0].turns] == ["the", "..."]
