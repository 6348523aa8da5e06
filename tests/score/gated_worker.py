"""A score worker for tests: each answer waits until the file `go` allows it, and is written down.

Run as `python -m tests.score.gated_worker SCORE_DIR`.
"""

import sys
import time
from pathlib import Path

from chatui.jobs import Task, run_job
from chatui.model.catalog import BaseModel
from chatui.model.requests import Item, Likelihood, Reply, Request
from chatui.score.worker import work
from tests.fakes import FakeEngine


class GatedEngine(FakeEngine):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _reply(self, request: Request) -> Reply:
        self._wait("reply", request.adapter, request.turns[-1].text)
        return super()._reply(request)

    def _likelihood(self, item: Item) -> Likelihood:
        self._wait("likelihood", item.adapter, item.turns[0].text)
        return super()._likelihood(item)

    def _wait(self, kind: str, adapter: str | None, text: str) -> None:
        asked = self._folder / "asked"
        done = len(asked.read_text().splitlines()) if asked.exists() else 0
        while int((self._folder / "go").read_text() or 0) <= done:
            time.sleep(0.01)
        with asked.open("a") as file:
            file.write(f"{kind} {'tuned' if adapter else 'base'} {text}\n")


def measure(task: Task) -> None:
    def open_engine(base: BaseModel) -> GatedEngine:
        return GatedEngine(task.folder)

    work(task, open_engine)


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), measure))
