"""Adapters as they are while replies are written: several in one pass, and little beside the base.

PEFT switches one adapter on for a whole pass, and copies and checks around each layer. Here a layer
is its base layer and, for the tokens of each adapter, the adapter's two products: PEFT's numbers.
They stay in float32, as PEFT keeps them: processors multiply such thin matrices eight times as fast
in it as in bfloat16.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear, LoraLayer
from peft.tuners.lora.bnb import Linear4bit
from torch.nn.functional import linear

from chatui.model.decoder import Share


class LeanAdapters:
    """The adapters of a PEFT model; a pass inside `sharing` gives each its share of the tokens."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.shares: Sequence[Share] | None = None  # None: as PEFT does it

    def refresh(self) -> None:
        """Take in the layers that an adapter which came since has added."""
        for layer in self._model.modules():
            if isinstance(layer, LoraLayer) and not isinstance(layer.forward, partial):
                layer.forward = partial(_forward, self, layer, layer.forward)

    def can_serve(self, name: str) -> bool:
        """Whether an adapter is of the plain kind: matrices beside linear layers, nothing else."""
        config = self._model.peft_config[name]
        more = ("use_dora", "lora_bias", "modules_to_save", "trainable_token_indices")
        if config.bias != "none" or any(getattr(config, each, None) for each in more):
            return False
        mine = [
            (path, layer)
            for path, layer in self._model.named_modules()
            if isinstance(layer, LoraLayer) and name in layer.scaling
        ]
        # An expert reads some tokens only, and not in their order.
        return all(
            isinstance(layer, Linear | Linear4bit) and ".experts." not in path
            for path, layer in mine
        )

    @contextmanager
    def sharing(self, shares: Sequence[Share]) -> Iterator[None]:
        """Let these adapters read their tokens, and none the others."""
        self.shares = shares
        try:
            yield
        finally:
            self.shares = None


def _forward(
    adapters: LeanAdapters, layer: Any, usual: Any, x: torch.Tensor, *more: Any, **named: Any
) -> torch.Tensor:
    if adapters.shares is None:
        return usual(x, *more, **named)
    result: torch.Tensor = layer.base_layer(x)
    for start, end, name in adapters.shares:
        if name in layer.lora_A:
            down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
            low = linear(x[:, start:end].to(down.dtype), down) * layer.scaling[name]
            result[:, start:end].add_(linear(low, up))
    return result
