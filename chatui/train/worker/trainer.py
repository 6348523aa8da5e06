"""The Trainer that learns replies: exact loss, exact validation, and a journal of both."""

import math
import resource
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback

from chatui.errors import LossNotFinite
from chatui.jobs import Task
from chatui.model.encoding import EncodedRow
from chatui.model.likelihood import batch_likelihoods, batches_by_budget
from chatui.train.worker.batches import Limits
from chatui.train.worker.loss import plain_head, reply_loss, without_head
from chatui.train.worker.rows import collate_step
from chatui.train.worker.saving import mark_complete, save_adapter


class ReplyTrainer(Trainer):
    """Loss over reply tokens only, each token with the same weight whatever batch it is in."""

    def __init__(
        self, steps: list[list[int]], limits: Limits, pad_id: int, base_name: str, **options: Any
    ) -> None:
        super().__init__(**options)
        self.base_name = base_name
        self._steps = steps
        self._limits = limits
        self.pad_id = pad_id
        self._head = plain_head(self.model)
        # Both say to Trainer: `compute_loss` divides by the tokens of the whole step itself.
        self.model_accepts_loss_kwargs = True
        self.loss_is_scaled_for_ga = True
        self.nats = 0.0  # sums since `start_step`
        self.reply_tokens = 0
        self.tokens = 0

    def start_step(self) -> None:
        """Begin to count anew."""
        self.nats, self.reply_tokens, self.tokens = 0.0, 0, 0

    def get_train_dataloader(self) -> DataLoader:
        """The steps of the whole run, in their planned order; each is a list of batches."""
        return DataLoader(
            self.train_dataset,
            batch_sampler=self._steps,
            collate_fn=partial(collate_step, pad_id=self.pad_id, limits=self._limits),
        )

    def training_step(
        self, model: Any, inputs: Any, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Add up the gradients of the batches of a step; what it returns is their loss."""
        wanted = sum(int((batch["labels"][:, 1:] >= 0).sum()) for batch in inputs)
        losses = []
        for number, batch in enumerate(inputs, start=1):
            is_last = number == len(inputs)
            with nullcontext() if is_last else self.accelerator.no_sync(model):
                losses.append(super().training_step(model, batch, wanted))
        return torch.stack(losses).sum()

    def floating_point_ops(self, inputs: Any) -> int:
        """Nobody asks, and Trainer would not find the tokens in a list of batches."""
        return 0

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

        Logits are made at reply positions only, where the head allows it a few at a time, and the
        loss is taken in float32.
        """
        targets = inputs["labels"][:, 1:]
        wanted = torch.nn.functional.pad(targets >= 0, (0, 1))
        read = {name: part for name, part in inputs.items() if name != "labels"}
        truth = targets[targets >= 0]
        with nullcontext() if self._head is None else without_head(self._head):
            output = model(**read, logits_to_keep=wanted, use_cache=False)
        given = output.logits.reshape(len(truth), -1)
        count = len(truth) if num_items_in_batch is None else int(num_items_in_batch)
        if self._head is None:
            sum_ = torch.nn.functional.cross_entropy(given.float(), truth, reduction="sum")
            loss, nats = sum_ / count, float(sum_.detach())
        else:
            loss, nats = reply_loss(given, self._head, truth, count)
        self.nats += nats
        self.reply_tokens += len(truth)
        real = inputs.get("attention_mask", inputs["input_ids"].new_ones(inputs["input_ids"].shape))
        self.tokens += int(real.sum())
        return (loss, output) if return_outputs else loss


class Journalist(TrainerCallback):
    """Journals each step, evaluates and saves when it is time, and ends the run when asked to."""

    def __init__(
        self,
        *,
        task: Task,
        validation: Sequence[EncodedRow],
        evaluate_after: set[int],
        checkpoint_seconds: float,
        adapter: Path,
    ) -> None:
        self._task = task
        self._validation = dict(enumerate(validation))
        self._evaluate_after = evaluate_after
        self._checkpoint_seconds = checkpoint_seconds
        self._adapter = adapter
        self._saved_at = self._step_began = time.monotonic()
        self._learning_rate = 0.0
        self.trainer: ReplyTrainer
        self.best = _best_so_far(task) if (adapter / "adapter_model.safetensors").exists() else None
        self.was_stopped = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Measure what there is before the first step."""
        self._saved_at = self._step_began = time.monotonic()
        self._task.step(state.global_step, state.max_steps)
        if state.global_step == 0 and not _was_evaluated(self._task, 0):
            self._evaluate(0)
        self.trainer.start_step()
        self._step_began = time.monotonic()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Remember the learning rate before the schedule moves on; refuse what is not a number."""
        self._learning_rate = self.trainer.optimizer.param_groups[0]["lr"]
        if not math.isfinite(self.trainer.nats):
            raise LossNotFinite(state.global_step + 1, self._learning_rate)

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> Any:
        """Journal the step; evaluate, save or end when it is time."""
        trainer, step = self.trainer, state.global_step
        self._task.step(
            step,
            state.max_steps,
            loss=trainer.nats / max(1, trainer.reply_tokens),
            learning_rate=self._learning_rate,
            tokens=trainer.tokens,
            reply_tokens=trainer.reply_tokens,
            seconds=time.monotonic() - self._step_began,
            memory_mb=peak_memory_mb(),
        )
        self.was_stopped = self._task.should_stop and step < state.max_steps
        if step in self._evaluate_after and not self.was_stopped:
            self._evaluate(step)
        is_due = time.monotonic() - self._saved_at > self._checkpoint_seconds
        if self.was_stopped or is_due or step in self._evaluate_after:
            control.should_save = step < state.max_steps
        control.should_training_stop = self.was_stopped or step >= state.max_steps
        trainer.start_step()
        self._step_began = time.monotonic()
        return control

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Make the checkpoint count."""
        mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")
        self._task.journal.append("checkpoint", step=state.global_step)
        self._saved_at = self._step_began = time.monotonic()

    def keep_adapter(self) -> None:
        """Write the adapter as it is now."""
        save_adapter(self.trainer.model, self._adapter, self.trainer.base_name)

    def _evaluate(self, step: int) -> None:
        """Measure validation perplexity; the adapter that has the lowest is kept."""
        model = self.trainer.model
        loss, tokens = validation_loss(model, self._validation, self.trainer.pad_id)
        # Before the first step the adapter changes nothing: it is never the best.
        is_best = step > 0 and (self.best is None or loss < self.best)
        if is_best:
            self.keep_adapter()
            self.best = loss
        perplexity = math.exp(min(loss, 700.0))
        self._task.journal.append(
            "evaluation", step=step, loss=loss, perplexity=perplexity, tokens=tokens, best=is_best
        )
        self._task.log(f"validation perplexity {perplexity:.2f} at step {step}")


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


def _best_so_far(task: Task) -> float | None:
    losses = [
        float(str(event["loss"]))
        for event in task.journal.events()
        if event["kind"] == "evaluation" and event.get("best")
    ]
    return min(losses, default=None)


def _was_evaluated(task: Task, step: int) -> bool:
    events = task.journal.events()
    return any(event["kind"] == "evaluation" and event.get("step") == step for event in events)
