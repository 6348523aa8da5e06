"""The shape of a base model, from its config alone: enough to count its weights and activations.

Reads one small file, or knows the model by name; downloads nothing. No torch.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chatui.model.catalog import BaseModel
from chatui.model.quantization import SIXTEEN
from chatui.workspace import read_json


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a decoder: widths in numbers, not bytes."""

    hidden: int
    inner: int  # of the feed-forward layers
    layers: int
    heads: int
    key_heads: int
    head_size: int
    vocabulary: int
    is_tied: bool  # whether the head is the embedding
    is_whole: bool = False  # whether its weights are loaded in 16 bits, and not in 4

    @property
    def linear_layers(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of the linear layers of one block: what is held in 4 bits."""
        attended, keys = self.heads * self.head_size, self.key_heads * self.head_size
        return (
            (self.hidden, attended),
            (self.hidden, keys),
            (self.hidden, keys),
            (attended, self.hidden),
            (self.hidden, self.inner),
            (self.hidden, self.inner),
            (self.inner, self.hidden),
        )

    @property
    def linear_weights(self) -> int:
        """Numbers in all of those."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linear_layers)

    @property
    def embedding_weights(self) -> int:
        """Numbers in the embedding, and in the head where that is another."""
        return self.vocabulary * self.hidden * (1 if self.is_tied else 2)


# Before a download there is no config to read: these are on offer.
_KNOWN = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": ModelShape(576, 1536, 30, 9, 3, 64, 49152, True),
    "Qwen/Qwen2.5-0.5B-Instruct": ModelShape(896, 4864, 24, 14, 2, 64, 151936, True),
}


def shape_of(base: BaseModel) -> ModelShape | None:
    """The shape of a base model; None before a download, or if its config is of another kind."""
    path = _config_file(base)
    try:
        shape = _read(read_json(path)) if path else _KNOWN.get(base.source)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return replace(shape, is_whole=base.quantization == SIXTEEN) if shape else None


def _config_file(base: BaseModel) -> Path | None:
    if base.is_local:
        return Path(base.path) / "config.json"
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(base.path, "config.json")
    return Path(found) if isinstance(found, str) else None


def _read(whole: dict[str, Any]) -> ModelShape:
    config = whole.get("text_config", whole)
    heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
    return ModelShape(
        hidden=hidden,
        inner=int(config["intermediate_size"]),
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        key_heads=int(config.get("num_key_value_heads") or heads),
        head_size=int(config.get("head_dim") or hidden // heads),
        vocabulary=int(config["vocab_size"]),
        is_tied=bool(config.get("tie_word_embeddings", whole.get("tie_word_embeddings", False))),
    )
