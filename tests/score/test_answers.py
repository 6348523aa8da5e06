"""Token F1 and exact match do what SQuAD v2's evaluation script does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.errors import NotComparable
from chatui.score.metrics.answers import (
    exact_match,
    exact_match_unicode,
    token_f1,
    token_f1_unicode,
)

METRICS = [token_f1, exact_match, token_f1_unicode, exact_match_unicode]


def value(metric, reply: str, *references: str) -> float:
    score, counted = metric([reply], [list(references)]).statistics[0]
    assert counted == 1
    return score


@pytest.mark.parametrize(
    ("reply", "reference", "expected"),
    [
        ("yes", "yes, it is", 0.5),
        ("the the cat", "cat", 1.0),
        ("", "", 1.0),
        ("the", "...", 1.0),  # nothing is left of either
        ("", "cat", 0.0),
        ("cat", "", 0.0),
        ("cat cat", "cat dog", 0.5),  # a word counts as often as both have it
        ("A Cat!", "cat", 1.0),
        ("dog", "cat", 0.0),
    ],
)
def test_token_f1_of_squad(reply, reference, expected):
    assert value(token_f1, reply, reference) == pytest.approx(expected)


def test_exact_match_forgives_case_punctuation_articles_and_space():
    assert value(exact_match, " The  CAT sat. ", "cat sat") == 1
    assert value(exact_match, "cat sat down", "cat sat") == 0


def test_the_best_reference_counts():
    assert value(token_f1, "the cat", "a dog", "black cat", "cat") == 1
    assert value(exact_match, "the cat", "a dog", "cat") == 1


def test_the_unicode_metrics_know_any_script_and_no_articles():
    assert value(exact_match, "«Привет»", "привет") == 0
    assert value(exact_match_unicode, "«Привет»", "привет") == 1
    assert value(exact_match_unicode, "ｃａｆé", "cafe\u0301") == 1
    assert value(exact_match_unicode, "the cat", "cat") == 0
    assert value(token_f1_unicode, "包裹明天到", "包裹今天到。") == pytest.approx(0.8)


def test_the_signature_says_which_normalisation():
    assert token_f1(["a"], ["a"]).signature.startswith("nrefs:1|refs:best|norm:squad2")
    assert token_f1_unicode(["a"], [["a", "b"]]).signature.startswith("nrefs:2|refs:best|norm:nfkc")


@given(st.text(), st.text())
def test_values_are_shares_and_identical_texts_are_right(one, two):
    for metric in METRICS:
        assert 0 <= value(metric, one, two) <= 1
        assert value(metric, one, two) == value(metric, two, one)
        assert value(metric, one, one) == 1


@pytest.mark.parametrize("metric", METRICS)
def test_a_bare_string_is_refused(metric):
    with pytest.raises(NotComparable, match="a bare string"):
        metric("cat", ["cat"])
