"""Our metrics work inside Hugging Face's `evaluate`, offline."""

import pytest

from chatui.score.evaluate_adapter import evaluate_metric
from tests.score.test_overlap import FIRST, REPLIES, bleu, chrf


def test_the_adapters_give_our_figures():
    found = evaluate_metric("bleu").compute(predictions=REPLIES, references=FIRST)

    assert found["bleu"] == pytest.approx(bleu(REPLIES, FIRST))
    assert found["signature"].startswith("nrefs:1|")
    found = evaluate_metric("chrf2").compute(predictions=REPLIES, references=FIRST)
    assert found["chrf2"] == pytest.approx(chrf(REPLIES, FIRST))


def test_each_call_has_an_instance_of_its_own():
    assert evaluate_metric("bleu") is not evaluate_metric("bleu")
