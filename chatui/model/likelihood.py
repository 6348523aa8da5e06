"""How likely replies are: negative log-likelihoods of their tokens, with logits in float32.

Logits are computed at reply positions only. Knows rows of token ids, not conversations. A sum in
nats over a corpus, divided by its tokens and exponentiated, is the perplexity; the mean of the
perplexities of items is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from chatui.model.encoding import EncodedRow
from chatui.model.packed import packed, packs

_LOGITS = 2**25  # numbers in one batch's logits: 128 MB in float32
_FEWEST_TOKENS, _MOST_TOKENS = 512, 8192


def batches_by_budget(rows: Mapping[int, EncodedRow], vocabulary: int) -> Iterator[list[int]]:
    """Keys of rows of similar length, the longest first; a batch's padded tokens are bounded."""
    budget = max(_FEWEST_TOKENS, min(_MOST_TOKENS, _LOGITS // vocabulary))
    keys = sorted(rows, key=lambda key: (-len(rows[key].ids), key))
    while keys:
        size = max(1, budget // len(rows[keys[0]].ids))
        yield keys[:size]
        keys = keys[size:]


@torch.no_grad()  # not inference mode: a model that trains goes on with what it caches
def batch_likelihoods(
    model: Any, rows: Sequence[EncodedRow], pad_id: int
) -> list[tuple[float, int, int]]:
    """For each row: nats over its reply tokens, their number, and how many were the likeliest."""
    inputs, targets = packed(rows) if packs(model) else padded(rows, pad_id)
    wanted = targets >= 0
    where = model.device
    logits = model(
        **{
            name: part.to(where) if torch.is_tensor(part) else part for name, part in inputs.items()
        },
        logits_to_keep=wanted.to(where),  # a mask: the logits come flat, row by row
        use_cache=False,
    ).logits
    flat = targets[wanted].to(where)
    losses, hits = [], []
    for part, truth in zip(logits.split(512), flat.split(512), strict=True):
        scores = part.float()
        losses.append(torch.nn.functional.cross_entropy(scores, truth, reduction="none"))
        hits.append(scores.argmax(dim=-1) == truth)
    counts = [sum(row.is_reply[1:]) for row in rows]
    nats = torch.cat(losses).double().cpu().split(counts)
    correct = torch.cat(hits).cpu().split(counts)
    return [
        (float(n.sum()), count, int(c.sum()))
        for n, count, c in zip(nats, counts, correct, strict=True)
    ]


def padded(rows: Sequence[EncodedRow], pad_id: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """What a model reads of rows padded on the right, and the token that each position predicts.

    The target is -100 wherever the next token is no reply's.
    """
    longest = max(len(row.ids) for row in rows)
    ids, mask, targets = [], [], []
    for row in rows:
        gap = longest - len(row.ids)
        following = zip(row.ids[1:], row.is_reply[1:], strict=True)
        ids.append(row.ids + [pad_id] * gap)
        mask.append([1] * len(row.ids) + [0] * gap)
        targets.append([t if is_reply else -100 for t, is_reply in following] + [-100] * (gap + 1))
    inputs = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
    return inputs, torch.tensor(targets)
