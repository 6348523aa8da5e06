"""Scores of texts: every figure with its interval, or with the reason why there is none."""

import json
import math
from dataclasses import replace

import pytest

from chatui.errors import NotComparable
from chatui.score.text_figures import Pair, TextScores
from chatui.score.texts import NO_BLEU, score_texts

NAMES = {
    "bleu", "chrf2", "chrf2pp", "rouge_l", "token_f1", "exact_match", "token_f1_unicode",
    "exact_match_unicode", "distinct_1", "distinct_2", "self_bleu", "rep_4", "length_ratio",
    "empty_share", "copied_share",
}  # fmt: skip
OF_TWO = {"distinct_1_equal_tokens", "distinct_2_equal_tokens"}
PLACES = ("the shop", "your door", "a locker", "the depot")


def reference(n: int) -> str:
    return f"Parcel {n} will be at {PLACES[n % 4]} on day {n % 7} of the month, we promise."


def pair(n: int, **changes: object) -> Pair:
    made = Pair(f"Parcel {n} is on its way to {PLACES[n % 3]}.", (reference(n),), f"Where is {n}?")
    return replace(made, **changes)


ONE = [pair(n) for n in range(24)]
TWO = [pair(n, reply_b=reference(n).replace("will be", "is")) for n in range(24)]


def value(scores: TextScores, system: str, name: str) -> float:
    found = scores.systems[system][name].value
    assert found is not None
    return found


def test_one_system_has_every_metric_with_interval_n_and_signature():
    scores = score_texts(ONE)

    assert set(scores.systems) == {"a"}
    assert set(scores.systems["a"]) == NAMES
    for found in scores.systems["a"].values():
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9
        assert (found.n, found.p) == (24, None)
        assert found.signature


def test_the_corpus_of_sacrebleus_own_documentation():
    replies = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
    references = [
        ("The dog bit the man.", "The dog had bit the man."),
        ("It was not unexpected.", "No one was surprised."),
        ("The man bit him first.", "The man had bitten the dog."),
    ]
    scores = score_texts([Pair(r, refs) for r, refs in zip(replies, references, strict=True)])

    assert value(scores, "a", "bleu") == pytest.approx(48.530827, abs=1e-6)
    assert scores.systems["a"]["bleu"].signature == (
        "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
    )


def test_two_systems_are_compared_and_the_better_one_is_found():
    scores = score_texts(TWO)

    assert set(scores.systems) == {"a", "b", "difference"}
    assert all(set(found) == NAMES | OF_TWO for found in scores.systems.values())
    for name in ("bleu", "chrf2", "chrf2pp", "rouge_l", "token_f1"):
        difference = scores.systems["difference"][name]
        assert 0 < difference.low < difference.value < difference.high
        assert difference.p < 0.001
        assert difference.p < difference.p_adjusted < 0.01


def test_a_difference_is_b_minus_a():
    scores = score_texts(TWO)

    for name, difference in scores.systems["difference"].items():
        between = value(scores, "b", name) - value(scores, "a", name)
        assert difference.value == pytest.approx(between, abs=1e-9)


def test_the_second_system_changes_nothing_about_the_first():
    alone, compared = score_texts(ONE), score_texts(TWO)

    for name in NAMES:
        assert value(alone, "a", name) == pytest.approx(value(compared, "a", name), abs=1e-12)


def test_swapping_the_systems_negates_the_differences():
    there = score_texts(TWO).systems["difference"]
    swapped = [replace(each, reply=each.reply_b, reply_b=each.reply) for each in TWO]

    back = score_texts(swapped).systems["difference"]

    for name, difference in there.items():
        assert back[name].value == pytest.approx(-difference.value, abs=1e-9)
        assert (back[name].low, back[name].high) == pytest.approx(
            (-difference.high, -difference.low), abs=1e-9
        )
        assert back[name].p == pytest.approx(difference.p, abs=0.02)


def test_identical_outputs_have_no_difference_and_a_p_of_1():
    same = [replace(each, reply_b=each.reply) for each in ONE]

    for difference in score_texts(same).systems["difference"].values():
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
        assert (difference.p, difference.p_adjusted) == (1, 1)


def test_the_order_of_the_file_changes_nothing():
    assert score_texts(TWO[::-1]) == score_texts(TWO)


def test_doubling_the_corpus_leaves_corpus_scores_unchanged():
    # Replies that share runs of four: where there are none, BLEU's smoothing knows the length.
    sharing = [replace(each, reply=each.reply_b, reply_b=None) for each in TWO]
    once, twice = score_texts(sharing), score_texts(sharing * 2)

    for name in NAMES - {"distinct_1", "distinct_2", "self_bleu"}:
        assert value(twice, "a", name) == pytest.approx(value(once, "a", name))
    assert value(twice, "a", "distinct_1") == pytest.approx(value(once, "a", "distinct_1") / 2)
    assert value(twice, "a", "self_bleu") == pytest.approx(1)


def test_the_same_seed_gives_the_same_figures_and_another_one_other_intervals():
    first, again, other = score_texts(TWO, 3), score_texts(TWO, 3), score_texts(TWO, 4)

    assert first == again
    assert value(other, "a", "chrf2") == pytest.approx(value(first, "a", "chrf2"))
    assert other.systems["a"]["chrf2"].low != first.systems["a"]["chrf2"].low


