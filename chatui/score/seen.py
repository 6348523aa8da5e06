"""Find test items that training has seen: what memory alone could answer.

Case, white space and compatibility forms don't count. The question is the last user turn.
"""

import unicodedata
from collections.abc import Iterable, Sequence

from chatui.conversation import Conversation

RUN = 13  # words in a row that two texts do not share by chance (Brown et al. 2020, appendix C)


def seen_in_training(
    items: Sequence[Conversation], training: Iterable[Conversation]
) -> dict[str, int]:
    """How many items share their question, their reference or both with a training row."""
    learned = [_texts(row) for row in training]
    questions, references = {question for question, _ in learned}, {ref for _, ref in learned}
    pairs = set(learned)
    asked = [_texts(item) for item in items]
    return {
        "question": sum(question in questions for question, _ in asked),
        "reference": sum(reference in references for _, reference in asked),
        "both": sum(pair in pairs for pair in asked),
    }


def clean_items(items: Sequence[Conversation], training: Iterable[Conversation]) -> set[str]:
    """The ids of items of which training knows neither question nor reference.

    Neither stands in the training data word for word, nor has 13 words in a row with any of it.
    """
    texts: set[str] = set()
    runs: set[str] = set()
    for row in training:
        for text in _texts(row):
            texts.add(text)
            runs.update(_runs(text))
    return {
        item.id
        for item in items
        if not any(t in texts or not runs.isdisjoint(_runs(t)) for t in _texts(item))
    }


def _texts(conversation: Conversation) -> tuple[str, str]:
    question = next((t.text for t in reversed(conversation.prompt) if t.speaker == "user"), "")
    return _normal(question), _normal(conversation.reference)


def _runs(text: str) -> set[str]:
    words = text.split()
    return {" ".join(words[place : place + RUN]) for place in range(len(words) - RUN + 1)}


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
