"""BLEU and chrF are sacrebleu's to the last digit, also from per-item statistics."""

import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from chatui.score.metrics.overlap import (
    bleu_of_sums,
    bleu_statistics,
    bleu_tokenizer,
    both_chrf_statistics,
    chrf_of_sums,
    chrf_statistics,
    chrfpp_statistics,
    mean_reference_tokens,
)

REPLIES = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
REFERENCES = [
    ["The dog bit the man.", "The dog had bit the man."],
    ["It was not unexpected.", "No one was surprised."],
    ["The man bit him first.", "The man had bitten the dog."],
]
STREAMS = [list(stream) for stream in zip(*REFERENCES, strict=True)]
FIRST = [refs[0] for refs in REFERENCES]


def bleu(replies, references) -> float:
    sums = bleu_statistics(replies, references).statistics.sum(axis=0, keepdims=True)
    return float(bleu_of_sums(sums)[0])


def chrf(replies, references) -> float:
    sums = chrf_statistics(replies, references).statistics.sum(axis=0, keepdims=True)
    return float(chrf_of_sums(sums)[0])


def test_the_corpus_of_sacrebleus_own_documentation():
    sums = bleu_statistics(REPLIES, REFERENCES).statistics.sum(axis=0)

    assert bleu(REPLIES, REFERENCES) == pytest.approx(48.530827, abs=1e-6)
    assert sums[2:6].tolist() == [14, 7, 5, 3]
    assert sums[6:].tolist() == [17, 14, 11, 8]
    assert math.exp(1 - sums[1] / sums[0]) == pytest.approx(0.943, abs=5e-4)


def test_a_single_reply_with_effective_order():
    row = bleu_statistics(["this is a fest"], ["this is a test"]).statistics

    assert bleu_of_sums(row, effective_order=True)[0] == pytest.approx(59.460356, abs=1e-6)


@pytest.mark.parametrize(
    "replies",
    [
        REPLIES,
        ["", "It was", "The man"],
        ["", "", ""],
        ["no word shared here", "nothing", "zilch"],
        ["The dog", "It was", "The man"],
        FIRST,
    ],
)
def test_sums_of_items_reproduce_sacrebleus_corpus_score(replies):
    expected_bleu = BLEU().corpus_score(replies, STREAMS).score
    expected_chrf = CHRF().corpus_score(replies, STREAMS).score

    assert bleu(replies, REFERENCES) == pytest.approx(min(expected_bleu, 100), abs=1e-9)
    assert chrf(replies, REFERENCES) == pytest.approx(min(expected_chrf, 100), abs=1e-9)


def test_rows_of_items_reproduce_sacrebleus_sentence_scores():
    single = BLEU(effective_order=True)

    rows = bleu_of_sums(bleu_statistics(REPLIES, FIRST).statistics, effective_order=True)

    expected = [single.sentence_score(r, [f]).score for r, f in zip(REPLIES, FIRST, strict=True)]
    assert rows == pytest.approx(np.minimum(expected, 100), abs=1e-9)


@pytest.mark.parametrize("replies", [REPLIES, ["", "It was", "The man"], FIRST])
def test_chrfpp_is_sacrebleus_with_words(replies):
    expected = CHRF(word_order=2).corpus_score(replies, STREAMS).score

    sums = chrfpp_statistics(replies, REFERENCES).statistics.sum(axis=0, keepdims=True)

    assert chrf_of_sums(sums)[0] == pytest.approx(min(expected, 100), abs=1e-9)


@pytest.mark.parametrize("references", [FIRST, REFERENCES])
def test_both_chrfs_counted_together_are_those_counted_alone(references):
    letters, words = both_chrf_statistics(REPLIES, references)

    assert letters.statistics.tolist() == chrf_statistics(REPLIES, references).statistics.tolist()
    assert words.statistics.tolist() == chrfpp_statistics(REPLIES, references).statistics.tolist()
    assert letters.signature == chrf_statistics(REPLIES, references).signature
    assert words.signature == letters.signature.replace("nw:0", "nw:2")


def test_more_items_than_sacrebleu_is_given_at_a_time():
    replies, streams = REPLIES * 70, [stream * 70 for stream in STREAMS]

    expected = CHRF(word_order=2).corpus_score(replies, streams).score

    rows = chrfpp_statistics(replies, REFERENCES * 70).statistics
    assert chrf_of_sums(rows.sum(axis=0, keepdims=True))[0] == pytest.approx(expected)


def test_the_librarys_chrf_is_that_of_the_paper():
    paper = CHRF(beta=3, eps_smoothing=True)

    assert paper.sentence_score("a b c", ["abc"]).score == pytest.approx(50.0)
    assert paper.sentence_score("aa", ["ab"]).score == pytest.approx(8.3333, abs=1e-4)


def test_a_perfect_reply_scores_100_and_not_a_hair_more():
    texts = ["one two three four five six seven"]

    assert BLEU().corpus_score(texts, [texts]).score > 100
    assert bleu(texts, texts) == 100
    assert chrf(texts, texts) == 100


def test_permuting_the_items_and_doubling_the_corpus_change_nothing():
    value, letters = bleu(REPLIES, REFERENCES), chrf(REPLIES, REFERENCES)

    assert bleu(REPLIES[::-1], REFERENCES[::-1]) == pytest.approx(value, abs=1e-12)
    assert bleu(REPLIES * 2, REFERENCES * 2) == pytest.approx(value, abs=1e-12)
    assert chrf(REPLIES[::-1], REFERENCES[::-1]) == pytest.approx(letters, abs=1e-12)
    assert chrf(REPLIES * 2, REFERENCES * 2) == pytest.approx(letters, abs=1e-12)


def test_short_references_have_no_bleu_worth_the_name():
    assert bleu(["yes please"], ["yes please"]) == 0
    assert chrf(["yes please"], ["yes please"]) == 100
    assert mean_reference_tokens(["yes please", "no"]) == 1.5


def test_chinese_is_split_as_chinese():
    texts = ["你的包裹明天就到了", "请告诉我订单号码"]

    assert bleu_tokenizer([[text] for text in texts]) == "zh"
    assert bleu(texts, texts) == 100


def test_scripts_choose_their_tokenizer():
    assert bleu_tokenizer([["Where is my parcel?"]]) == "13a"
    assert bleu_tokenizer([["Где моя посылка?"]]) == "13a"
    assert bleu_tokenizer([["荷物はどこですか"]]) == "char"
    assert bleu_tokenizer([["12345"]]) == "13a"


def test_the_signature_is_sacrebleus():
    assert bleu_statistics(REPLIES, FIRST).signature == (
        "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
    )
    assert chrf_statistics(REPLIES, REFERENCES).signature == (
        "nrefs:2|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"
    )
