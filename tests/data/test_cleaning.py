"""Cleaning says what it did to every row, and cleaning twice is cleaning once."""

import ftfy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatui.conversation import Turn
from chatui.data.cleaning import (
    DEFAULT_STEPS,
    MAX_EXAMPLES,
    STEPS,
    checked_steps,
    clean,
    repair,
    trim,
)
from chatui.data.formats import RawRow
from chatui.errors import UnknownStep


def row(number, *texts, **more):
    speakers = ("user", "assistant")
    turns = tuple(Turn(speakers[i % 2], text) for i, text in enumerate(texts))
    return RawRow(number, turns, **more)


def texts_of(account):
    return [[turn.text for turn in kept.turns] for kept in account.kept]


def test_a_clean_row_stays_as_it_is():
    account = clean([row(1, "How do I pay?", "By card.")])

    assert texts_of(account) == [["How do I pay?", "By card."]]
    assert account.changed == {}
    assert account.removed == []


def test_each_step_counts_the_rows_it_changed_and_shows_them():
    account = clean([row(1, " hi ", "<b>yes</b>"), row(2, "donâ€™t", "no"), row(3, "a", "b")])

    assert texts_of(account) == [["hi", "yes"], ["don’t", "no"], ["a", "b"]]
    assert account.changed == {"spaces": 1, "characters": 1, "html": 1}
    example = account.examples["characters"][0]
    assert (example.row, example.before, example.after) == (2, "donâ€™t", "don’t")


def test_a_step_that_is_switched_off_does_nothing():
    rows = [row(1, " hi ", ""), row(2, "<b>x</b>", "y"), row(3, "<b>x</b>", "y")]

    account = clean(rows, ())

    assert texts_of(account) == [[" hi ", ""], ["<b>x</b>", "y"], ["<b>x</b>", "y"]]


def test_duplicates_are_found_after_the_other_steps_and_name_the_row_that_stays():
    account = clean([row(1, "hi", "yes"), row(2, " hi", "<p>yes</p>"), row(3, "hi", "no")])

    assert [kept.row for kept in account.kept] == [1, 3]
    assert account.removed[0].reason == "says the same as row 1"
    assert account.removed[0].turns[0].text == " hi"
    assert account.changed == {}


def test_preferences_that_differ_in_the_rejected_reply_are_no_duplicates():
    account = clean([row(1, "hi", "yes", rejected="a"), row(2, "hi", "yes", rejected="b")])

    assert len(account.kept) == 2


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("hi", " "), "the reply is blank"),
        (("", "yes"), "the question is blank"),
        (("hi", "<p></p>"), "the reply is blank"),
        (("hi", "&nbsp;"), "the reply is blank"),
        (("a", "", "c", ""), "the reply is blank"),
    ],
)
def test_a_pair_with_one_side_is_removed_with_its_reason(texts, reason):
    account = clean([row(1, *texts)])

    assert account.kept == []
    assert (account.removed[0].step, account.removed[0].reason) == ("blank", reason)


def test_a_blank_turn_in_the_middle_goes_and_its_neighbours_are_joined():
    account = clean([row(1, "a", "b", "c", " ", "e", "f")])

    assert texts_of(account) == [["a", "b", "c\n\ne", "f"]]
    assert account.changed["blank"] == 1


def test_there_are_at_most_twenty_examples_and_the_count_goes_on():
    account = clean([row(n, f" {n}", "x") for n in range(1, 31)])

    assert account.changed == {"spaces": 30}
    assert len(account.examples["spaces"]) == MAX_EXAMPLES


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  hi  ", "hi"),
        ("a  b", "a b"),
        ("a \nb", "a\nb"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("a\r\nb", "a\nb"),
        ("\u00a0hi\u3000", "hi"),
        ("x\n    indented  code", "x\n    indented code"),
        ("`a  b`", "`a  b`"),
        ("| a  | b |", "| a  | b |"),
    ],
)
def test_white_space_is_trimmed_and_indentation_tables_and_code_stay(before, after):
    assert trim(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Iâ€™m", "I’m"),
        ("cafÃ©", "café"),
        ("a\x00b\x1b[31mc", "abc"),
        ("a\rb", "a\nb"),
        ("\ufeffhi", "hi"),
    ],
)
def test_mojibake_and_control_characters_are_repaired(before, after):
    assert repair(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "“quoted” and ‘this’",
        "x² + y²",
        "&amp; &lt;b&gt;",
        "ｗｉｄｅ，「引用」！",
        "ﬁne",
        "naïve café",
    ],
)
def test_quotes_powers_entities_and_wide_letters_are_no_damage(text):
    assert repair(text) == text


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("aé’â€™Ã©\u00a0 \n\r\x00\x1b[m\u2028ＡﬁＡ\u0301e\x92“")))
def test_the_gate_before_the_repair_changes_no_result(text):
    ungated = ftfy.fix_text(
        text,
        uncurl_quotes=False,
        unescape_html=False,
        fix_character_width=False,
        fix_latin_ligatures=False,
    )

    assert repair(text) == ungated


DIRT = st.lists(
    st.sampled_from(
        ["<b>", "</b>", "<p>", "</p>", "<", ">", "b", "&lt;", "&gt;", "&amp;", "amp;", "lt;", "&"]
        + ["`", "```", " ", "  ", "\n", "a", "â€™", "&acirc;&euro;&trade;", "\x00", "<title>"]
        + ["</title>", "<!--", "-->", "<script>", "</script>", "<li>", "Ã", "©", "\r", "&#13;", "é"]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(
    rows=st.lists(st.lists(DIRT, max_size=5), max_size=5),
    steps=st.sets(st.sampled_from(DEFAULT_STEPS)),
)
def test_cleaning_twice_is_cleaning_once_and_every_row_is_accounted_for(rows, steps):
    raw = [row(n, *texts) for n, texts in enumerate(rows, start=1)]

    once = clean(raw, steps)
    again = clean([RawRow(kept.row, kept.turns) for kept in once.kept], steps)

    assert [kept.turns for kept in again.kept] == [kept.turns for kept in once.kept]
    assert again.changed == {}
    rows_out = [kept.row for kept in once.kept] + [gone.row for gone in once.removed]
    assert sorted(rows_out) == [r.row for r in raw]


def test_text_that_never_comes_to_rest_is_left_as_it_was():
    nested = "<" * 40 + "i" + "b>" * 40 + "</i></b>"

    account = clean([row(1, nested, "x")], ("html",))

    assert clean([RawRow(1, account.kept[0].turns)], ("html",)).changed == {}


def test_a_step_that_does_not_exist_is_named():
    with pytest.raises(UnknownStep, match="no cleaning step 'magic'. Known: spaces, characters"):
        checked_steps(["magic"])
    assert checked_steps({"html", "spaces"}) == ("spaces", "html")


def test_every_step_says_what_it_does():
    for step in STEPS:
        assert step.title
        assert step.description.endswith(".")
