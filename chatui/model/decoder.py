"""Replies in the making, of any number of people: each tick reads for all of them at once.

A row joins when there is room, reads its prompt piece by piece beside the others' tokens, writes
one token a tick, and leaves when it ends.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import torch

from chatui.model.generation import Progress
from chatui.model.kept import Kept, KeptMemories
from chatui.model.ragged import Memory, Piece, Reading

_READ_ALONE = 2048  # tokens of prompts in one tick while nobody waits for a token
_READ_BESIDE = 128  # and while somebody does: such a tick takes as long as two or three of theirs

Share = tuple[int, int, str | None]  # tokens from, to, and the adapter that reads them
Forward = Callable[[Reading, Sequence[Share]], torch.Tensor]  # to logits (pieces, vocabulary)


@dataclass(slots=True, eq=False)
class Row:
    """One reply: what was asked, and how far it has come."""

    prompt: list[int]
    adapter: str | None
    progress: Progress
    read: int = 0  # tokens whose keys and values are in memory
    since: float = 0.0  # when its answer began, by the monotonic clock

    @property
    def tokens(self) -> list[int]:
        """All of them so far, the prompt's first."""
        return self.prompt + self.progress.ids

    @property
    def most(self) -> int:
        """How many tokens it may come to."""
        return len(self.prompt) + self.progress.limit

    @property
    def writes(self) -> bool:
        """Whether its prompt is read: from then on each tick gives a token."""
        return self.read >= len(self.prompt)


class Decoding(Protocol):
    """What answers rows, a tick at a time."""

    @property
    def is_active(self) -> bool:
        """Whether anybody is being answered, or waits."""

    def join(self, row: Row) -> None:
        """Answer a row as soon as there is room."""

    def leave(self, row: Row) -> None:
        """Forget a row that is not wanted any more."""

    def tick(self) -> list[Row]:
        """Take every row a step further; returns those that got a token or ended."""


class Decoder:
    """The rows that are being answered together, whatever their lengths and adapters."""

    def __init__(
        self,
        forward: Forward,
        end_ids: frozenset[int],
        *,
        rows: int,
        tokens: int,
        kept: KeptMemories | None = None,
    ) -> None:
        """`rows` and `tokens` (of all rows, each as long as the longest) are answered at a time.

        With `kept`, what is read for one reply spares reading it for the next.
        """
        self._forward = forward
        self._end_ids = end_ids
        self._most_rows, self._most_tokens = rows, tokens
        self._kept = kept
        self._memory = Memory()
        self._rows: list[Row] = []  # a row's place is its slot; those that write come first
        self._waiting: deque[Row] = deque()

    @property
    def is_active(self) -> bool:
        """Whether anybody is being answered, or waits."""
        return bool(self._rows or self._waiting)

    def join(self, row: Row) -> None:
        """Answer a row as soon as there is room."""
        self._waiting.append(row)

    @torch.inference_mode()  # as the memory was made
    def leave(self, row: Row) -> None:
        """Forget a row that is not wanted any more."""
        if row in self._waiting:
            self._waiting.remove(row)
        elif row in self._rows:
            self._remove(row)

    @torch.inference_mode()
    def tick(self) -> list[Row]:
        """Take every row a step further; returns those that got a token, some of which ended."""
        self._admit()
        if not self._rows:
            return []
        singles = sorted(self._writing(), key=self._by_adapter)
        prompts = sorted(self._reading(), key=self._by_adapter)
        self._memory.reserve(len(self._rows), max(piece.end for piece in (*singles, *prompts)))
        pieces = [*singles, *prompts]
        logits = self._forward(Reading(self._memory, singles, prompts), list(self._shares(pieces)))
        told = []
        for piece, scores in zip(pieces, logits, strict=True):
            row = self._rows[piece.slot]
            row.read = piece.end
            if row.writes:
                row.progress.add(row.progress.sampler.choose(scores), self._end_ids)
                told.append(row)
        for row in told:
            if row.progress.ended is not None:
                self._remove(row)
        return told

    def _admit(self) -> None:
        while self._waiting and len(self._rows) < self._most_rows:
            row = self._waiting[0]
            longest = max(each.most for each in (row, *self._rows))
            if self._rows and longest * (len(self._rows) + 1) > self._most_tokens:
                return
            self._rows.append(self._waiting.popleft())
            row.since = time.monotonic()
            if self._kept is not None:
                self._recall(self._kept, row)

    def _recall(self, kept: KeptMemories, row: Row) -> None:
        found = kept.longest(row.adapter, row.prompt)
        if found is not None:
            memory, row.read = found
            self._memory.reserve(len(self._rows), row.read + 1)
            self._memory.put(len(self._rows) - 1, memory.layers, row.read)

    def _writing(self) -> Iterator[Piece]:
        for slot, row in enumerate(self._rows):
            if row.writes:
                yield Piece(slot, row.read, row.progress.ids[-1:])

    def _reading(self) -> Iterator[Piece]:
        """As much of the prompts as one tick may read, first come, first served."""
        left = _READ_BESIDE if self._rows[0].writes else _READ_ALONE
        for slot, row in enumerate(self._rows):
            if not row.writes and left:
                ids = row.prompt[row.read : row.read + left]
                left -= len(ids)
                yield Piece(slot, row.read, ids)

    def _by_adapter(self, piece: Piece) -> tuple[str, int]:
        return self._rows[piece.slot].adapter or "", piece.slot

    def _shares(self, pieces: Sequence[Piece]) -> Iterator[Share]:
        start = 0
        for adapter, mine in groupby(pieces, lambda piece: self._rows[piece.slot].adapter):
            end = start + sum(len(piece.ids) for piece in mine)
            yield start, end, adapter
            start = end

    def _remove(self, row: Row) -> None:
        """Free a slot; the rows that write stay in front, without gaps."""
        slot = self._rows.index(row)
        if self._kept is not None and row.read:
            layers = self._memory.copy(slot, row.read)
            self._kept.add(Kept(row.adapter, row.tokens[: row.read], layers))
        if row.writes:
            last = sum(each.writes for each in self._rows) - 1
            self._fill(slot, last)
            slot = last
        self._fill(slot, len(self._rows) - 1)
        self._rows.pop()
        if not self._rows:
            self._memory = Memory()  # and what it held is free

    def _fill(self, slot: int, by: int) -> None:
        self._memory.move(by, slot)
        self._rows[slot] = self._rows[by]


def tokens_in(model: Any, megabytes: int) -> int:
    """How many tokens' keys and values fit into so much memory."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    each = 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
    return int(megabytes * 2**20 // each)
