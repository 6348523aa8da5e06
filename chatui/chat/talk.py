"""One visitor's conversation with one model, as far as it has come: plain data, never changed.

The truth of a chat is here and not in what the page shows: errors and waiting are no turns, and a
model is told only what was said.
"""

from dataclasses import dataclass, replace

from chatui.chat.asking import BASE, Asked
from chatui.chat.feedback import Feedback, Thumb
from chatui.conversation import Turn
from chatui.model.decoding import Decoding


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, and everything with which it can be made again."""

    asked: Asked
    turns: tuple[Turn, ...]  # what the model was told
    model: str  # `base`, or a run's id
    decoding: Decoding
    seed: int

    @property
    def text(self) -> str:
        return self.asked.reply.text

    def feedback(self, thumb: Thumb, visitor: str, **said: str | None) -> Feedback:
        """What to save when somebody judges this reply."""
        return Feedback(
            thumb=thumb,
            turns=self.turns,
            reply=self.text,
            visitor=visitor,
            model_name=self.model,
            model_hash=self.asked.model_hash,
            base_hash=self.asked.base_hash,
            adapter_hash=self.asked.reply.adapter,
            template_hash=self.asked.template_hash,
            run=None if self.model == BASE else self.model,
            decoding=self.decoding,
            seed=self.seed,
            **said,
        )


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message and the reply to it, once there is one; or why there is none, in words."""

    message: str
    answer: Answer | None = None
    problem: str | None = None
    tries: int = 0  # how often it was asked again: another seed each time


@dataclass(frozen=True, slots=True)
class Talk:
    """Exchanges, oldest first; only the last may be without a reply."""

    exchanges: tuple[Exchange, ...] = ()

    @property
    def last(self) -> Exchange | None:
        return self.exchanges[-1] if self.exchanges else None

    @property
    def is_open(self) -> bool:
        """Whether the last message still waits for its reply."""
        return self.last is not None and self.last.answer is None and self.last.problem is None

    def say(self, message: str) -> "Talk":
        """With a new message; one that never got a reply is dropped."""
        kept = tuple(each for each in self.exchanges if each.answer is not None)
        return Talk((*kept, Exchange(message)))

    def again(self) -> "Talk":
        """With the last message open again."""
        if self.last is None:
            return self
        return Talk((*self.exchanges[:-1], Exchange(self.last.message, tries=self.last.tries + 1)))

    def without_last(self) -> "Talk":
        """Without the last exchange."""
        return Talk(self.exchanges[:-1])

    def answered(self, answer: Answer) -> "Talk":
        """With a reply to the last message."""
        return self._with_last(answer=answer, problem=None)

    def failed(self, problem: str) -> "Talk":
        """With the reason why the last message has no reply."""
        return self._with_last(answer=None, problem=problem)

    def turns(self, system: str) -> tuple[Turn, ...]:
        """What a model is told, the last message included."""
        turns = [Turn("system", system)] if system.strip() else []
        for each in self.exchanges:
            turns.append(Turn("user", each.message))
            if each.answer is not None:
                turns.append(Turn("assistant", each.answer.text))
        return tuple(turns)

    def _with_last(self, answer: Answer | None, problem: str | None) -> "Talk":
        if self.last is None:
            return self
        return Talk((*self.exchanges[:-1], replace(self.last, answer=answer, problem=problem)))
