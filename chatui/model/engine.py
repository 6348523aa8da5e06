"""The engine: the one way to ask a model, for replies and for likelihoods.

One loaded 4-bit base model with adapters that are switched on and off. Thread-safe: each forward
pass holds the lock, so that several visitors are answered in turns, token by token.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chatui.errors import NotAConversation
from chatui.model.adapters import AdapterSwitch
from chatui.model.catalog import BaseModel
from chatui.model.decoding import Decoding
from chatui.model.encoding import CannotEncode, ChatEncoder, EncodedRow
from chatui.model.fair_lock import FairLock
from chatui.model.generation import Batch, Progress
from chatui.model.hashes import model_hash
from chatui.model.likelihood import batch_likelihoods, batches_by_budget
from chatui.model.loading import LoadedModel, load_base
from chatui.model.packed import packing
from chatui.model.requests import Ended, Item, Likelihood, Reply, Request
from chatui.model.sampling import Sampler

_ROWS = 16  # replies made at the same time
_PREFILL_TOKENS = 8192  # prompt tokens, padding included, read at the same time


@dataclass(slots=True)
class _Prepared:
    index: int
    prompt: list[int]
    request: Request


class Engine:
    """A loaded model that answers requests, with or without an adapter."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._adapters = AdapterSwitch(loaded.model)
        self._lock = FairLock()

    @classmethod
    def open(cls, base: BaseModel, *, decodes_only: bool = False) -> "Engine":
        """Load a base model; with `decodes_only` for chatting alone, never for likelihoods."""
        return cls(load_base(base, decodes_only=decodes_only))

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
        """Attach a run's adapter; returns its hash. Raises AdapterNotUsable."""
        with self._lock:
            return self._adapters.attach(folder)

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
        for prepared in self._reply_batches(requests):
            for index, reply in self._answer(prepared):
                replies[index] = reply
                if done:
                    done(index, reply)
        return [replies[index] for index in range(len(requests))]

    def stream(
        self, request: Request, cancelled: Callable[[], bool]
    ) -> Generator[str, None, Reply]:
        """Answer one request piece by piece; the generator's return value is the Reply.

        The pieces joined are the reply's text. `cancelled` is asked before each token.
        """
        started = time.monotonic()
        batch = self._start([self._prepare(0, request)])
        shown, ids = "", batch.rows[0].ids
        ended: Ended | None = None
        while ended is None:
            if cancelled():
                ended = "cancelled"
                break
            ended = self._step(batch, request.adapter)[0].ended
            text = _settled(self.encoder.text(ids))
            if text.startswith(shown) and len(text) > len(shown):
                yield text[len(shown) :]
                shown = text
        text = self.encoder.text(ids).strip()
        if text.startswith(shown) and len(text) > len(shown):
            yield text[len(shown) :]
        seconds = time.monotonic() - started
        return Reply(text, len(ids), ended, request.adapter, seconds)

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
        with self._lock:
            model = self._adapters.using(adapter)
            with packing(model):
                return batch_likelihoods(model, rows, self._loaded.pad_id)

    def _prepare(self, index: int, request: Request) -> _Prepared:
        try:
            prompt = self.encoder.prompt(request.turns, request.decoding.max_new_tokens)
        except CannotEncode as error:
            raise NotAConversation(str(error)) from error
        return _Prepared(index, prompt, request)

    def _reply_batches(self, requests: Sequence[Request]) -> Iterator[list[_Prepared]]:
        """Requests of one adapter at a time, the longest prompts first.

        What a batch holds depends only on the requests to the same adapter: replies of the base
        are the same whether or not an adapter is asked in between.
        """
        prepared = [self._prepare(index, request) for index, request in enumerate(requests)]
        for adapter in _in_order(request.adapter for request in requests):
            mine = [p for p in prepared if p.request.adapter == adapter]
            mine.sort(key=lambda p: (-len(p.prompt), p.index))
            while mine:
                size = max(1, min(_ROWS, _PREFILL_TOKENS // len(mine[0].prompt)))
                yield mine[:size]
                mine = mine[size:]

    def _start(self, prepared: list[_Prepared]) -> Batch:
        decodings: list[Decoding] = [p.request.decoding for p in prepared]
        rows = [
            Progress(
                sampler=Sampler(decoding, p.request.seed, p.prompt),
                limit=min(decoding.max_new_tokens, max(1, self.context - len(p.prompt))),
            )
            for p, decoding in zip(prepared, decodings, strict=True)
        ]
        prompts = [p.prompt for p in prepared]
        return Batch(prompts, rows, self.encoder.end_ids, self._loaded.pad_id)

    def _step(self, batch: Batch, adapter: str | None) -> list[Progress]:
        with self._lock:
            return batch.step(self._adapters.using(adapter))

    def _answer(self, prepared: list[_Prepared]) -> Iterator[tuple[int, Reply]]:
        started = time.monotonic()
        batch = self._start(prepared)
        adapter = prepared[0].request.adapter
        index_of = {id(row): p.index for row, p in zip(batch.rows, prepared, strict=True)}
        while batch.is_active:
            for row in self._step(batch, adapter):
                if row.ended is not None:
                    text = self.encoder.text(row.ids).strip()
                    seconds = time.monotonic() - started
                    yield index_of[id(row)], Reply(text, len(row.ids), row.ended, adapter, seconds)


def _settled(text: str) -> str:
    """The part of a reply that later tokens will not change: no half character, no last spaces."""
    return text.rstrip("\ufffd").strip()


def _in_order(adapters: Iterator[str | None]) -> list[str | None]:
    """Each adapter once, in the order in which it is first asked for."""
    return list(dict.fromkeys(adapters))
