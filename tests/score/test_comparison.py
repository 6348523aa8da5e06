"""A verdict needs an interval without zero and a small p; equal systems never differ."""

import math

import pytest

from chatui.model.requests import Likelihood
from chatui.score.catalog import METRICS
from chatui.score.comparison import Outputs, compare, primary_metric
from chatui.score.report import Difference, Figure
from chatui.score.verdict import verdict_sentence

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
        cut={
            s: [r in PARROT for r in replies] for s, replies in (("base", base), ("tuned", tuned))
        },
        prompts=PARROT[: len(base)],
    )


def test_a_system_that_knows_the_references_is_better_by_every_metric():
    found = compare(outputs(), "bleu")

    judged = {each.name for each in METRICS if each.higher_is_better is not None}
    alike = {"rep_4", "empty_share"}  # neither repeats itself, neither is silent
    verdicts = {name: each.verdict for name, each in found.differences.items()}
    assert {name for name, said in verdicts.items() if said == "better"} == judged - alike
    assert verdicts["length_ratio"] == "higher"
    assert found.differences["perplexity"].figure.value < 0
    assert found.differences["bleu"].figure.value > 0


def test_swapping_the_systems_negates_differences_and_verdicts():
    there = compare(outputs(), "bleu")
    back = compare(outputs(REFERENCES, PARROT, [n / 2 for n in NATS], NATS), "bleu")

    for name, difference in there.differences.items():
        assert back.differences[name].figure.value == pytest.approx(-difference.figure.value)
        opposite = {"better": "worse", "higher": "lower", "lower": "higher"}
        assert back.differences[name].verdict == opposite.get(difference.verdict, "cannot tell")


def test_identical_outputs_cannot_be_told_apart():
    found = compare(outputs(PARROT, PARROT, NATS, NATS), "bleu")

    for difference in found.differences.values():
        assert (difference.figure.value, difference.p, difference.verdict) == (0, 1, "cannot tell")


def test_bits_per_byte_and_token_accuracy_are_pooled():
    found = compare(outputs(), "bleu")

    bits = sum(NATS) / math.log(2) / (50 * len(NATS))
    correct = sum(round(12 - n / 3) for n in NATS) / (12 * len(NATS))
    assert found.base["bits_per_byte"].value == pytest.approx(bits)
    assert found.base["token_accuracy"].value == pytest.approx(correct)
    for figures in (found.base, found.tuned):
        for name in ("bits_per_byte", "token_accuracy"):
            assert figures[name].low <= figures[name].value <= figures[name].high


def test_two_items_are_too_few_to_tell():
    found = compare(outputs(PARROT[:2], REFERENCES[:2], NATS[:2]), "bleu")

    assert found.differences["bleu"].figure.value > 0
    assert {each.verdict for each in found.differences.values()} == {"cannot tell"}


def test_a_single_item_has_values_but_no_interval():
    found = compare(outputs(PARROT[:1], REFERENCES[:1], NATS[:1]), "bleu")

    assert found.tuned["bleu"] == Figure(100.0, reason="a single item has no interval")
    assert found.differences["bleu"].p is None


def test_no_item_at_all_is_undefined_with_its_reason():
    found = compare(outputs([], [], []), "bleu")

    assert found.base["perplexity"] == Figure(None, reason="no item could be scored")
    assert found.differences["perplexity"].verdict == "cannot tell"


def test_a_perplexity_beyond_numbers_is_undefined_with_its_reason():
    found = compare(outputs(base_nats=[1e6] * 20, tuned_nats=NATS), "bleu")

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
        "≈ Cannot tell yet: chrF2 −0.31 [−1.2, +0.62], p = .420, n = 29. "
        "About 520 items like these would do."
    )


def test_where_the_two_are_as_good_as_equal_no_number_of_items_is_promised():
    equal = Difference(Figure(0.0, -0.5, 0.5), 1.0, 1.0, "cannot tell")
    nearly = Difference(Figure(0.001, -0.5, 0.5), 0.9, 0.9, "cannot tell")

    for difference in (equal, nearly):
        sentence = verdict_sentence("bleu", difference, 29)
        assert sentence.endswith("More items would hardly help: the two are as good as equal.")


def test_the_primary_metrics_p_counts_as_it_is_and_the_others_are_adjusted():
    found = compare(outputs(), "chrf2").differences

    assert found["chrf2"].p_adjusted == found["chrf2"].p
    assert all(found[name].p_adjusted >= found[name].p for name in found)
    assert found["bleu"].p_adjusted > found["bleu"].p


def test_every_figure_lies_in_its_interval():
    found = compare(outputs(), "bleu")

    for figure in (*found.base.values(), *found.tuned.values()):
        assert math.isfinite(figure.value)
        assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9
