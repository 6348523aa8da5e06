"""What a private run says as it goes: what it has spent, in its journal and its adapter's card."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from transformers import TrainerCallback

from chatui.errors import AdapterDoesNotLearn, PrivacyStateLost
from chatui.jobs import Task
from chatui.train.privacy import told
from chatui.train.record import RunRecord, adapter_folder
from chatui.train.worker.batches import evenly
from chatui.train.worker.private import Private
from chatui.train.worker.private_card import card
from chatui.train.worker.private_trainer import PrivateReplyTrainer
from chatui.train.worker.trainer import ReplyTrainer
from chatui.workspace import write_text

_TOLD = 20  # times that a run says what it has spent


def trainer_of(private: Private | None) -> Callable[..., ReplyTrainer]:
    """What trains a run: its Trainer, still without options."""
    return partial(PrivateReplyTrainer, private=private) if private else ReplyTrainer


def keep_books(task: Task, record: RunRecord, trainer: ReplyTrainer) -> None:
    """Account for the steps of a private run; after the callbacks that are there already."""
    if isinstance(trainer, PrivateReplyTrainer):
        trainer.add_callback(Ledger(task, record, trainer))


def close_books(trainer: ReplyTrainer, *, is_over: bool) -> None:
    """Take off what watches the model; a run that is over forgets its secret."""
    if isinstance(trainer, PrivateReplyTrainer):
        trainer.release()
        if is_over:
            trainer.private.forget()


class Ledger(TrainerCallback):
    """Journals ε, keeps the card true, and ends a run whose adapter does not move.

    The card is there before the adapter and begins with what the whole run may spend, so that an
    adapter that a kill leaves behind never claims too little.
    """

    def __init__(self, task: Task, record: RunRecord, trainer: PrivateReplyTrainer) -> None:
        self._task = task
        self._record = record
        self._trainer = trainer
        self._private = trainer.private
        mechanism = self._private.mechanism
        told_after = evenly(range(1, mechanism.steps + 1), _TOLD)
        # Before the first step, so that it does not count as time that a step took.
        self._spent_after = {step: mechanism.spent(step) for step in told_after}
        self._before: dict[str, torch.Tensor] | None = None
        self._has_moved = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Write the card for the whole run; the accountant must know every step that was taken."""
        if self._trainer.taken != state.global_step:
            raise PrivacyStateLost(
                f"{state.global_step} steps were taken and {self._trainer.taken} accounted for"
            )
        self._write_card(self._private.mechanism.steps)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Remember the adapter before the first step that has a learning rate."""
        rate = self._trainer.optimizer.param_groups[0]["lr"]
        if not self._has_moved and rate > 0:
            self._before = {n: p.detach().clone() for n, p in self._learned().items()}

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Look whether all has moved; tell what was spent when it is time, and at the end."""
        if self._before is not None:
            now = self._learned()
            still = [n for n, p in self._before.items() if torch.equal(p, now[n])]
            if still:
                raise AdapterDoesNotLearn(still)
            self._before, self._has_moved = None, True
        if state.global_step in self._spent_after or control.should_training_stop:
            self._tell(state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """The card of a run that is over, or rests, says what was really spent.

        A run that was killed may have kept an adapter of a step that lies behind its checkpoint.
        """
        done = [int(str(e["step"])) for e in self._task.journal.events() if e["kind"] == "step"]
        self._write_card(max([state.global_step, *done]))

    def _tell(self, step: int) -> None:
        mechanism = self._private.mechanism
        spent = self._spent_after.get(step) or mechanism.spent(step)
        self._task.journal.append("spent", step=step, epsilon=spent, delta=mechanism.delta)
        self._task.log(f"ε {told(spent)} of {told(mechanism.spent(mechanism.steps))} spent")

    def _write_card(self, steps: int) -> None:
        folder = adapter_folder(self._task.folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = card(self._private, self._record, self._trainer.base_name, steps)
        write_text(folder / "README.md", text)

    def _learned(self) -> Mapping[str, torch.Tensor]:
        return {n: p for n, p in self._trainer.model.named_parameters() if p.requires_grad}
