"""Rehearse the run in a folder: `python -m chatui.train.worker.rehearsing FOLDER`.

It is the run itself with five steps, and keeps its journal alone.
"""

import shutil
import sys
from pathlib import Path

from chatui.jobs import Task, run_job
from chatui.settings import quiet_environment
from chatui.train.record import adapter_folder, checkpoints_folder
from chatui.train.worker.__main__ import work


def rehearse(task: Task) -> None:
    """Do a few steps and remove what they leave behind."""
    try:
        work(task)
    finally:
        for folder in (adapter_folder(task.folder), checkpoints_folder(task.folder)):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    quiet_environment()
    sys.exit(run_job(Path(sys.argv[1]), rehearse))
