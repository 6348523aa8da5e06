"""The engine: the one way to ask a model, for replies and for likelihoods.

One loaded 4-bit base model with adapters beside it. Thread-safe. Replies to several people are
written together, one token of each in every pass, whichever adapters they are of; the passes and
those of likelihoods take turns.
"""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from chatui.errors import NotAConversation
from chatui.model.adapters import AdapterSwitch
from chatui.model.catalog import BaseModel
from chatui.model.crew import Crew
from chatui.model.decoder import Row
from chatui.model.encoding import CannotEncode, ChatEncoder, EncodedRow
from chatui.model.fair_lock import FairLock
from chatui.model.generation import Progress
from chatui.model.hashes import model_hash
from chatui.model.likelihood import batch_likelihoods, batches_by_budget
from chatui.model.loading import LoadedModel, allow_repacking, load_base
from chatui.model.packed import packing
from chatui.model.requests import Item, Likelihood, Reply, Request
from chatui.model.sampling import Sampler
from chatui.model.writing import Writing

_MOST_ADAPTERS = 8  # that are attached at a time


class Engine:
    """A loaded model that answers requests, with or without an adapter."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._adapters = AdapterSwitch(loaded.model)
        self._lock = FairLock()
        self._writing = Writing(loaded, self._adapters)
        decoder = partial(self._writing.decoder, remembers=True)
        self._crew = Crew(decoder, self._lock, self._going_on)
        self._only_writes = False
        self._recent: dict[str, None] = {}  # adapters; the one that was wanted last is the last
        self._asked: Counter[str | None] = Counter()  # how many streams are under way of each

    @classmethod
    def open(cls, base: BaseModel, *, decodes_only: bool = False) -> "Engine":
        """Load a base model; with `decodes_only` for chatting alone, never for likelihoods."""
        engine = cls(load_base(base))
        if decodes_only:
            engine.only_write()
        return engine

    def only_write(self) -> None:
        """From now on only replies are asked for: processors take the kernel made for them.

        It rounds otherwise and packs the weights for good, so likelihoods are refused afterwards.
        """
        with self._lock:
            allow_repacking(self._loaded.model, True)
            self._only_writes = True

    @property
    def base_hash(self) -> str:
        """Hash of the base model's weights and tokenizer."""
        return self._loaded.base_hash

    @property
    def template_hash(self) -> str:
        """Hash of the chat template."""
        return self._loaded.template_hash

    @property
    def context(self) -> int:
        """How many tokens the model reads, prompt and reply together."""
        return self.encoder.context

    @property
    def encoder(self) -> ChatEncoder:
        """Turns into tokens and back."""
        return self._loaded.encoder

    def attach(self, folder: Path) -> str:
        """Attach a run's adapter; returns its hash. Raises AdapterNotUsable.

        Of too many, the one that nobody has wanted for the longest is freed.
        """
        with self._lock:
            name = self._adapters.attach(folder)
            self._recent.pop(name, None)
            self._recent[name] = None
            unused = [each for each in self._recent if each != name and not self._asked[each]]
            for each in unused[: max(0, len(self._recent) - _MOST_ADAPTERS)]:
                self._detach(each)
            return name

    def detach(self, adapter: str) -> None:
        """Free what an adapter takes; nobody may be asking it."""
        with self._lock:
            self._detach(adapter)

    def model_hash(self, adapter: str | None) -> str:
        """Hash of what answers: base, adapter (None: the base alone) and template."""
        return model_hash(self.base_hash, adapter, self.template_hash)

    def replies(
        self, requests: Sequence[Request], done: Callable[[int, Reply], None] | None = None
    ) -> list[Reply]:
        """Answer requests in batches; the replies come in the order of the requests.

        `done(index, reply)` is called as soon as a reply is complete; what it raises ends the work.
        Raises NotAConversation if the chat template refuses a request.
        """
        replies: dict[int, Reply] = {}
        for index, reply in self._answers(requests):
            replies[index] = reply
            if done:
                done(index, reply)
        return [replies[index] for index in range(len(requests))]

    def stream(
        self, request: Request, cancelled: Callable[[], bool]
    ) -> Generator[str, None, Reply]:
        """Answer one request piece by piece; the generator's return value is the Reply.

        The pieces joined are the reply's text. `cancelled` is asked before each token, and twenty
        times a second while there is none.
        """
        started = time.monotonic()
        row = self._row(request)
        with self._lock:
            lane, way = self._writing.lane(request.adapter), self._writing.way(request.adapter)
            self._asked[request.adapter] += 1
        ticket = self._crew.join(row, lane)
        shown, ids, ended = "", row.progress.ids, None
        try:
            while ended is None:
                count, ended = ticket.next(cancelled)
                ids = row.progress.ids[:count]
                text = _settled(self.encoder.text(ids))
                if text.startswith(shown) and len(text) > len(shown):
                    yield text[len(shown) :]
                    shown = text
        finally:  # also when nobody reads on
            with self._lock:
                self._asked[request.adapter] -= 1
            if row.progress.ended is None:
                self._crew.leave(ticket)
        text = self.encoder.text(ids).strip()
        if text.startswith(shown) and len(text) > len(shown):
            yield text[len(shown) :]
        seconds = time.monotonic() - started
        return Reply(text, len(ids), ended, request.adapter, seconds, way)

    def likelihoods(
        self, items: Sequence[Item], done: Callable[[int, Likelihood], None] | None = None
    ) -> list[Likelihood]:
        """How likely each item's reference is under the model, summed over its tokens.

        Items that cannot be scored come back with `skipped` saying why; `done` as in `replies`.
        """
        found: dict[int, Likelihood] = {}

        def record(index: int, likelihood: Likelihood) -> None:
            found[index] = likelihood
            if done:
                done(index, likelihood)

        rows: dict[int, EncodedRow] = {}
        for index, item in enumerate(items):
            try:
                rows[index] = self.encoder.scored(item.turns)
            except CannotEncode as error:
                record(index, Likelihood(0.0, 0, 0, 0, skipped=str(error)))
        for adapter in _in_order(items[index].adapter for index in rows):
            mine = {i: row for i, row in rows.items() if items[i].adapter == adapter}
            for indices in batches_by_budget(mine, self._loaded.model.config.vocab_size):
                sums = self._score([mine[i] for i in indices], adapter)
                for index, (nats, tokens, correct) in zip(indices, sums, strict=True):
                    size = len(items[index].turns[-1].text.encode())
                    record(index, Likelihood(nats, tokens, size, correct))
        return [found[index] for index in range(len(items))]

    def _score(self, rows: list[EncodedRow], adapter: str | None) -> list[tuple[float, int, int]]:
        if self._only_writes:
            raise RuntimeError("an engine that only writes was asked for likelihoods")
        with self._lock:
            model = self._adapters.using(adapter)
            with packing(model):
                return batch_likelihoods(model, rows, self._loaded.pad_id)

    def _detach(self, adapter: str) -> None:
        self._recent.pop(adapter, None)
        self._adapters.detach(adapter)
        self._writing.forget(adapter)

    def _answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Replies as they end. Those of one adapter are made at a time, the longest prompts first.

        So replies of the base are the same whether or not an adapter is asked in between.
        """
        rows = [self._row(request) for request in requests]
        with self._going_on():
            for adapter in _in_order(request.adapter for request in requests):
                mine = {row: i for i, row in enumerate(rows) if row.adapter == adapter}
                yield from self._answers_of(mine, adapter)

    def _answers_of(self, rows: dict[Row, int], adapter: str | None) -> Iterator[tuple[int, Reply]]:
        with self._lock:
            way = self._writing.way(adapter)
            decoder = self._writing.decoder(self._writing.lane(adapter), remembers=False)
        for row in sorted(rows, key=lambda row: (-len(row.prompt), rows[row])):
            decoder.join(row)
        while decoder.is_active:
            with self._lock:
                told = decoder.tick()
            for row in told:
                if (ended := row.progress.ended) is not None:
                    text = self.encoder.text(row.progress.ids).strip()
                    seconds = time.monotonic() - row.since
                    count = len(row.progress.ids)
                    yield rows[row], Reply(text, count, ended, adapter, seconds, way)

    def _row(self, request: Request) -> Row:
        decoding = request.decoding
        try:
            prompt = self.encoder.prompt(request.turns, decoding.max_new_tokens)
        except CannotEncode as error:
            raise NotAConversation(str(error)) from error
        limit = min(decoding.max_new_tokens, max(1, self.context - len(prompt)))
        sampler = Sampler(decoding, request.seed, prompt)
        return Row(prompt, request.adapter, Progress(sampler, limit))

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Around ticks; the lock is held at both ends, and not in between."""
        going_on = self._writing.going_on()
        with self._lock:
            going_on.__enter__()
        try:
            yield
        finally:
            with self._lock:
                going_on.__exit__(None, None, None)


def _settled(text: str) -> str:
    """The part of a reply that later tokens will not change: no half character, no last spaces."""
    return text.rstrip("\ufffd").strip()


def _in_order(adapters: Iterator[str | None]) -> list[str | None]:
    """Each adapter once, in the order in which it is first asked for."""
    return list(dict.fromkeys(adapters))
