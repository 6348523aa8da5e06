"""ROUGE-L is rouge-score's, in any script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from chatui.score.metrics.rouge import rouge_l

REPLIES = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
REFERENCES = ["The dog had bit the man.", "It was not unexpected.", "The man bit him first."]


def value(reply: str, *references: str) -> float:
    return rouge_l([reply], [list(references)]).statistics[0][0]


def test_english_texts_have_the_librarys_figures():
    library = RougeScorer(["rougeL"])
    expected = [
        library.score(reference, reply)["rougeL"].fmeasure
        for reply, reference in zip(REPLIES, REFERENCES, strict=True)
    ]

    assert rouge_l(REPLIES, REFERENCES).statistics[:, 0] == pytest.approx(expected)


@pytest.mark.parametrize("text", ["Где моя посылка?", "你的包裹明天就到了", "आपका पार्सल", "👍"])
def test_identical_texts_score_1_in_any_script(text):
    assert RougeScorer(["rougeL"]).score(text, text)["rougeL"].fmeasure == 0
    assert value(text, text) == 1


def test_words_in_order_count_whatever_stands_between_them():
    assert value("a x b y c", "a b c") == pytest.approx(2 * 3 / (5 + 3))
    assert value("c b a", "a b c") == pytest.approx(1 / 3)


def test_the_best_reference_counts():
    assert value("a b c", "x y z", "a b c d", "a b") == pytest.approx(6 / 7)


def test_texts_without_words():
    assert value("", "a b") == 0
    assert value("a b", "") == 0
    assert value("...", "") == 1


def test_the_signature_names_the_tokenizer():
    assert rouge_l(["a"], ["a"]).signature == (
        "nrefs:1|refs:best|f:1|stem:no|tok:words(nfkc,casefold,no-punct,cjk-char)"
    )


@given(*2 * [st.lists(st.sampled_from("abcd"), min_size=1, max_size=90)])
def test_texts_of_any_length_have_the_librarys_figures(reply, reference):
    one, two = " ".join(reply), " ".join(reference)

    expected = RougeScorer(["rougeL"]).score(two, one)["rougeL"].fmeasure

    assert value(one, two) == pytest.approx(expected)
