"""A verdict needs an interval without zero and a small p; equal systems never differ."""

import math

import pytest

from chatui.model.requests import Likelihood
from chatui.score.comparison import Outputs, compare, primary_metric, verdict_sentence
from chatui.score.report import Difference, Figure

REFERENCES = [f"parcel {n} will be with you on day {n} of the month" for n in range(20)]
PARROT = [f"where is parcel {n}" for n in range(20)]
NATS = [20.0 + n % 5 for n in range(20)]


def outputs(base=PARROT, tuned=REFERENCES, base_nats=NATS, tuned_nats=None) -> Outputs:
    nats = {"base": base_nats, "tuned": tuned_nats or [n / 2 for n in base_nats]}
    return Outputs(
        references=REFERENCES[: len(base)],
        likelihoods={
            s: [Likelihood(n, 12, 50, round(12 - n / 3)) for n in nats[s]]
            for s in ("base", "tuned")
        },
        replies={"base": base, "tuned": tuned},
    )


def test_a_system_that_knows_the_references_is_better_by_every_metric():
    found = compare(outputs())

    assert {name: each.verdict for name, each in found.differences.items()} == {
        "perplexity": "better",
        "bits_per_byte": "better",
        "token_accuracy": "better",
        "bleu": "better",
        "chrf2": "better",
    }
    assert found.differences["perplexity"].figure.value < 0
    assert found.differences["bleu"].figure.value > 0


def test_swapping_the_systems_negates_differences_and_verdicts():
    there = compare(outputs())
    back = compare(outputs(REFERENCES, PARROT, [n / 2 for n in NATS], NATS))

    for name, difference in there.differences.items():
        assert back.differences[name].figure.value == pytest.approx(-difference.figure.value)
        assert back.differences[name].verdict == "worse"


def test_identical_outputs_cannot_be_told_apart():
    found = compare(outputs(PARROT, PARROT, NATS, NATS))

    for difference in found.differences.values():
        assert (difference.figure.value, difference.p, difference.verdict) == (0, 1, "cannot tell")


def test_bits_per_byte_and_token_accuracy_are_pooled():
    found = compare(outputs())

    bits = sum(NATS) / math.log(2) / (50 * len(NATS))
    correct = sum(round(12 - n / 3) for n in NATS) / (12 * len(NATS))
    assert found.base["bits_per_byte"].value == pytest.approx(bits)
    assert found.base["token_accuracy"].value == pytest.approx(correct)
    for figures in (found.base, found.tuned):
        for name in ("bits_per_byte", "token_accuracy"):
            assert figures[name].low <= figures[name].value <= figures[name].high


def test_two_items_are_too_few_to_tell():
    found = compare(outputs(PARROT[:2], REFERENCES[:2], NATS[:2]))

    assert found.differences["bleu"].figure.value > 0
    assert {each.verdict for each in found.differences.values()} == {"cannot tell"}


def test_a_single_item_has_values_but_no_interval():
    found = compare(outputs(PARROT[:1], REFERENCES[:1], NATS[:1]))

    assert found.tuned["bleu"] == Figure(100.0, reason="a single item has no interval")
    assert found.differences["bleu"].p is None


def test_no_item_at_all_is_undefined_with_its_reason():
    found = compare(outputs([], [], []))

    assert found.base["perplexity"] == Figure(None, reason="no item could be scored")
    assert found.differences["perplexity"].verdict == "cannot tell"


def test_a_perplexity_beyond_numbers_is_undefined_with_its_reason():
    found = compare(outputs(base_nats=[1e6] * 20, tuned_nats=NATS))

    assert found.base["perplexity"].value is None
    assert "beyond" in found.base["perplexity"].reason
    assert found.differences["perplexity"].verdict == "cannot tell"


def test_the_primary_metric_is_chosen_by_the_references_alone():
    assert primary_metric(REFERENCES) == "bleu"
    assert primary_metric(["yes please", "no"]) == "chrf2"


def test_the_verdict_is_one_sentence_with_interval_p_and_n():
    difference = Difference(Figure(12.3, 8.1, 16.4), 0.0002, 0.0005, "better")
    unsure = Difference(Figure(-0.31, -1.2, 0.62), 0.4, 0.42, "cannot tell")

    assert verdict_sentence("bleu", difference, 29) == (
        "▲ Tuned is better: BLEU +12.3 [+8.1, +16.4], p < .001, n = 29."
    )
    assert verdict_sentence("chrf2", unsure, 29) == (
        "≈ Cannot tell yet: chrF2 −0.31 [−1.2, +0.62], p = .420, n = 29."
    )


def test_every_figure_lies_in_its_interval():
    found = compare(outputs())

    for figure in (*found.base.values(), *found.tuned.values()):
        assert math.isfinite(figure.value)
        assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9