def test_perfect_replies_reach_the_top_of_each_scale():
    scores = score_texts([pair(n, reply=reference(n)) for n in range(12)])

    for name in ("bleu", "chrf2", "chrf2pp"):
        assert value(scores, "a", name) == 100
    for name in ("rouge_l", "token_f1", "exact_match", "length_ratio"):
        assert value(scores, "a", name) == 1


def test_what_is_undefined_is_null_with_a_reason_and_never_0_or_nan():
    scores = score_texts([Pair("", ("...",)), Pair("", ("!",))])
    shown = scores.to_json()["a"]

    for name in ("bleu", "rep_4", "distinct_1", "distinct_2", "self_bleu", "copied_share"):
        assert shown[name]["value"] is None
        assert shown[name]["reason"]
    assert shown["empty_share"]["value"] == 1
    assert "NaN" not in json.dumps(scores.to_json())


def test_an_undefined_difference_has_no_p_and_takes_no_part_in_the_adjustment():
    scores = score_texts([pair(n, reply_b="") for n in range(12)])

    for name in ("rep_4", "copied_share", "distinct_1", "self_bleu"):
        difference = scores.systems["difference"][name]
        assert (difference.value, difference.p, difference.p_adjusted) == (None, None, None)
    assert scores.systems["difference"]["empty_share"].value == 1


def test_a_single_item_has_values_and_no_interval():
    scores = score_texts(TWO[:1])

    assert scores.systems["a"]["chrf2"].reason == "a single item has no interval"
    assert scores.systems["a"]["chrf2"].low is None
    assert scores.systems["difference"]["chrf2"].p == 1


def test_too_few_replies_have_a_diversity_and_no_interval():
    found = score_texts(ONE[:5]).systems["a"]["distinct_1"]

    assert found.value > 0
    assert found.low is None
    assert "too few" in found.reason


def test_bleu_is_undefined_where_no_reference_has_a_run_of_four():
    scores = score_texts(
        [Pair("yes", ("yes",), reply_b="yes it is so"), Pair("no", ("no",), reply_b="no")]
    )

    for figures in scores.systems.values():
        assert (figures["bleu"].value, figures["bleu"].reason) == (None, NO_BLEU)
    assert value(scores, "a", "chrf2") == 100


def test_a_reply_without_4_tokens_is_left_out_of_rep_4():
    found = score_texts([*ONE, pair(99, reply="Yes.")]).systems["a"]["rep_4"]

    assert (found.value, found.n) == (0, 24)


def test_russian_and_chinese_are_scored_as_what_they_are():
    texts = ["Ваша посылка прибудет завтра утром", "Где находится моя посылка сейчас"]
    chinese = ["你的包裹明天就到了", "请告诉我订单号码"]

    for name in ("bleu", "rouge_l", "token_f1_unicode", "exact_match_unicode"):
        top = 100 if name == "bleu" else 1
        for same in (texts, chinese):
            assert value(score_texts([Pair(t, (t,)) for t in same]), "a", name) == top
    partly = score_texts([Pair("包裹明天到了吗", ("包裹今天到了吗",))])
    assert 0 < value(partly, "a", "rouge_l") < 1
    assert "tok:zh" in partly.systems["a"]["distinct_1"].signature


def test_exact_match_is_tested_as_mcnemar_would():
    correct = [(1, 1), (0, 1), (1, 1)]  # only one item tells the systems apart
    items = [Pair("yes" if a else "no", ("yes",), reply_b="yes" if b else "no") for a, b in correct]

    assert score_texts(items).systems["difference"]["exact_match"].p == 1.0


def test_more_than_200_replies_are_sampled_for_self_bleu():
    found = score_texts([pair(n) for n in range(230)]).systems["a"]["self_bleu"]

    assert found.n == 200
    assert found.signature.startswith("refs:the others of 200|")


def test_pairs_that_are_none_are_refused():
    with pytest.raises(NotComparable, match="nothing to score"):
        score_texts([])
    with pytest.raises(NotComparable, match="only some items have a second reply"):
        score_texts([TWO[0], ONE[1]])
    with pytest.raises(NotComparable, match="needs? the same number"):
        score_texts([Pair("a", ("b",)), Pair("a", ("b", "c"))])


def test_all_figures_are_finite_numbers():
    for figures in score_texts(TWO).systems.values():
        for found in figures.values():
            shown = (found.value, found.low, found.high, found.p, found.p_adjusted)
            assert all(math.isfinite(each) for each in shown if each is not None)


def test_what_single_items_have_comes_in_the_order_in_which_they_were_given():
    replies = ["a b c d", "nothing at all", "a b c x"]
    pairs = [Pair(reply, ("a b c d",), reply_b="a b c d") for reply in replies]

    per_item = score_texts(pairs).per_item

    assert per_item[0]["exact_match"][:, 0].tolist() == [1, 0, 0]
    assert per_item[0]["token_f1"][:, 0].tolist() == pytest.approx([1, 0, 2 / 3])
    assert per_item[1]["exact_match"][:, 0].tolist() == [1, 1, 1]
