"""What keeps a model from learning by heart: softened aims, and noise on what it reads.

Both act while it learns only; what is measured and journalled is free of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def smoothed(nats: torch.Tensor, logits: torch.Tensor, share: float) -> torch.Tensor:
    """The summed loss when a share of each aim is spread evenly over the vocabulary.

    `nats` is the summed cross-entropy with the true tokens, of logits (tokens, vocabulary):
    (1 - share) · nats + share · Σ mean over the vocabulary of -log p (Szegedy et al. 2016).
    """
    if not share:
        return nats
    return (1 - share) * nats - share * torch.log_softmax(logits, dim=-1).mean(dim=-1).sum()


@contextmanager
def noisy_embeddings(model: Any, alpha: float) -> Iterator[None]:
    """Add NEFTune's noise to the embeddings of a model for as long as it is in training mode.

    Each number gets uniform noise in ±alpha / √(L·d), L tokens of its own row and d numbers a token
    (Jain et al. 2023). Rows that are packed end to end keep their own L, so that noise does not
    depend on how rows were batched.
    """
    if not alpha:
        yield
        return
    scale: list[torch.Tensor] = []
    embeddings = model.get_input_embeddings()

    def measure(module: Any, args: Any, read: dict[str, Any]) -> None:
        lengths = _row_lengths(read)
        scale[:] = [alpha / (lengths * embeddings.embedding_dim).sqrt()]

    def disturb(module: Any, args: Any, output: torch.Tensor) -> torch.Tensor:
        if not module.training:
            return output
        size = scale[0].to(output.device).unsqueeze(-1)
        return output + ((torch.rand_like(output) * 2 - 1) * size).to(output.dtype)

    hooks = [
        model.register_forward_pre_hook(measure, with_kwargs=True),
        embeddings.register_forward_hook(disturb),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _row_lengths(read: dict[str, Any]) -> torch.Tensor:
    """For each position, how many tokens its row has; shaped as the input or to be spread to it."""
    if (ends := read.get("cu_seq_lens_q")) is not None:
        lengths = ends.diff()
        return lengths.repeat_interleave(lengths).unsqueeze(0).float()
    mask = read.get("attention_mask")
    if mask is None:
        mask = torch.ones_like(read["input_ids"])
    return mask.sum(dim=1, keepdim=True).float()
