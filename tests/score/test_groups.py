"""Items by label, length and turn: every item is in one group, and means are of the group."""

import math
from dataclasses import replace

import pytest

from chatui.conversation import Turn
from chatui.score.groups import FEWEST, by_label, by_length, by_turn, value_of
from chatui.score.report import ItemFigures, Report, ScoredItem, from_json, to_json
from tests.ui.test_score_tab import REPORT


def item(number: int, label: str | None = None, words: int = 5, asked: int = 1) -> ScoredItem:
    prompt = tuple(Turn("user", f"question {n}") for n in range(asked))
    base, tuned = (
        ItemFigures("reply", "end", perplexity, bleu=bleu + number, chrf2=0.0, token_f1=0.0)
        for perplexity, bleu in ((9.0, 10.0), (3.0, 30.0))
    )
    return ScoredItem(f"i{number}", prompt, "word " * words, base, tuned, label, tokens=words)


def report(*items: ScoredItem) -> Report:
    return replace(REPORT, items=items, primary="bleu")


def test_labels_come_with_the_largest_group_first_and_those_without_one_are_a_group():
    groups = by_label(report(*(item(n, "late") for n in range(6)), item(6, "lost"), item(7)))

    assert [(group.name, group.n) for group in groups] == [
        ("late", 6),
        ("(no label)", 1),
        ("lost", 1),
    ]
    assert groups[0].mean == {"base": 12.5, "tuned": 32.5}
    assert groups[0].difference.value == pytest.approx(20)


def test_without_labels_there_are_no_groups_of_them():
    assert by_label(report(item(1), item(2))) == []


def test_lengths_are_in_order_and_hold_every_item_once():
    groups = by_length(report(*(item(n, words=words) for n, words in enumerate((100, 9, 10, 24)))))

    assert [(group.name, group.n) for group in groups] == [
        ("0 to 9 words", 1),
        ("10 to 24 words", 2),
        ("100 words or more", 1),
    ]


def test_turns_count_what_the_user_has_said():
    groups = by_turn(report(item(1, asked=1), item(2, asked=2), item(3, asked=5)))

    assert [group.name for group in groups] == ["turn 1", "turn 2", "turn 3 or later"]
    assert by_turn(report(item(1), item(2))) == []


def test_perplexity_is_pooled_over_tokens():
    one, two = item(1, words=90), item(2, words=10)
    two = replace(two, base=replace(two.base, perplexity=2.0))

    first, _ = by_turn(report(one, two, item(3, asked=2)))

    pooled = math.exp((90 * math.log(9) + 10 * math.log(2)) / 100)
    assert first.perplexity["base"] == pytest.approx(pooled)


def test_a_few_items_have_a_difference_and_no_interval():
    few, enough = (
        by_length(report(*(item(n) for n in range(count))))[0] for count in (FEWEST - 1, FEWEST)
    )

    assert few.difference.low is None
    assert "fewer than" in few.difference.reason
    assert enough.difference.low <= enough.difference.value <= enough.difference.high


def test_a_report_from_before_groups_can_still_be_read():
    old = to_json(REPORT)
    for each in old["items"]:
        for name in ("label", "tokens"):
            del each[name]
        for system in ("base", "tuned"):
            del each[system]["token_f1"]

    again = from_json(old)

    assert by_length(again)[0].perplexity == {"base": None, "tuned": None}
    assert value_of(again.items[0], "base", again) == value_of(REPORT.items[0], "base", REPORT)
