"""Make the replies of base and tuned that a study needs and no score has made.

Run as `python -m chatui.replies.worker FOLDER`; the folder's `config.json` is a RepliesJob.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatui.data.store import DatasetStore
from chatui.errors import SetupChanged
from chatui.jobs import Task, run_job
from chatui.model.catalog import BaseModel, find_base
from chatui.replies.job import RepliesJob
from chatui.replies.store import ReplySet, ReplyStore
from chatui.workspace import Workspace


def work(task: Task, open_engine: Callable[[BaseModel], Any] | None = None) -> None:
    """Fill both sets; a resumed job goes on with the items that are missing."""
    job = RepliesJob.of_folder(task.folder)
    workspace = Workspace(task.folder.resolve().parent.parent)
    conversations = DatasetStore(workspace).conversations(job.dataset, job.split)
    if job.items is not None:
        conversations = [each for each in conversations if each.id in job.items]
    task.log("loading the model")
    engine = (open_engine or _open_engine)(find_base(job.base))
    adapter = engine.attach(workspace.root / job.adapter)
    if adapter != job.adapter_hash:
        raise SetupChanged("adapter", job.adapter)
    steps = 2 * len(conversations)
    for number, name in enumerate((None, adapter)):
        replies = ReplySet(job.test_hash, engine.model_hash(name), name, job.decoding)

        def progress(done: int, wanted: int, before: int = number * len(conversations)) -> None:
            task.step(before + done, steps)
            task.raise_if_stopped()

        ReplyStore(workspace).fill(engine, replies, conversations, progress)


def _open_engine(base: BaseModel) -> Any:
    from chatui.model.engine import Engine  # loads torch

    return Engine.open(base, decodes_only=True)


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), work))
