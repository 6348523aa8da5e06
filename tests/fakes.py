"""Fakes with a memory: they answer like the real thing and know what they were asked."""

from collections.abc import Callable, Sequence
from pathlib import Path

from chatui.conversation import Conversation, Turn, content_hash, conversation_id
from chatui.model.hashes import model_hash
from chatui.model.requests import Item, Likelihood, Reply, Request

ADAPTER = "a" * 64


def conversation(question: str, answer: str) -> Conversation:
    turns = (Turn("user", question), Turn("assistant", answer))
    return Conversation(id=conversation_id(turns), turns=turns, split="test")


def conversations(count: int) -> list[Conversation]:
    return [
        conversation(
            f"Where is parcel {n}?", f"Parcel {n} will be with you on day {n} of the month."
        )
        for n in range(1, count + 1)
    ]


class FakeEngine:
    """Answers at once: base repeats the question, an adapter almost knows the reference."""

    def __init__(self, known: Sequence[Conversation] = (), adapter: str = ADAPTER) -> None:
        self.base_hash = "b" * 64
        self.template_hash = "c" * 64
        self.context = 512
        self.adapter = adapter
        self.knows = {each.prompt: each.reference for each in known}
        self.skips: set[tuple[Turn, ...]] = set()
        self.asked: list[Request] = []
        self.judged: list[Item] = []

    def attach(self, folder: Path) -> str:
        return self.adapter

    def model_hash(self, adapter: str | None) -> str:
        return model_hash(self.base_hash, adapter, self.template_hash)

    def replies(
        self, requests: Sequence[Request], done: Callable[[int, Reply], None] | None = None
    ) -> list[Reply]:
        made = []
        for index, request in enumerate(requests):
            self.asked.append(request)
            made.append(self._reply(request))
            if done:
                done(index, made[-1])
        return made

    def likelihoods(
        self, items: Sequence[Item], done: Callable[[int, Likelihood], None] | None = None
    ) -> list[Likelihood]:
        made = []
        for index, item in enumerate(items):
            self.judged.append(item)
            made.append(self._likelihood(item))
            if done:
                done(index, made[-1])
        return made

    def only_write(self) -> None:
        self.only_writes = True

    def _reply(self, request: Request) -> Reply:
        text = request.turns[-1].text
        if request.adapter:
            text = self.knows.get(request.turns, text).replace("will be", "is")
        return Reply(text, len(text.split()), "end", request.adapter, 0.01)

    def _likelihood(self, item: Item) -> Likelihood:
        if item.turns in self.skips:
            return Likelihood(0.0, 0, 0, 0, "it is longer than the model's context")
        tokens = len(item.turns[-1].text.split()) + 1
        # Between 2 and 3 nats a token, the same for the same item: items differ, as they do.
        per_token = 2 + int(content_hash(item.turns[-1].text)[:4], 16) / 65536
        if item.adapter:
            per_token -= 1
        return Likelihood(per_token * tokens, tokens, len(item.turns[-1].text.encode()), 0)
