"""The loss of reply tokens without their logits: taken in parts, with its gradient at once.

The logits of a few hundred tokens over a vocabulary of a hundred thousand words are most of the
memory of a step, and the head does not learn; so the gradient of what enters the head is all that
is kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import Function

from chatui.model.encoding import EncodedRow
from chatui.model.likelihood import padded
from chatui.model.packed import packed, packs

_LOGITS = 2**23  # numbers in a part: 32 MB in float32
_TRIAL_TOKENS = 5
_NEAR = 0.02  # relative: logits in bfloat16 are rounded to 0.004


@dataclass(frozen=True, slots=True)
class Aim:
    """The tokens to predict, by how many the sum is divided, and how much of each aim is spread."""

    truth: torch.Tensor
    count: int
    smoothing: float = 0.0  # as in `regularizing.smoothed`


def reply_loss(hidden: torch.Tensor, head: torch.nn.Linear, aim: Aim) -> tuple[torch.Tensor, float]:
    """The loss of some reply tokens, and their nats without smoothing or division; in float32.

    `hidden` is (tokens, width), what enters the head at the positions that predict them.
    """
    loss, nats = _Loss.apply(hidden, head.weight, aim)
    return loss, float(nats)


class _Loss(Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, aim: Aim
    ) -> tuple[torch.Tensor, torch.Tensor]:
        nats = hidden.new_zeros((), dtype=torch.float32)
        spread = hidden.new_zeros((), dtype=torch.float32)  # of -log p, over the vocabulary
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        part = max(1, _LOGITS // len(weight))
        for start in range(0, len(hidden), part):
            some, right = hidden[start : start + part], aim.truth[start : start + part, None]
            logits = (some @ weight.t()).float()
            whole = logits.logsumexp(-1, keepdim=True)
            nats += (whole - logits.gather(1, right)).sum()
            if aim.smoothing:
                spread += (whole - logits.mean(-1, keepdim=True)).sum()
            if gradient is not None:
                shares = logits.sub_(whole).exp_().sub_(aim.smoothing / len(weight))
                shares.scatter_add_(1, right, shares.new_full(right.shape, aim.smoothing - 1))
                gradient[start : start + part] = shares.div_(aim.count).to(hidden.dtype) @ weight
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(nats)
        learned = nats + aim.smoothing * (spread - nats)
        return learned / aim.count, nats

    @staticmethod
    def backward(ctx: Any, *factors: torch.Tensor) -> tuple[Any, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * factors[0].to(gradient.dtype), None, None


def plain_head(model: Any) -> torch.nn.Linear | None:
    """The head of a model if it is frozen and the last thing that happens; else None."""
    head = model.get_output_embeddings()
    if type(head) is not torch.nn.Linear or head.bias is not None or head.weight.requires_grad:
        return None
    row = EncodedRow(list(range(_TRIAL_TOKENS)), [True] * _TRIAL_TOKENS)
    inputs, targets = packed([row]) if packs(model) else padded([row], pad_id=0)
    read = {n: p.to(model.device) if torch.is_tensor(p) else p for n, p in inputs.items()}
    read |= {"logits_to_keep": (targets >= 0).to(model.device), "use_cache": False}
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            truth = model(**read).logits
            with without_head(head):
                hidden = model(**read).logits
            if hidden.shape[-1] != head.in_features:
                return None
            is_last = (head(hidden) - truth).norm() <= _NEAR * truth.norm()
    finally:
        model.train(was_training)
    return head if is_last else None


@contextmanager
def without_head(head: torch.nn.Linear) -> Iterator[None]:
    """Let a model give what enters its head in place of logits."""
    head.__dict__["forward"] = _as_it_is
    try:
        yield
    finally:
        del head.__dict__["forward"]


def _as_it_is(hidden: torch.Tensor) -> torch.Tensor:
    return hidden
