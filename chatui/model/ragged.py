"""Rows of different lengths in one forward pass, each with its own memory of what it has read.

A tick reads one token of every reply that is being written, and pieces of prompts besides. No row
is padded: the linear layers see real tokens only. Attention goes row by row over pieces of prompts,
and for all rows that read a single token in one product, whose keys end where each row's do.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from chatui.model.packed import has_plain_attention, inner_model

_NAME = "chatui_ragged"
_ROOM = 128  # tokens by which the memory of the rows grows at least

Layers = dict[int, tuple[torch.Tensor, torch.Tensor]]  # keys and values, by layer


class Memory:
    """Keys and values of the rows: of each layer (slots, key heads, room, size)."""

    def __init__(self) -> None:
        self._layers: Layers = {}
        self._slots = self._room = 0

    def reserve(self, slots: int, room: int) -> None:
        """Make room for so many rows of so many tokens; what is there stays."""
        if slots <= self._slots and room <= self._room:
            return
        self._slots = max(slots, self._slots)
        if room > self._room:
            self._room = max(room, self._room + max(_ROOM, self._room // 2))
        for layer, (keys, values) in self._layers.items():
            self._layers[layer] = self._larger(keys), self._larger(values)

    def layer(self, number: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of a layer, whose heads and type are those of `like`."""
        if number not in self._layers:
            shape = self._slots, like.shape[1], self._room, like.shape[3]
            self._layers[number] = like.new_zeros(shape), like.new_zeros(shape)
        return self._layers[number]

    def move(self, slot: int, to: int) -> None:
        """Bring what a slot holds to another one."""
        if slot != to:
            for keys, values in self._layers.values():
                keys[to], values[to] = keys[slot], values[slot]

    def copy(self, slot: int, tokens: int) -> Layers:
        """The first tokens of a slot, to be kept elsewhere."""
        return {
            number: (keys[slot, :, :tokens].clone(), values[slot, :, :tokens].clone())
            for number, (keys, values) in self._layers.items()
        }

    def put(self, slot: int, kept: Layers, tokens: int) -> None:
        """Bring the first tokens of what was kept into a slot."""
        for number, (keys, values) in kept.items():
            mine = self.layer(number, keys.unsqueeze(0))
            mine[0][slot, :, :tokens] = keys[:, :tokens]
            mine[1][slot, :, :tokens] = values[:, :tokens]

    def _larger(self, old: torch.Tensor) -> torch.Tensor:
        slots, heads, room, size = old.shape
        new = old.new_zeros(self._slots, heads, self._room, size)
        new[:slots, :, :room] = old
        return new


@dataclass(frozen=True, slots=True)
class Piece:
    """Some tokens that a row reads: `ids` follow the `start` tokens that its slot holds."""

    slot: int
    start: int
    ids: Sequence[int]

    @property
    def end(self) -> int:
        """How many tokens the slot holds afterwards."""
        return self.start + len(self.ids)


class Reading:
    """What one forward pass reads: single tokens of the first slots, then pieces of prompts.

    `singles` are of slots 0, 1, 2, … in any order, each once.
    """

    def __init__(self, memory: Memory, singles: Sequence[Piece], prompts: Sequence[Piece]) -> None:
        self.memory = memory
        self.prompts = list(prompts)
        self._pieces = [*singles, *prompts]
        self.singles = len(singles)
        self.slots = torch.tensor([piece.slot for piece in singles], dtype=torch.long)
        self.at = torch.tensor([piece.start for piece in singles], dtype=torch.long)
        self.longest = max((piece.end for piece in singles), default=0)
        self.in_order = self.slots.tolist() == list(range(self.singles))
        # By slot, since that is how the memory lies.
        ends = torch.empty_like(self.at)
        ends[self.slots] = self.at + 1
        self.seen = (torch.arange(self.longest) < ends[:, None])[:, None, None]

    def inputs(self, device: torch.device) -> dict[str, Any]:
        """The arguments of the forward pass; there are logits for the last token of each piece."""
        for name in ("slots", "at", "seen"):
            setattr(self, name, getattr(self, name).to(device))
        lengths = torch.tensor([len(piece.ids) for piece in self._pieces])
        ids = [token for piece in self._pieces for token in piece.ids]
        positions = [torch.arange(piece.start, piece.end) for piece in self._pieces]
        return {
            "input_ids": torch.tensor([ids], device=device),
            "position_ids": torch.cat(positions).unsqueeze(0).to(device),
            "logits_to_keep": (lengths.cumsum(0) - 1).to(device),
            "use_cache": False,
            "reading": self,
        }


