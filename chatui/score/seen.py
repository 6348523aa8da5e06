"""Count test items that training has seen word for word: what memory alone could answer."""

import unicodedata
from collections.abc import Iterable, Sequence

from chatui.conversation import Conversation


def seen_in_training(
    items: Sequence[Conversation], training: Iterable[Conversation]
) -> dict[str, int]:
    """How many items share their question, their reference or both with a training row.

    Case, white space and compatibility forms don't count. The question is the last user turn.
    """
    learned = [_texts(row) for row in training]
    questions, references = {question for question, _ in learned}, {ref for _, ref in learned}
    pairs = set(learned)
    asked = [_texts(item) for item in items]
    return {
        "question": sum(question in questions for question, _ in asked),
        "reference": sum(reference in references for _, reference in asked),
        "both": sum(pair in pairs for pair in asked),
    }


def _texts(conversation: Conversation) -> tuple[str, str]:
    question = next((t.text for t in reversed(conversation.prompt) if t.speaker == "user"), "")
    return _normal(question), _normal(conversation.reference)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
