"""The Trainer that learns replies: exact loss, and exact validation."""

import resource
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer

from chatui.model.encoding import EncodedRow
from chatui.model.likelihood import batch_likelihoods, batches_by_budget
from chatui.model.packed import packs
from chatui.train.worker.regularizing import smoothed
from chatui.train.worker.rows import collate
from chatui.train.worker.saving import full_disk_in_words, save_adapter


class ReplyTrainer(Trainer):
    """Loss over reply tokens only, each token with the same weight whatever batch it is in."""

    def __init__(
        self,
        batches: list[list[int]],
        pad_id: int,
        base_name: str,
        *,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.base_name = base_name
        self._batches = batches
        self.pad_id = pad_id
        self._label_smoothing = label_smoothing
        # Both say to Trainer: `compute_loss` divides by the tokens of the whole step itself.
        self.model_accepts_loss_kwargs = True
        self.loss_is_scaled_for_ga = True
        self.nats = 0.0  # sums since `start_step`
        self.reply_tokens = 0
        self.tokens = 0
        self.gradient_norm = 0.0  # of the last step, before it was clipped

    def start_step(self) -> None:
        """Begin to count anew."""
        self.nats, self.reply_tokens, self.tokens = 0.0, 0, 0

    def get_train_dataloader(self) -> DataLoader:
        """The batches of the whole run, in their planned order."""
        return DataLoader(
            self.train_dataset,
            batch_sampler=self._batches,
            collate_fn=partial(collate, pad_id=self.pad_id, pack=packs(self.model)),
        )

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """What a checkpoint holds of the model: the adapter alone."""
        save_adapter(self.model, Path(output_dir or self.args.output_dir), self.base_name)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Sum the loss of the reply tokens, divided by the reply tokens of the whole step.

        Logits are made at reply positions only, and the loss is taken in float32.
        """
        targets = inputs["labels"][:, 1:]
        wanted = torch.nn.functional.pad(targets >= 0, (0, 1))
        read = {name: part for name, part in inputs.items() if name != "labels"}
        output = model(**read, logits_to_keep=wanted, use_cache=False)
        truth = targets[targets >= 0]
        nats = torch.nn.functional.cross_entropy(output.logits.float(), truth, reduction="sum")
        self.nats += float(nats.detach())
        self.reply_tokens += len(truth)
        real = inputs.get("attention_mask", inputs["input_ids"].new_ones(inputs["input_ids"].shape))
        self.tokens += int(real.sum())
        learned = smoothed(nats, output.logits.float(), self._label_smoothing)
        loss = learned / (num_items_in_batch if num_items_in_batch is not None else len(truth))
        return (loss, output) if return_outputs else loss

    def _save_checkpoint(self, *what: Any, **how: Any) -> None:
        """Save as Trainer does; a full disk is told as such."""
        with full_disk_in_words("the checkpoint"):
            super()._save_checkpoint(*what, **how)

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip as Trainer does, and remember how long the gradient was."""
        norm = super()._clip_grad_norm(model)
        self.gradient_norm = float(norm)
        return norm


def validation_loss(model: Any, rows: dict[int, EncodedRow], pad_id: int) -> tuple[float, int]:
    """Nats per reply token, pooled over all rows, and the number of those tokens."""
    was_training = model.training
    model.eval()
    try:
        sums = [
            likelihood
            for keys in batches_by_budget(rows, model.config.vocab_size)
            for likelihood in batch_likelihoods(model, [rows[key] for key in keys], pad_id)
        ]
    finally:
        model.train(was_training)
    tokens = sum(count for _, count, _ in sums)
    return sum(nats for nats, _, _ in sums) / tokens, tokens


def peak_memory_mb() -> int:
    """The most memory that this process has held: of the GPU if it trains there, else of all."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10
