"""How far the adapter's gradients are from the truth: rows one by one, in float32, through PEFT.

A number of speed means nothing before these are right. All use the same 4-bit weights.
"""

from pathlib import Path
from typing import Any

import torch

from chatui.model import loading
from chatui.model.catalog import find_base
from chatui.model.encoding import EncodedRow
from chatui.model.packed import packs
from chatui.train.config import TrainConfig
from chatui.train.worker.adapting import with_adapter
from chatui.train.worker.batches import Limits
from chatui.train.worker.loss import plain_head
from chatui.train.worker.rows import collate, collate_step
from chatui.train.worker.trainer import ReplyTrainer
from chatui.train.worker.training import learning
from training_sides.models import read_rows


def errors(base: Path, rows_file: Path, rows: int) -> dict[str, float]:
    """Relative errors: of ours in both precisions, and of bfloat16 that is not packed."""
    some = read_rows(rows_file)[:rows]
    truth = _one_by_one(base, some, torch.float32)
    exact, fast = (_ours(base, some, dtype) for dtype in (torch.float32, torch.bfloat16))
    plain = _one_by_one(base, some, torch.bfloat16)
    return {
        "ours, float32": _far(exact, truth),
        "ours, bfloat16": _far(fast, truth),
        "unpacked, bfloat16": _far(plain, truth),
    }


def _one_by_one(base: Path, rows: list[EncodedRow], dtype: torch.dtype) -> torch.Tensor:
    model = _adapted(base, dtype)
    count = sum(sum(row.is_reply[1:]) for row in rows)
    for row in rows:
        read = collate([row], 0)
        targets = read.pop("labels")[:, 1:]
        read = {name: part.to(model.device) for name, part in read.items()}
        logits = model(**read, use_cache=False).logits[:, :-1].float()
        nats = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1),
            targets.flatten().to(model.device),
            ignore_index=-100,
            reduction="sum",
        )
        (nats / count).backward()
    return _gradients(model)


def _ours(base: Path, rows: list[EncodedRow], dtype: torch.dtype) -> torch.Tensor:
    model = _adapted(base, dtype)
    with learning(model, TrainConfig()):
        trainer = _Loss(plain_head(model))
        batches = collate_step(rows, 0, Limits(len(rows), 2048, packs(model)))
        count = sum(int((batch["labels"][:, 1:] >= 0).sum()) for batch in batches)
        for batch in batches:
            on_device = {
                name: part.to(model.device) if torch.is_tensor(part) else part
                for name, part in batch.items()
            }
            ReplyTrainer.compute_loss(trainer, model, on_device, False, count).backward()
        return _gradients(model)


class _Loss:
    """As much of a trainer as its loss asks for."""

    weighed = ReplyTrainer.weighed

    def __init__(self, head: Any) -> None:
        self._head, self._label_smoothing = head, 0.0
        self.nats, self.reply_tokens, self.tokens = 0.0, 0, 0


def _adapted(base: Path, dtype: torch.dtype) -> Any:
    before = loading.compute_dtype
    loading.compute_dtype = lambda: dtype
    try:
        model = with_adapter(loading.load_base(find_base(str(base))).model, TrainConfig()).train()
    finally:
        loading.compute_dtype = before
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zero at the start: then the other half has no gradient
            torch.nn.init.normal_(parameter, std=0.02)
    return model


def _gradients(model: Any) -> torch.Tensor:
    parts = [p.grad.float().flatten().cpu() for p in model.parameters() if p.grad is not None]
    return torch.cat(parts)


def _far(found: torch.Tensor, truth: torch.Tensor) -> float:
    return float((found - truth).norm() / truth.norm())
