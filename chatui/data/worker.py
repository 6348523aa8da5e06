"""Make a version of a large file: the job behind the Data tab's Save.

Run as `python -m chatui.data.worker FOLDER`. There is a version at the end, or nothing: whoever
stops it waits for no more than what is being done at the moment.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatui.data.cleanings import CleaningJob, tidy
from chatui.data.prepare import prepare_whole
from chatui.data.progress import Progress
from chatui.data.store import DatasetStore
from chatui.errors import ChatUIError
from chatui.jobs import JobStopped, Task, run_job
from chatui.workspace import Workspace

STEPS = 1000
_SHARES = {"reading": (0.0, 0.8), "comparing": (0.8, 0.05), "writing": (0.85, 0.15)}
_LOOK_EVERY = 0.1  # seconds between two looks for Stop
_TELL_EVERY = 0.5  # seconds between two lines of the journal


def work(task: Task) -> None:
    """Read, clean and save."""
    job = CleaningJob.of_folder(task.folder)
    workspace = Workspace(task.folder.resolve().parent.parent)
    workspace.sweep()
    try:
        with _listening(task) as teller:
            prepared = prepare_whole(
                job.source(task.folder),
                job.recipe.options(),
                job.file,
                folder=task.folder,
                report=teller.tell,
            )
            store = DatasetStore(workspace)
            view = store.save_prepared(prepared, job.name, parent=job.parent, report=teller.tell)
    except (JobStopped, ChatUIError):
        tidy(task.folder)
        raise
    task.journal.append("saved", dataset=view.id)
    tidy(task.folder)


class _Teller:
    """Journals how far the work is, not too often, and heeds Stop."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._told, self._doing, self._step = 0.0, "", 0
        self.is_final = threading.Event()  # from here on it would be too late to stop

    def tell(self, progress: Progress) -> None:
        """Called for every few thousand rows."""
        self._task.raise_if_stopped()
        if progress.doing == "saving":
            self.is_final.set()
            self._task.raise_if_stopped()  # pressed in the very moment
            return
        now = time.monotonic()
        is_due = progress.doing != self._doing or now - self._told >= _TELL_EVERY
        if not is_due and progress.done < progress.total:
            return
        start, share = _SHARES[progress.doing]
        part = start + share * progress.done / max(1, progress.total)
        self._step = max(self._step, int(STEPS * part))  # where a file is read twice, it waits
        self._told, self._doing = now, progress.doing
        self._task.step(self._step, STEPS, rows=progress.rows, doing=progress.doing)


@contextmanager
def _listening(task: Task) -> Iterator[_Teller]:
    """End the work soon after Stop was pressed, also in the middle of a long comparison."""
    teller, ended = _Teller(task), threading.Event()

    def listen() -> None:
        while not ended.wait(_LOOK_EVERY):
            if task.should_stop and not teller.is_final.is_set():
                os.kill(os.getpid(), signal.SIGTERM)  # `run_job` raises JobStopped on it
                return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield teller
    finally:
        ended.set()
        listener.join()


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), work))
