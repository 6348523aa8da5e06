"""The training worker for tests that compare numbers, alone or under torchrun.

It computes in float32, uses the layers that keep little also in a tiny model, writes down what each
step has learned, and waits at the step that the file `hold` of the workspace names.
"""

import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import save_file

from chatui.jobs import Task, run_job
from chatui.model import loading
from chatui.settings import quiet_environment
from chatui.train.worker import thrift, training
from chatui.train.worker.journalist import Journalist
from chatui.train.worker.trainer import ReplyTrainer


def gradients_folder(run: Path) -> Path:
    """Where the gradients of each step are, before they were clipped."""
    return run / "gradients"


def train_precisely(task: Task) -> None:
    """Train the run of a task, as the docstring above says."""
    clip, end_step = ReplyTrainer._clip_grad_norm, Journalist.on_step_end
    folder = gradients_folder(task.folder)
    folder.mkdir(exist_ok=True)

    def keep_and_clip(self: ReplyTrainer, model: Any) -> Any:
        named = {n.removeprefix("module."): p.grad for n, p in model.named_parameters()}
        found = {n: g.clone() for n, g in named.items() if g is not None}
        save_file(found, folder / f"{self.state.global_step + 1}-{task.place.rank}")
        return clip(self, model)

    def end_step_when_allowed(self: Journalist, args: Any, state: Any, *more: Any, **how: Any):
        hold = task.folder.parent.parent / "hold"
        if hold.exists() and state.global_step == int(hold.read_text()) and not task.place.rank:
            task.journal.append("held")
            while hold.exists():
                time.sleep(0.01)
        return end_step(self, args, state, *more, **how)

    with (
        patch.object(loading, "compute_dtype", lambda: torch.float32),
        patch.object(thrift, "_WORTH_THRIFT", 0),
        patch.object(ReplyTrainer, "_clip_grad_norm", keep_and_clip),
        patch.object(Journalist, "on_step_end", end_step_when_allowed),
    ):
        training.train(task)


if __name__ == "__main__":
    quiet_environment()
    sys.exit(run_job(Path(sys.argv[1]), train_precisely))
