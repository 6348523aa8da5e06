"""The Trainer of a private run: one loss for each row, and a step made of disturbed gradients."""

import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer

from chatui.errors import CannotBePrivate
from chatui.train.worker.private import Private
from chatui.train.worker.private_gradients import RowGradients
from chatui.train.worker.trainer import ReplyTrainer


class PrivateReplyTrainer(ReplyTrainer):
    """Loss per row: the mean over its own reply tokens, whatever else is in the step.

    Divided by the tokens of the step, as otherwise, a row would change what all others teach, and
    shortening gradients would not bound what it gives away.
    """

    def __init__(self, *, private: Private, **options: Any) -> None:
        super().__init__(**options)
        self.private = private
        self.taken = 0  # steps that the accountant knows of
        self._refuse_what_breaks_it()
        self._rows = RowGradients(self.model, private.clip)

    def training_step(
        self, model: Any, inputs: Any, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Learn from the rows that were drawn, perhaps none; what it returns is their loss."""
        losses = [torch.zeros((), device=self.args.device)]
        for batch in inputs:
            with warnings.catch_warnings():
                # Said of the first layers, whose inputs are embeddings that never learn.
                warnings.filterwarnings("ignore", "Full backward hook is firing", UserWarning)
                losses.append(Trainer.training_step(self, model, batch, 1))
            self._rows.collect()
        mechanism, step = self.private.mechanism, self.state.global_step + 1
        self._rows.finish(mechanism.noise, mechanism.expected, self.private.noise(step))
        self.taken = step
        return torch.stack(losses).sum() / mechanism.expected

    def weighed(self, given: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Let the gradient of each reply token count one over the reply tokens of its row."""
        is_reply = targets >= 0
        shares = is_reply / is_reply.sum(1, keepdim=True).clamp(min=1)
        weights = shares[is_reply].unsqueeze(-1)
        if given.requires_grad:
            given.register_hook(lambda gradient: gradient * weights.to(gradient.dtype))
        return given

    def release(self) -> None:
        """Take the hooks off the model."""
        self._rows.close()

    def _clip_grad_norm(self, model: Any) -> Any:
        """How long the private gradient is; what bounds it happened row by row."""
        parts = [p.grad.norm() for p in model.parameters() if p.grad is not None]
        norm = torch.stack(parts).norm()
        self.gradient_norm = float(norm)
        return norm

    def _save_checkpoint(self, *what: Any, **how: Any) -> None:
        super()._save_checkpoint(*what, **how)
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        self.private.save(folder, self.taken)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self.taken = self.private.restored(Path(resume_from_checkpoint))
        super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _refuse_what_breaks_it(self) -> None:
        kwargs = self.args.activation_checkpointing_kwargs or {}
        if self.args.activation_checkpointing and not kwargs.get("use_reentrant"):
            raise CannotBePrivate(
                "activations that are computed twice without re-entering hide the gradients of "
                "single conversations",
                "Set activation checkpointing to off",
            )
        if self._limits.packs:
            raise CannotBePrivate(
                "conversations that are read end to end have one gradient for all",
                "Turn packing off",
            )
        if max(self.args.world_size, self.args.n_gpu) > 1:
            raise CannotBePrivate(
                "its steps are drawn and accounted for in one process on one GPU",
                "Start it in one process, with one GPU visible",
            )
