"""A worker for tests: counts to `steps` of its config, and ends as its config says.

It waits at each step until the file `go` allows the step, so that tests decide when it moves.
"""

import sys
import time
from pathlib import Path

from chatui.errors import ChatUIError
from chatui.jobs import Task, run_job
from chatui.workspace import read_json


def work(task: Task) -> None:
    config = read_json(task.folder / "config.json")
    steps = int(str(config["steps"]))
    done = int(sum(e["kind"] == "step" for e in task.journal.events()))
    for step in range(done + 1, steps + 1):
        while not _allowed(task.folder, step):
            if not config.get("deaf"):
                task.raise_if_stopped()
            time.sleep(0.01)
        task.step(step, steps)
    if config.get("fails"):
        raise ChatUIError(str(config["fails"]))
    if config.get("bug"):
        raise ZeroDivisionError("a bug")


def _allowed(folder: Path, step: int) -> bool:
    go = folder / "go"
    return go.exists() and int(go.read_text() or 0) >= step


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), work))
