"""The Trainer that learns replies: exact loss, and exact validation."""

import resource
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer

from chatui.errors import LearnsAlone
from chatui.model.encoding import EncodedRow
from chatui.train.worker.batches import Limits
from chatui.train.worker.by_source import pooled, row_sums
from chatui.train.worker.distributed import ALONE, Team
from chatui.train.worker.loss import Aim, plain_head, reply_loss, without_head
from chatui.train.worker.measured import Measured, replies_measured
from chatui.train.worker.regularizing import smoothed
from chatui.train.worker.rows import collate_step
from chatui.train.worker.saving import full_disk_in_words, save_adapter


class ReplyTrainer(Trainer):
    """Loss over reply tokens only, each token with the same weight whatever batch it is in."""

    def __init__(
        self,
        steps: list[list[int]],
        limits: Limits,
        pad_id: int,
        base_name: str,
        *,
        team: Team = ALONE,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.team = team
        self.base_name = base_name
        self._steps = steps
        self._limits = limits
        self.pad_id = pad_id
        self._label_smoothing = label_smoothing
        # Both say to Trainer: `compute_loss` divides by the tokens of the whole step itself.
        self.model_accepts_loss_kwargs = True
        self.loss_is_scaled_for_ga = True
        self.nats = 0.0  # sums since `start_step`
        self.reply_tokens = 0
        self.tokens = 0
        self.gradient_norm = 0.0  # of the last step, before it was clipped

    @cached_property
    def _head(self) -> torch.nn.Linear | None:
        """The head, if its loss can be taken in parts; asked of the model as it reads a step."""
        return plain_head(self.model)

    def start_step(self) -> None:
        """Begin to count anew."""
        self.nats, self.reply_tokens, self.tokens = 0.0, 0, 0

    @property
    def loss(self) -> float:
        """Nats per reply token since `start_step`."""
        return self.nats / max(1, self.reply_tokens)

    def figures(self) -> dict[str, float]:
        """What else is journalled of a step."""
        return {}

    def measured(self, rows: Mapping[int, Any], sources: Sequence[str | None]) -> Measured:
        """What the model as it is now comes to on some rows."""
        return replies_measured(self.model, rows, sources, self.pad_id, team=self.team)

    def get_train_dataloader(self) -> DataLoader:
        """The steps of the whole run, in their planned order; each is a list of batches."""
        return DataLoader(
            self.train_dataset,
            batch_sampler=self._steps,
            collate_fn=partial(
                collate_step, pad_id=self.pad_id, limits=self._limits, team=self.team
            ),
        )

    def _wrap_model(self, model: Any, *how: Any, **options: Any) -> Any:
        """Several processes learn together in a way of ours, which needs no help of Trainer's."""
        if self.team.is_alone:
            return super()._wrap_model(model, *how, **options)
        if type(self) is not ReplyTrainer:  # its gradients may be no sums over rows
            raise LearnsAlone
        return self.team.wrapped(model)

    def training_step(
        self, model: Any, inputs: Any, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Add up the gradients of the batches of a step; what it returns is their loss."""
        mine = sum(int((batch["labels"][:, 1:] >= 0).sum()) for batch in inputs)
        wanted = int(self.team.total(mine)[0])
        losses = []
        for number, batch in enumerate(inputs, start=1):
            is_last = number == len(inputs)
            with nullcontext() if is_last else self.accelerator.no_sync(model):
                losses.append(super().training_step(model, batch, wanted))
        self.nats, *counts = self.team.total(self.nats, self.reply_tokens, self.tokens)
        self.reply_tokens, self.tokens = map(int, counts)
        return torch.stack(losses).sum()

    def floating_point_ops(self, inputs: Any) -> int:
        """Nobody asks, and Trainer would not find the tokens in a list of batches."""
        return 0

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """What a checkpoint holds of the model: the adapter alone."""
        if self.team.is_first:  # the others are asked as well
            save_adapter(self.model, Path(output_dir or self.args.output_dir), self.base_name)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Sum the loss of the reply tokens, divided by the reply tokens of the whole step.

        Logits are made at reply positions only, where the head allows it a few at a time, and the
        loss is taken in float32.
        """
        targets = inputs["labels"][:, 1:]
        wanted = torch.nn.functional.pad(targets >= 0, (0, 1))
        read = {name: part for name, part in inputs.items() if name != "labels"}
        truth = targets[targets >= 0]
        with nullcontext() if self._head is None else without_head(self._head):
            output = model(**read, logits_to_keep=wanted, use_cache=False)
        given = output.logits.reshape(len(truth), output.logits.shape[-1])
        given = self.weighed(given, targets)
        count = len(truth) if num_items_in_batch is None else int(num_items_in_batch)
        if self._head is None:
            scores = given.float()
            summed = torch.nn.functional.cross_entropy(scores, truth, reduction="sum")
            nats = float(summed.detach())
            loss = smoothed(summed, scores, self._label_smoothing) / count
        else:
            aim = Aim(truth, count, self._label_smoothing)
            loss, nats = reply_loss(given, self._head, aim)
        self.nats += nats
        self.reply_tokens += len(truth)
        real = inputs.get("attention_mask", inputs["input_ids"].new_ones(inputs["input_ids"].shape))
        self.tokens += int(real.sum()) if len(truth) else 0
        return (loss, output) if return_outputs else loss

    def weighed(self, given: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """What comes out at reply tokens, with their shares in what is learned: here all alike."""
        return given

    def _save_checkpoint(self, *what: Any, **how: Any) -> None:
        """Save as Trainer does; a full disk is told as such."""
        with full_disk_in_words("the checkpoint"):
            super()._save_checkpoint(*what, **how)

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip as Trainer does, and remember how long the gradient was."""
        norm = super()._clip_grad_norm(model)
        self.gradient_norm = float(norm)
        return norm


def validation_loss(
    model: Any, rows: dict[int, EncodedRow], pad_id: int, team: Team = ALONE
) -> tuple[float, int]:
    """Nats per reply token, pooled over all rows, and the number of those tokens."""
    return pooled(row_sums(model, rows, pad_id, team))


def peak_memory_mb() -> int:
    """The most memory that this process has held: of the GPU if it trains there, else of all."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10
