"""Processes of jobs: start one detached, tell whether it lives, end it.

A process is known by its id and its create time together, so that a reused id is never taken for
ours; a zombie counts as dead.
"""

import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from chatui.settings import environment_with
from chatui.workspace import read_json, write_json

# A worker on another machine (a shared disk) can't be looked up here: it counts as alive while its
# heartbeat is younger than this many seconds. The worker writes one every five.
HEARTBEAT_LIMIT = 30.0

# Workers that this process started: asked now and then, so that they do not stay zombies.
_children: list[subprocess.Popen[bytes]] = []


def command(folder: Path, module: str) -> list[str]:
    """What starts a job's work: `python -m module folder`, under torchrun if several do it."""
    work, job = ["-m", module, str(folder)], folder / "job.json"
    processes = read_json(job).get("processes", 1) if job.exists() else 1
    if processes == 1:
        return [sys.executable, *work]
    # They meet on this machine alone: a free port of loopback, whatever its name resolves to.
    meeting = ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1"]
    count = f"--nproc-per-node={processes}"
    return [sys.executable, "-m", "torch.distributed.run", count, *meeting, *work]


def spawn(folder: Path, module: str, secrets: Mapping[str, str] | None = None) -> None:
    """Start a job's work in a session of its own; the app may end before it does.

    `secrets` are variables that it finds in its environment and that stand nowhere else.
    """
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            command(folder, module),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment_with(secrets) if secrets else None,
        )
    _children.append(process)
    claim(folder, process.pid)


def claim(folder: Path, pid: int) -> None:
    """Write down which process does the job."""
    try:
        created = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:  # it ended before we looked: its journal says how
        created = 0.0
    write_json(
        folder / "process.json", {"pid": pid, "created": created, "machine": _this_machine()}
    )
    beat(folder)


def beat(folder: Path) -> None:
    """Say that the worker still breathes."""
    (folder / "heartbeat").touch()


def is_alive(folder: Path) -> bool:
    """Whether the job's process is there: the same id and create time, and not a zombie."""
    path = folder / "process.json"
    if not path.exists():
        return False
    _children[:] = [child for child in _children if child.poll() is None]
    owner = read_json(path)
    if owner["machine"] != _this_machine():
        heartbeat = folder / "heartbeat"
        return heartbeat.exists() and time.time() - heartbeat.stat().st_mtime < HEARTBEAT_LIMIT
    return _process(folder) is not None


def terminate(folder: Path) -> None:
    """Ask the job's process to end (SIGTERM)."""
    if process := _process(folder):
        process.terminate()


def kill(folder: Path) -> None:
    """End the job's process, and those that it has started, without asking (SIGKILL)."""
    if process := _process(folder):
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                each.kill()


def _process(folder: Path) -> psutil.Process | None:
    owner = read_json(folder / "process.json")
    try:
        process = psutil.Process(int(str(owner["pid"])))
        same = abs(process.create_time() - float(str(owner["created"]))) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _this_machine() -> str:
    """A name for the pid namespace: host name and boot time."""
    return f"{platform.node()}@{psutil.boot_time():.0f}"
