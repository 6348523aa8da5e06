"""What training has seen word for word is counted, however it is written."""

from chatui.score.seen import RUN, clean_items, seen_in_training
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


def test_a_clean_item_shares_neither_question_nor_reference_nor_a_long_run_of_words():
    story = " ".join(f"word{n}" for n in range(RUN))
    training = [conversation("Where is it?", "On its way."), conversation("Tell me.", story)]
    clean = conversation("Who are you?", "A shop.")
    items = [
        conversation("where is IT?", "Nobody knows."),
        conversation("Is it coming?", "On  its way."),
        conversation("Go on.", f"It begins: {story} and so on."),
        conversation("Go on.", f"It begins: {story.removeprefix('word0 ')} and so on."),
        clean,
    ]

    assert clean_items(items, training) == {items[3].id, clean.id}
    assert clean_items(items, []) == {item.id for item in items}
