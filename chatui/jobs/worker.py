"""The worker's side of a job: journal how it goes, breathe, listen for Stop, end in one line.

Where several processes do the work under torchrun, the first of them keeps the journal. The others
write one line, if they fail; torchrun then ends all of them.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from chatui.errors import ChatUIError, ProcessLost
from chatui.jobs.journal import BEGINNINGS, Journal, Listener
from chatui.jobs.process import beat, claim
from chatui.jobs.queue import Jobs
from chatui.settings import Place, this_place

HEARTBEAT_EVERY = 5.0
_OTHER = "Process"  # how the line of a process that is not the first begins


class JobStopped(Exception):
    """Raised inside a worker when somebody asked it to stop and it has saved what it had."""


class Task:
    """What a worker may do with its job: journal, and ask whether it should stop."""

    def __init__(self, folder: Path, place: Place | None = None) -> None:
        self.folder = folder
        self.place = place or Place()
        self.journal = Journal(folder) if self.place.rank == 0 else Listener(folder)

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
    task = Task(folder, this_place())
    if task.place.rank:
        return _help(task, work)
    # The job lives as long as torchrun does, which ends when all processes have ended.
    claim(folder, os.getppid() if task.place.is_launched else os.getpid())
    if not task.journal.is_open:  # run by hand: the queue would have begun it
        task.journal.begin()
    signal.signal(signal.SIGTERM, _raise_stopped)
    ended = threading.Event()
    threading.Thread(target=_keep_beating, args=(task, ended), daemon=True).start()
    try:
        work(task)
    except JobStopped:
        if task.place.processes > 1 and not task.should_stop:  # torchrun ends us for another's sake
            task.journal.append("failed", reason=str(ProcessLost(_other_failure(task))))
            return 1
        task.journal.append("stopped")
        return 0
    except ProcessLost:
        task.journal.append("failed", reason=str(ProcessLost(_other_failure(task))))
        return 1
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


def _help(task: Task, work: Callable[[Task], None]) -> int:
    """The part of a process that is not the first: whatever ends it, the first one journals it."""
    threading.Thread(target=_keep_beating, args=(task, threading.Event()), daemon=True).start()
    try:
        work(task)
    except (JobStopped, ProcessLost):
        return 1
    except Exception as error:  # noqa: BLE001 - the first process can't know, so it is said here
        traceback.print_exc(file=sys.stderr)
        text = f"{_OTHER} {task.place.rank + 1}: {in_words(error)}"
        Journal(task.folder).append("log", text=text)
        return 1
    return 0


def _other_failure(task: Task) -> str | None:
    """What another process said when it failed; None if it was killed, or said nothing."""
    events = task.journal.events()
    began = max((n for n, e in enumerate(events) if e["kind"] in BEGINNINGS), default=0)
    said = [str(e["text"]) for e in events[began:] if e["kind"] == "log"]
    return next((text for text in said if text.startswith(_OTHER)), None)


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


def _keep_beating(task: Task, ended: threading.Event) -> None:
    parent = os.getppid()
    while not ended.wait(HEARTBEAT_EVERY):
        if task.place.is_launched and os.getppid() != parent:
            os._exit(1)  # torchrun was killed: nobody else would end its processes
        if task.place.rank == 0 and task.folder.exists():
            beat(task.folder)


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    raise JobStopped
