"""Replies to the same few validation questions, again and again while a run learns.

They are read by people, beside the figures. Made greedily, so that no random number is drawn and
what is learned does not depend on whether anybody looks.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from chatui.conversation import Conversation, Turn
from chatui.model.decoding import Decoding
from chatui.model.encoding import CannotEncode
from chatui.model.generation import Batch, Progress
from chatui.model.loading import LoadedModel
from chatui.model.sampling import Sampler
from chatui.train.worker.thrift import untouched

_LONGEST = 48  # tokens of a reply: enough to see where it goes
_GREEDY = Decoding(max_new_tokens=_LONGEST)


class Samples:
    """The questions, and how they are answered."""

    def __init__(
        self, conversations: Sequence[Conversation], loaded: LoadedModel, count: int
    ) -> None:
        self._encoder = loaded.encoder
        self._pad_id = loaded.pad_id
        # As it is before rows are packed: packed attention reads no reply token by token.
        self._attention = str(loaded.model.config._attn_implementation)
        self.questions: list[tuple[Turn, ...]] = []
        self.references: list[str] = []
        self._prompts: list[list[int]] = []
        for conversation in _spread(conversations, count):
            self._add(conversation.turns)

    def __call__(self, model: Any) -> list[str]:
        """The replies of a model as it is now; its mode and its attention are given back."""
        if not self._prompts:
            return []
        rows = [
            Progress(
                Sampler(_GREEDY, 0, prompt), min(_LONGEST, self._encoder.context - len(prompt))
            )
            for prompt in self._prompts
        ]
        batch = Batch(self._prompts, rows, self._encoder.end_ids, self._pad_id)
        was_training = model.training
        model.eval()
        try:
            with untouched(model), _attending(model, self._attention):
                while batch.is_active:
                    batch.step(model)
        finally:
            model.train(was_training)
        return [self._encoder.text(row.ids).strip() for row in rows]

    def _add(self, turns: tuple[Turn, ...]) -> None:
        last = next((n for n in reversed(range(len(turns))) if turns[n].speaker == "assistant"), 0)
        if not last:
            return
        try:
            prompt = self._encoder.prompt(turns[:last], _LONGEST)
        except CannotEncode:  # the run itself skips and counts it
            return
        self._prompts.append(prompt)
        self.questions.append(turns[:last])
        self.references.append(turns[last].text)


@contextmanager
def _attending(model: Any, kind: str) -> Iterator[None]:
    inner = model.get_base_model()
    before = inner.config._attn_implementation
    inner.set_attn_implementation(kind)
    try:
        yield
    finally:
        inner.set_attn_implementation(before)


def _spread(conversations: Sequence[Conversation], count: int) -> list[Conversation]:
    """So many of them, evenly spaced."""
    count = min(count, len(conversations))
    return [conversations[len(conversations) * number // count] for number in range(count)]
