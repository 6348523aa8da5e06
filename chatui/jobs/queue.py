"""The queue of a workspace: which job is next, on disk and under a file lock.

There are lanes, in each of which one job runs at a time: what takes the device (training,
scoring, replies), what works on data alone, and searches, which queue trainings and wait for them.
So no file waits for a training to be cleaned. A run that is trained elsewhere takes no lane, and
waits for nobody.

Nobody has to be there for the queue to go on: a worker that ends starts the next one, and so does
any page or command that looks (`tend`). Stop is a flag file; a worker that does not heed it is
terminated, then killed, by whoever tends next.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict, cast

from filelock import FileLock

from chatui.errors import JobIsActive, JobNotResumable
from chatui.jobs.journal import JobView, Journal, view_job
from chatui.jobs.process import claim, kill, spawn, terminate
from chatui.jobs.secrets import lent
from chatui.workspace import read_json, write_json

TERMINATE_AFTER = 20.0  # seconds between the Stop flag and SIGTERM
KILL_AFTER = 40.0  # and SIGKILL
# Of a kind of job; all others take the device. A search only waits for its trials.
_LANES = {"clean": "data", "search": "search"}


def describe(folder: Path, kind: str, module: str, processes: int = 1) -> None:
    """Write down what a job is and how it is run."""
    several = {"processes": processes} if processes > 1 else {}
    write_json(folder / "job.json", {"kind": kind, "module": module, **several})


class _Queue(TypedDict):
    active: list[str]  # folders, relative to the workspace; one of a lane
    waiting: list[str]
    keys: dict[str, str]  # idempotency key → folder


class Jobs:
    """All jobs of a workspace; one of a lane runs at a time, the others wait in order."""

    def __init__(self, workspace_root: Path) -> None:
        self._root = workspace_root.resolve()
        self._file = self._root / "queue" / "default.json"
        self._lock = FileLock(self._file.with_suffix(".lock"))
        self._secrets: dict[str, Mapping[str, str]] = {}  # lent to a job that waits; on no disk

    @classmethod
    def of_folder(cls, folder: Path) -> "Jobs":
        """The queue that a job's folder belongs to: `WORKSPACE/KIND/NAME`."""
        return cls(folder.resolve().parent.parent)

    def submit(
        self,
        kind: str,
        module: str,
        make_folder: Callable[[], Path],
        *,
        key: str | None = None,
        processes: int = 1,
    ) -> Path:
        """Queue a job and start it if nothing runs in its lane; returns its folder.

        `module` is run as `python -m module FOLDER`, under torchrun where several `processes` do
        the work. `make_folder` makes and fills the folder. Two submits with the same idempotency
        `key` are one job: the second gets the first's folder.
        """
        with self._queue() as queue:
            known = queue["keys"].get(key) if key else None
            if known is not None and (self._root / known).is_dir():
                return self._root / known
            folder = make_folder()
            describe(folder, kind, module, processes)
            name = self._name(folder)
            self._remember(name)
            queue["waiting"].append(name)
            if key:
                queue["keys"][key] = name
            self._start_next(queue)
        return folder

    def resume(self, folder: Path, change: Callable[[], None] | None = None) -> None:
        """Queue a job again that was stopped, interrupted or has failed.

        `change` is called before it starts, when it is sure that the job can be resumed.
        """
        with self._queue() as queue:
            view = self._view(folder, queue)
            if view.is_active or view.state == "finished":
                raise JobNotResumable(view.name, view.state)
            if change is not None:
                change()
            (folder / "stop").unlink(missing_ok=True)
            self._remember(self._name(folder))
            queue["waiting"].append(self._name(folder))
            self._start_next(queue)

    def stop(self, folder: Path) -> None:
        """Ask a job to stop; one that still waits leaves the queue."""
        with self._queue() as queue:
            name = self._name(folder)
            if name in queue["waiting"]:
                queue["waiting"].remove(name)
                Journal(folder).append("stopped")
            elif self._view(folder, queue).state == "running":
                (folder / "stop").touch()

    def move(self, folder: Path, by: int) -> None:
        """Move a job that waits by so many places; below zero is sooner."""
        with self._queue() as queue:
            waiting, name = queue["waiting"], self._name(folder)
            if name in waiting:  # it may have begun meanwhile
                place = waiting.index(name)
                waiting.insert(max(0, place + by), waiting.pop(place))

    def view(self, folder: Path) -> JobView:
        """How a job stands."""
        return self._view(folder, self._read())

    def active(self) -> list[JobView]:
        """The running jobs, if any, then those that wait, in order."""
        queue = self._read()
        names = [*queue["active"], *queue["waiting"]]
        folders = [self._root / name for name in names]
        views = [self._view(folder, queue) for folder in folders if folder.is_dir()]
        return [view for view in views if view.is_active]

    def on_the_device(self) -> list[JobView]:
        """The running job that takes the device, if any."""
        running = [view for view in self.active() if view.state == "running"]
        return [view for view in running if self._lane(self._name(view.folder)) == "device"]

    def refuse_if_active(self, folder: Path) -> None:
        """Raise if a job still waits or runs: its folder must stay."""
        if self.view(folder).is_active:
            raise JobIsActive(folder.name)

    def tend(self, ended: Path | None = None) -> None:
        """Start the next job of each lane that is free; end a worker that does not heed Stop.

        `ended` is the folder of a worker that is about to exit and counts as gone already.
        """
        with self._queue() as queue:
            if ended is not None and self._name(ended) in queue["active"]:
                queue["active"].remove(self._name(ended))
            self._enforce_stop(queue)
            self._start_next(queue)

    def _start_next(self, queue: _Queue) -> None:
        queue["active"] = [name for name in queue["active"] if self._runs(self._root / name)]
        busy = {self._lane(name) for name in queue["active"]}
        for name in list(queue["waiting"]):
            if (self._root / name).is_dir():
                if (lane := self._lane(name)) in busy:
                    continue
                self._start(self._root / name)
                queue["active"].append(name)
                busy.add(lane)
            queue["waiting"].remove(name)

    def _start(self, folder: Path) -> None:
        # Ours until the worker has a process id: at no moment does the job look dead.
        claim(folder, os.getpid())
        Journal(folder).begin()
        module = str(read_json(folder / "job.json")["module"])
        if secrets := self._secrets.pop(self._name(folder), None):
            spawn(folder, module, secrets)
        else:
            spawn(folder, module)

    def _remember(self, name: str) -> None:
        if secrets := lent():
            self._secrets[name] = secrets

    def _enforce_stop(self, queue: _Queue) -> None:
        for name in queue["active"]:
            folder = self._root / name
            flag = folder / "stop"
            if not flag.exists() or not self._runs(folder):
                continue
            waited = time.time() - flag.stat().st_mtime
            if waited > KILL_AFTER:
                kill(folder)
            elif waited > TERMINATE_AFTER:
                terminate(folder)

    def _lane(self, name: str) -> str:
        kind = str(read_json(self._root / name / "job.json")["kind"])
        return name if kind == "remote" else _LANES.get(kind, "device")

    def _view(self, folder: Path, queue: _Queue) -> JobView:
        return view_job(folder, is_queued=self._name(folder) in queue["waiting"])

    def _runs(self, folder: Path) -> bool:
        return folder.is_dir() and view_job(folder).state == "running"

    def _name(self, folder: Path) -> str:
        return folder.resolve().relative_to(self._root).as_posix()

    def _read(self) -> _Queue:
        if not self._file.exists():
            return {"active": [], "waiting": [], "keys": {}}
        queue = cast(_Queue, read_json(self._file))
        if not isinstance(queue["active"], list):  # written when there was one lane
            queue["active"] = [queue["active"]] if queue["active"] else []
        return queue

    @contextmanager
    def _queue(self) -> Iterator[_Queue]:
        """The queue under its lock; written back only if it changed."""
        with self._lock:
            queue = self._read()
            before = repr(queue)
            try:
                yield queue
            finally:  # a start that fails must not make us forget the one before it
                if repr(queue) != before:
                    write_json(self._file, queue)
