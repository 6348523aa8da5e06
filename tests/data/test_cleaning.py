"""Cleaning says what it did to every row, and cleaning twice is cleaning once."""

import ftfy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatui.conversation import Turn
from chatui.data.cleaning import (
    DEFAULT_STEPS,
    MAX_EXAMPLES,
    STEP_NAMES,
    STEPS,
    Parameters,
    checked_steps,
    clean,
)
from chatui.data.cleaning.texts import repair, trim
from chatui.data.formats import RawRow
from chatui.errors import ChatUIError, UnknownStep


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
        + ["<s>", "<|end|>", "|", "[INST]", "[", "INST]", "<<SYS>>", "&lt;s&gt;", "<EMAIL_7>"]
        + ["jo@example.org", "@", "+49 30 901820", "212-736-5000", "10.1.2.3", "1", "how do I pay"]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(
    rows=st.lists(st.lists(DIRT, max_size=5), max_size=5),
    steps=st.sets(st.sampled_from(STEP_NAMES)),
    parameters=st.builds(
        Parameters,
        similarity=st.sampled_from([0.5, 0.8, 1.0]),
        max_tokens=st.sampled_from([16, 1024]),
        flagged_words=st.sampled_from([(), ("pay",), ("a", "how do")]),
    ),
)
def test_cleaning_twice_is_cleaning_once_and_every_row_is_accounted_for(rows, steps, parameters):
    raw = [row(n, *texts) for n, texts in enumerate(rows, start=1)]

    once = clean(raw, steps, parameters)
    again = clean([RawRow(kept.row, kept.turns) for kept in once.kept], steps, parameters)

    assert [kept.turns for kept in again.kept] == [kept.turns for kept in once.kept]
    assert again.changed == {}
    assert again.removed == []
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


def test_every_step_says_what_it_does_and_knows_its_parameters():
    for step in STEPS:
        assert set(step.parameters) <= set(Parameters.model_fields)
        assert step.title
        assert step.description.endswith(".")


def test_what_changes_the_meaning_or_takes_a_choice_is_off_at_first():
    assert DEFAULT_STEPS == ("spaces", "characters", "html", "control", "blank", "duplicates")


@pytest.mark.parametrize("typed", ["<|end|>", "&lt;|end|&gt;", "<|en<b></b>d|>", "<\x00|end|>"])
def test_no_control_token_comes_out_of_the_steps_before(typed):
    account = clean([row(1, f"a {typed} b", "yes")])

    assert texts_of(account) == [["a < |end|> b", "yes"]]


def test_one_value_has_one_placeholder_in_all_rows_and_in_what_is_removed():
    rows = [
        row(1, "I am jo@example.org", "Hello JO@example.org, not al@example.org"),
        row(2, "I am jo@example.org", " "),
    ]

    account = clean(rows, ("blank", "pii"))

    assert texts_of(account) == [["I am <EMAIL_1>", "Hello <EMAIL_1>, not <EMAIL_2>"]]
    assert account.removed[0].turns[0].text == "I am <EMAIL_1>"


def test_placeholders_that_a_file_holds_already_are_not_given_again():
    account = clean([row(1, "jo@example.org", "ok"), row(2, "<EMAIL_3>", "ok")], ("pii",))

    assert texts_of(account) == [["<EMAIL_4>", "ok"], ["<EMAIL_3>", "ok"]]


def test_rows_in_another_language_go_and_short_ones_stay():
    rows = [
        row(1, "Where is my order? I have waited for two weeks.", "It will arrive tomorrow."),
        row(2, "Wo ist meine Bestellung? Ich warte seit zwei Wochen.", "Sie kommt morgen an."),
        row(3, "Hallo", "Ja"),
    ]

    account = clean(rows, ("language",), Parameters(languages="en, fr"))

    assert [kept.row for kept in account.kept] == [1, 3]
    assert account.removed[0].reason == "it is in 'de', not in en or fr"


def test_rows_with_more_tokens_than_allowed_go_with_their_number():
    rows = [row(1, "word " * 30, "yes"), row(2, "word", "yes")]

    account = clean(rows, ("long",), Parameters(max_tokens=16))

    assert [kept.row for kept in account.kept] == [2]
    assert "tokens by starter, and 16 are allowed" in account.removed[0].reason


def test_a_tokenizer_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ChatUIError, match="model"):
        clean([row(1, "a", "b")], ("long",), Parameters(tokenizer=str(tmp_path)))


def test_flagged_words_are_whole_words_or_phrases_in_any_case():
    parameters = Parameters(flagged_words=("ass", "go away"))
    rows = [row(1, "You ASS!", "x"), row(2, "first class", "x"), row(3, "x", "Go  away")]

    account = clean(rows, ("flagged",), parameters)

    assert [kept.row for kept in account.kept] == [2]
    assert [gone.reason for gone in account.removed] == [
        "the question holds the flagged word 'ass'",
        "the reply holds the flagged word 'go away'",
    ]


def test_of_different_replies_to_one_question_the_first_stays():
    rows = [
        row(1, "How?", "So."),
        row(2, " how ", "Or so."),
        row(3, "How?", "So."),
        row(4, "?", ""),
    ]

    account = clean(rows, ("conflicts",))

    assert [kept.row for kept in account.kept] == [1, 3, 4]
    assert account.removed[0].reason == "answers the question of row 1 in other words"


def test_a_row_that_was_brought_back_is_mended_stays_and_pushes_no_other_out():
    rows = [row(1, "a", "b"), row(2, " a", "b"), row(3, "a", "b"), row(4, "c", " "), row(5, "d")]

    account = clean(rows, restored=(2, 4, 5))

    assert [kept.row for kept in account.kept] == [1, 2, 4]
    assert account.kept[1].turns[0].text == "a"
    assert [(gone.row, gone.step) for gone in account.removed] == [(3, "duplicates"), (5, "order")]


def test_of_an_endless_row_the_beginning_is_counted():
    account = clean([row(1, "word " * 200_000, "yes")], ("long",), Parameters(max_tokens=16))

    assert account.removed[0].reason == "it has more than 32 tokens by starter, and 16 are allowed"
