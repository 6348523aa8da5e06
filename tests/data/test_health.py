"""What a newcomer should look at before training, said in plain words."""

from dataclasses import replace

from chatui.conversation import Conversation, Turn
from chatui.data.health import examine
from chatui.data.prepare import prepare
from chatui.data.store import SAMPLE_FILE


def _rows(count: int, reply: str = "Reply number {n}, which is long.") -> list[Conversation]:
    return [_row(n, f"Question {n}?", reply.format(n=n)) for n in range(count)]


def _row(n: int, asked: str, said: str) -> Conversation:
    split = "test" if n % 4 == 0 else "train"
    turns = (Turn("user", asked), Turn("assistant", said))
    return Conversation(str(n), turns, split, row=n + 1)


def _found(rows: list[Conversation]) -> dict[str, tuple[str, bool]]:
    return {f.subject: (f.sentence, f.is_serious) for f in examine(rows).findings}


def test_a_good_dataset_has_nothing_to_mend():
    health = examine(_rows(400))

    assert health.findings == ()
    assert health.to_mend == 0


def test_too_few_conversations_are_serious_and_some_are_worth_a_try():
    few, some = _found(_rows(12))["Conversations"], _found(_rows(120))["Conversations"]

    assert few[0].startswith("Only 12 of them.")
    assert few[1]
    assert some[0].startswith("120 of them: enough to try.")
    assert not some[1]


def test_few_test_items_are_said_to_give_wide_intervals():
    sentence, is_serious = _found(_rows(100))["Test items"]

    assert sentence.startswith("25 in the test split: scores will have wide intervals")
    assert not is_serious


def test_a_reply_that_is_everywhere_is_named_with_its_share():
    rows = _rows(300)
    rows[:60] = [_row(n, f"Question {n}?", "Please call us.") for n in range(60)]

    sentence, is_serious = _found(rows)["Replies"]
    assert sentence.startswith("20 % of them are “Please call us.”")
    assert is_serious


def test_replies_that_repeat_change_what_scores_mean():
    rows = [_row(n, f"Question {n}?", f"Reply number {n % 20} of them.") for n in range(400)]

    assert _found(rows)["Repeated replies"][0].startswith("20 different ones in 400")


def test_short_replies_and_echoes_are_found_with_their_place():
    rows = _rows(300)
    rows[0:90] = [_row(n, f"Question {n}?", f"Yes {n}.") for n in range(90)]
    rows[100] = _row(100, "Where is it?", "where  is it?")
    found = _found(rows)

    assert found["Short replies"][0].startswith("30 % have fewer than 3 words.")
    assert found["Echoes"][0] == (
        "1 repeats the question word for word, such as row 101. Mend or remove."
    )


def test_a_question_with_two_replies_is_quoted():
    rows = [*_rows(300), _row(900, "question  5?", "Another reply to it.")]

    sentence = _found(rows)["Different replies"][0]
    assert sentence.startswith("1 question has more than one, such as “question 5?” with 2.")


def test_labels_that_are_too_small_are_named():
    rows = [replace(row, label="big") for row in _rows(300)]
    rows[:3] = [replace(row, label="tiny") for row in rows[:3]]
    health = examine(rows)

    assert "for “tiny”: too few" in next(
        f.sentence for f in health.findings if f.subject == "Labels"
    )
    assert health.labels == (("big", 297), ("tiny", 3))


def test_common_openings_come_first():
    rows = _rows(300)
    rows[:50] = [_row(n, f"Question {n}?", f"Thanks for asking! It is {n}.") for n in range(50)]

    assert examine(rows).openings[0] == ("Thanks for asking!", 50)


def test_serious_findings_come_first():
    findings = examine(_rows(12)).findings

    assert [f.is_serious for f in findings] == sorted(
        (f.is_serious for f in findings), reverse=True
    )
    assert examine(_rows(12)).to_mend == 1


def test_the_sample_is_fit_to_train_on():
    assert examine(prepare(SAMPLE_FILE).conversations).to_mend == 0
