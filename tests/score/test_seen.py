"""What training has seen word for word is counted, however it is written."""

from chatui.score.seen import seen_in_training
from tests.fakes import conversation


def test_questions_references_and_both_are_counted_apart():
    training = [conversation("Where is it?", "On its way."), conversation("Can I pay?", "Yes.")]
    items = [
        conversation("Where is it?", "On its way."),
        conversation("where  is IT?", "Nobody knows."),
        conversation("Is it coming?", "on its way."),
        conversation("Can I pay?", "On its way."),
        conversation("Who are you?", "A shop."),
    ]

    assert seen_in_training(items, training) == {"question": 3, "reference": 3, "both": 1}


def test_nothing_is_seen_in_no_training():
    assert seen_in_training([conversation("a", "b")], []) == {
        "question": 0,
        "reference": 0,
        "both": 0,
    }
