"""Rows end to end in one sequence, without padding, each row seeing itself alone.

Chat rows differ in length, so padded batches are mostly padding, and the time of a step goes there.
Packed, the linear layers see real tokens only. Attention gets the rows' boundaries: on a processor
it is two matrix products and a softmax for each row, which for rows of chat length is several times
as fast as one product with a mask of blocks; on a GPU it is torch's own kernel for such sequences.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any, cast

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import dropout as drop
from transformers import AttentionInterface

from chatui.model.encoding import EncodedRow

_NAME = "chatui_packed"
_UNMASKED_KINDS = {"full_attention"}  # of layers; others see a window, or are no attention at all
_AMPERE = (8, 0)  # the first GPUs that torch's kernel runs on


def can_pack(model: Any) -> bool:
    """Whether a model's attention is plain and exchangeable, so that rows can be packed."""
    if not has_plain_attention(model):
        return False
    if model.device.type != "cuda":
        return True
    return bool(
        torch.cuda.get_device_capability(model.device) >= _AMPERE and model.dtype == torch.bfloat16
    )


def has_plain_attention(model: Any) -> bool:
    """Whether every layer attends to all tokens before, and another attention can be put in."""
    config = model.config.get_text_config()
    is_plain = (
        set(getattr(config, "layer_types", None) or ()) <= _UNMASKED_KINDS
        and getattr(config, "sliding_window", None) is None
        and getattr(config, "attn_logit_softcapping", None) is None
    )
    return is_plain and bool(getattr(inner_model(model), "_supports_attention_backend", False))


def packs(model: Any) -> bool:
    """Whether a model takes packed rows, and nothing else, at the moment."""
    return str(model.config._attn_implementation) == _NAME


@contextmanager
def packing(model: Any) -> Iterator[bool]:
    """Let a model take packed rows for a while, where it can; padded batches are not taken then."""
    before = model.config._attn_implementation
    possible = can_pack(model)
    if possible:
        inner_model(model).set_attn_implementation(_NAME)
    try:
        yield possible
    finally:
        if possible:
            inner_model(model).set_attn_implementation(before)


def packed(rows: Sequence[EncodedRow]) -> tuple[dict[str, Any], torch.Tensor]:
    """What a packing model reads of some rows, and the token that each position predicts.

    Shapes are (1, tokens). The target is -100 wherever the next token is no reply's, and at the end
    of each row.
    """
    lengths = [len(row.ids) for row in rows]
    ends = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32)
    targets = [
        target if is_reply else -100
        for row in rows
        for target, is_reply in zip([*row.ids[1:], -100], [*row.is_reply[1:], False], strict=True)
    ]
    inputs = {
        "input_ids": torch.tensor([[token for row in rows for token in row.ids]]),
        "position_ids": torch.cat([torch.arange(length) for length in lengths]).unsqueeze(0),
        # By these names transformers hands them through to the attention.
        "cu_seq_lens_q": ends,
        "cu_seq_lens_k": ends,
        "max_length_q": max(lengths),
        "max_length_k": max(lengths),
    }
    return inputs, torch.tensor([targets])


def attend(  # noqa: PLR0913, PLR0917 (transformers calls it so)
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    scaling: float,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention inside each row of a packed sequence.

    `query` is (1, heads, tokens, size), `key` and `value` have as many heads or a divisor of them;
    the result is (1, tokens, heads, size).
    """
    if query.is_cuda:
        q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
        attended = varlen_attn(
            query=q,
            key=k,
            value=v,
            cu_seq_q=cu_seq_lens_q,
            cu_seq_k=cu_seq_lens_q,
            max_q=max_length_q,
            max_k=max_length_q,
            scale=scaling,
            window_size=(-1, 0),
            enable_gqa=len(query[0]) != len(key[0]),
        )
        return cast(torch.Tensor, attended).unsqueeze(0), None
    rows = [
        _attend_in_row(
            *(part[0, :, start:end] for part in (query, key, value)),
            scaling=scaling,
            dropout=dropout,
        )
        for start, end in pairwise(cu_seq_lens_q.tolist())
    ]
    return torch.cat(rows, dim=1).transpose(0, 1).unsqueeze(0), None


def _attend_in_row(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, scaling: float, dropout: float
) -> torch.Tensor:
    heads, tokens, size = query.shape
    groups = key.shape[0]
    scores = torch.bmm(query.reshape(groups, -1, size), key.transpose(1, 2))
    scores = scores.view(groups, -1, tokens, tokens) * scaling + _future(tokens, scores.dtype)
    weights = torch.softmax(scores, dim=-1)
    if dropout:
        weights = drop(weights, dropout)
    return torch.bmm(weights.view(groups, -1, tokens), value).view(heads, tokens, size)


@lru_cache(maxsize=128)
def _future(tokens: int, dtype: torch.dtype) -> torch.Tensor:
    """What to add to scores so that no token sees a later one."""
    return torch.full((tokens, tokens), float("-inf"), dtype=dtype).triu(1)


def inner_model(model: Any) -> Any:
    """The transformers model, also below an adapter."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


AttentionInterface.register(_NAME, attend)
