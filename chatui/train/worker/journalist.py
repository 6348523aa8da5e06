"""The callback that keeps a run's journal: steps, measurements, sample replies, checkpoints.

It also decides when to measure, to save and to end.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from chatui.errors import LossNotFinite
from chatui.jobs import Event, JobStopped, Task
from chatui.train.record import RunRecord, adapter_folder, is_discarded
from chatui.train.worker.distributed import check_learns_together
from chatui.train.worker.saving import has_adapter, mark_complete, save_adapter
from chatui.train.worker.trainer import ReplyTrainer, peak_memory_mb


@dataclass(frozen=True, slots=True)
class Plan:
    """When something happens besides learning."""

    evaluate_after: frozenset[int]  # steps
    sample_after: frozenset[int]  # steps; replies are also made before the first
    checkpoint_seconds: float
    patience: int = 0  # measurements without a better one; 0 is without end
    begins_trained: bool = False  # whether the adapter has learned something before step 1


class Journalist(TrainerCallback):
    """Journals each step, evaluates and saves when it is time, and ends the run when asked to."""

    def __init__(
        self,
        task: Task,
        plan: Plan,
        *,
        validation: Sequence[Any],
        sources: Sequence[str | None] = (),
        sample: Callable[[Any], list[str]],
    ) -> None:
        self._task = task
        self._plan = plan
        self._validation = dict(enumerate(validation))
        self._sources = sources
        self._sample = sample
        self._adapter = adapter_folder(task.folder)
        self._saved_at = self._step_began = time.monotonic()
        self._learning_rate = 0.0
        self._worse = 0  # measurements since the best one
        self.trainer: ReplyTrainer
        self.best: float | None = None
        self.was_stopped = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Measure what there is before the first step."""
        self._saved_at = self._step_began = time.monotonic()
        self._task.step(state.global_step, state.max_steps)
        known = [e for e in _evaluations(self._task) if int(str(e["step"])) <= state.global_step]
        if has_adapter(self._adapter):
            self._remember(known)
        if state.global_step == 0 and not known:
            self._evaluate(0)
            self._read_samples(0)
        if not self.trainer.team.is_alone:
            record, team = RunRecord.read(self._task.folder), self.trainer.team
            self._task.log(check_learns_together(self.trainer.model_wrapped, record, team))
        self.trainer.start_step()
        self._step_began = time.monotonic()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Remember the learning rate before the schedule moves on; refuse what is not a number."""
        self._learning_rate = self.trainer.optimizer.param_groups[0]["lr"]
        if not math.isfinite(self.trainer.nats + self.trainer.gradient_norm):
            is_kept = has_adapter(self._adapter)
            raise LossNotFinite(state.global_step + 1, self._learning_rate, is_kept)

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> Any:
        """Journal the step; evaluate, save or end when it is time."""
        step, steps = state.global_step, state.max_steps
        self._journal_step(step, steps)
        is_due = time.monotonic() - self._saved_at > self._plan.checkpoint_seconds
        is_unwanted, should_stop, is_due = self.trainer.team.agree(
            is_discarded(self._task.folder), self._task.should_stop, is_due
        )
        if is_unwanted:
            raise JobStopped
        self.was_stopped = should_stop and step < steps
        is_time = step in self._plan.evaluate_after and not self.was_stopped
        if is_time:
            self._evaluate(step)
        if step in self._plan.sample_after and not self.was_stopped:
            self._read_samples(step)
        is_over = self._has_lost_patience(step, steps)
        if self.was_stopped or is_due or is_time:
            control.should_save = step < steps and not is_over
        control.should_training_stop = self.was_stopped or is_over or step >= steps
        self.trainer.start_step()
        self._step_began = time.monotonic()
        return control

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Make the checkpoint count, once all processes have written theirs."""
        self.trainer.team.wait()
        if self.trainer.team.is_first:
            mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")
        self._task.journal.append("checkpoint", step=state.global_step)
        self._saved_at = self._step_began = time.monotonic()

    def keep_adapter(self) -> None:
        """Write the adapter as it is now."""
        if self.trainer.team.is_first:
            save_adapter(self.trainer.model, self._adapter, self.trainer.base_name)

    def _journal_step(self, step: int, steps: int) -> None:
        trainer = self.trainer
        self._task.step(
            step,
            steps,
            loss=trainer.loss,
            learning_rate=self._learning_rate,
            gradient_norm=trainer.gradient_norm,
            tokens=trainer.tokens,
            reply_tokens=trainer.reply_tokens,
            seconds=time.monotonic() - self._step_began,
            memory_mb=peak_memory_mb(),
            **trainer.figures(),
        )

    def _remember(self, known: Sequence[Event]) -> None:
        """Go on from the measurements up to the checkpoint that is resumed from."""
        for event in {int(str(e["step"])): e for e in known}.values():
            is_best = bool(event.get("best"))
            if is_best:
                self.best = float(str(event["loss"]))
            self._worse = 0 if is_best or event["step"] == 0 else self._worse + 1

    def _evaluate(self, step: int) -> None:
        """Measure on the validation rows; the adapter that has the lowest loss is kept."""
        measured = self.trainer.measured(self._validation, self._sources)
        # A fresh adapter changes nothing before the first step: it is never the best.
        counts = step > 0 or self._plan.begins_trained
        is_best = counts and (self.best is None or measured.loss < self.best)
        if is_best:
            self.keep_adapter()
            self.best = measured.loss
        self._worse = 0 if is_best or step == 0 else self._worse + 1
        self._task.journal.append(
            "evaluation", step=step, loss=measured.loss, best=is_best, **measured.figures
        )
        self._task.log(f"{measured.words} at step {step}")

    def _read_samples(self, step: int) -> None:
        if replies := self._sample(self.trainer.model):
            self._task.journal.append("samples", step=step, replies=replies)

    def _has_lost_patience(self, step: int, steps: int) -> bool:
        if not self._plan.patience or self._worse < self._plan.patience or step >= steps:
            return False
        self._task.journal.append("ended_early", step=step, measurements=self._worse)
        self._task.log(f"Ended at step {step}: {self._worse} measurements without a better one")
        return True


def _evaluations(task: Task) -> list[Event]:
    return [event for event in task.journal.events() if event["kind"] == "evaluation"]