class RaggedAttention:
    """Switches a model to taking a `Reading`, and nothing else, while anybody wants it so."""

    def __init__(self, model: Any) -> None:
        self.is_possible = has_plain_attention(model)
        self._model = inner_model(model)
        self._before = model.config._attn_implementation
        self._wanted = 0

    @contextmanager
    def on(self) -> Iterator[None]:
        """While inside; the switch takes as long as half a token, so it is not made for each."""
        self._want(1)
        try:
            yield
        finally:
            self._want(-1)

    def _want(self, more: int) -> None:
        before, self._wanted = self._wanted, self._wanted + more
        if self.is_possible and bool(before) != bool(self._wanted):
            self._model.set_attn_implementation(_NAME if self._wanted else self._before)


def attend(  # noqa: PLR0913, PLR0917 (transformers calls it so)
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    scaling: float,
    reading: Reading,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of each row to all that it has read, which is remembered first.

    `query` is (1, heads, tokens, size); the result is (1, tokens, heads, size).
    """
    keys, values = memory = reading.memory.layer(module.layer_idx, key)
    first, parts = reading.singles, []
    if first:
        new = (part[0, :, :first].transpose(0, 1) for part in (query, key, value))
        asked, keys[reading.slots, :, reading.at], values[reading.slots, :, reading.at] = new
        parts.append(_attend_singles(asked, memory, reading, scaling))
    for piece in reading.prompts:
        last = first + len(piece.ids)
        read = [part[piece.slot, :, : piece.end] for part in memory]
        for part, more in zip(read, (key, value), strict=True):
            part[:, piece.start :] = more[0, :, first:last]
        parts.append(_attend_piece(query[0, :, first:last], *read, scaling=scaling))
        first = last
    return torch.cat(parts).unsqueeze(0), None


def _attend_singles(
    asked: torch.Tensor,
    memory: tuple[torch.Tensor, torch.Tensor],
    reading: Reading,
    scaling: float,
) -> torch.Tensor:
    """Queries (rows, heads, size), each to the memory of its row; gives the same shape.

    Heads that share keys stand where usually the tokens do: nothing has to be repeated for them.
    """
    rows, _, size = asked.shape
    keys, values = (part[:rows, :, : reading.longest] for part in memory)
    if not reading.in_order:
        asked = torch.empty_like(asked).index_copy_(0, reading.slots, asked)
    attended = scaled_dot_product_attention(
        asked.reshape(rows, keys.shape[1], -1, size),
        keys,
        values,
        attn_mask=reading.seen,
        scale=scaling,
    ).reshape(asked.shape)
    return attended if reading.in_order else attended[reading.slots]


def _attend_piece(
    asked: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, *, scaling: float
) -> torch.Tensor:
    """The last tokens of a row, (heads, tokens, size), to all of it: (tokens, heads, size)."""
    tokens, end = asked.shape[1], keys.shape[1]
    is_all, mask = tokens == end, None
    if not is_all:
        mask = asked.new_ones(tokens, end, dtype=torch.bool).tril(end - tokens)
    attended = scaled_dot_product_attention(
        asked.unsqueeze(0),
        keys.unsqueeze(0),
        values.unsqueeze(0),
        attn_mask=mask,
        is_causal=is_all,
        scale=scaling,
        enable_gqa=len(asked) != len(keys),
    )
    return attended[0].transpose(0, 1)


AttentionInterface.register(_NAME, attend)
