"""Make several replies at the same time, one token a step.

Prompts are padded on the left, so that the last column is every row's newest token. Rows that have
ended leave the batch when they are half of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache

from chatui.model.requests import Ended
from chatui.model.sampling import Sampler


@dataclass(slots=True)
class Progress:
    """How far one reply has come."""

    sampler: Sampler
    limit: int  # tokens
    ids: list[int] = field(default_factory=list)  # without the end-of-turn token
    ended: Ended | None = None

    def add(self, token: int, end_ids: frozenset[int]) -> None:
        """Take in the next token."""
        if token in end_ids:
            self.ended = "end"
            return
        self.ids.append(token)
        if len(self.ids) >= self.limit:
            self.ended = "limit"


class Batch:
    """Replies in the making; every `step` adds a token to each that has not ended."""

    def __init__(
        self,
        prompts: Sequence[Sequence[int]],
        rows: Sequence[Progress],
        end_ids: frozenset[int],
        pad_id: int,
    ) -> None:
        self.rows = list(rows)
        self._end_ids = end_ids
        self._pad_id = pad_id
        self._in_cache = list(rows)  # the rows of the tensors below
        longest = max(len(prompt) for prompt in prompts)
        padded = [[pad_id] * (longest - len(p)) + list(p) for p in prompts]
        self._next = torch.tensor(padded)
        self._mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
        self._cache: DynamicCache | None = None

    @property
    def is_active(self) -> bool:
        """Whether a reply is still unfinished."""
        return any(row.ended is None for row in self._in_cache)

    @torch.inference_mode()
    def step(self, model: Any) -> list[Progress]:
        """Add a token to every unfinished reply; returns those, some of which ended now."""
        logits = self._forward(model)
        active = [(i, row) for i, row in enumerate(self._in_cache) if row.ended is None]
        column = torch.full((len(self._in_cache), 1), self._pad_id)
        for i, row in active:
            token = row.sampler.choose(logits[i])
            row.add(token, self._end_ids)
            column[i, 0] = token
        self._next = column
        self._mask = torch.cat([self._mask, torch.ones_like(column)], dim=1)
        self._forget_ended()
        return [row for _, row in active]

    def _forward(self, model: Any) -> torch.Tensor:
        if self._cache is None:
            self._cache = DynamicCache(config=model.config)
        width = self._next.shape[1]
        # A padded row's positions count from its first real token.
        positions = (self._mask.cumsum(dim=1) - 1).clamp(min=0)[:, -width:]
        where = model.device
        output = model(
            input_ids=self._next.to(where),
            attention_mask=self._mask.to(where),
            position_ids=positions.to(where),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]

    def _forget_ended(self) -> None:
        kept = [i for i, row in enumerate(self._in_cache) if row.ended is None]
        if self._cache is None or not kept or len(kept) > len(self._in_cache) // 2:
            return
        index = torch.tensor(kept)
        self._in_cache = [self._in_cache[i] for i in kept]
        self._next, self._mask = self._next[index], self._mask[index]
        for layer in self._cache.layers:
            layer.batch_select_indices(index.to(layer.keys.device))
