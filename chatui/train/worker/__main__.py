"""Train the run in a folder: `python -m chatui.train.worker RUN_DIR`."""

import sys
import warnings
from pathlib import Path

from chatui.jobs import Task, run_job
from chatui.settings import quiet_environment


def work(task: Task) -> None:
    """Train the run of a job; torch is loaded only now, when the environment is set."""
    # Said by peft 0.21 about how it asks transformers: nothing that a user could change.
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
    from chatui.train.worker.training import train

    train(task)


if __name__ == "__main__":
    quiet_environment()
    sys.exit(run_job(Path(sys.argv[1]), work))
