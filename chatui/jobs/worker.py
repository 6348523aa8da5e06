"""The worker's side of a job: journal how it goes, breathe, listen for Stop, end in one line."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from chatui.errors import ChatUIError
from chatui.jobs.journal import Journal
from chatui.jobs.process import beat, claim
from chatui.jobs.queue import Jobs

HEARTBEAT_EVERY = 5.0


class JobStopped(Exception):
    """Raised inside a worker when somebody asked it to stop and it has saved what it had."""


class Task:
    """What a worker may do with its job: journal, and ask whether it should stop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(folder)

    def step(self, step: int, steps: int, **fields: object) -> None:
        """Journal progress."""
        self.journal.append("step", step=step, steps=steps, **fields)

    def log(self, text: str) -> None:
        """Journal a line for people."""
        self.journal.append("log", text=text)

    @property
    def should_stop(self) -> bool:
        """Whether Stop was pressed."""
        return (self.folder / "stop").exists()

    def raise_if_stopped(self) -> None:
        """End here if Stop was pressed: call it where everything worth keeping is saved."""
        if self.should_stop:
            raise JobStopped


def run_job(folder: Path, work: Callable[[Task], None]) -> int:
    """Do a job's work and journal its end; returns the exit status of the process.

    Whatever `work` returns with is `finished`; JobStopped (or SIGTERM) is `stopped`; everything
    else is `failed`, with the sentence of a ChatUIError or the kind of the bug. At the end the next
    job of the queue is started.
    """
    task = Task(folder)
    claim(folder, os.getpid())
    if not task.journal.is_open:  # run by hand: the queue would have begun it
        task.journal.begin()
    signal.signal(signal.SIGTERM, _raise_stopped)
    ended = threading.Event()
    threading.Thread(target=_keep_beating, args=(folder, ended), daemon=True).start()
    try:
        work(task)
    except JobStopped:
        task.journal.append("stopped")
        return 0
    except Exception as error:  # noqa: BLE001 - whatever happens, the journal says how it ended
        traceback.print_exc(file=sys.stderr)
        task.journal.append("failed", reason=in_words(error))
        return 1
    else:
        task.journal.append("finished")
        return 0
    finally:
        ended.set()
        Jobs.of_folder(folder).tend(ended=folder)


def in_words(error: Exception) -> str:
    """A failure in words a user can act on."""
    if isinstance(error, ChatUIError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return (
            "The machine ran out of memory. Choose a smaller base model, a smaller batch or "
            "shorter conversations, then resume or start again."
        )
    return (
        f"Something unexpected went wrong ({type(error).__name__}: {str(error)[:200]}). "
        "The log has the details; the job can be resumed."
    )


def _keep_beating(folder: Path, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_EVERY):
        if folder.exists():
            beat(folder)


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    raise JobStopped
