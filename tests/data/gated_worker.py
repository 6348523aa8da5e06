"""A cleaning worker for tests: waits at the phase that its dataset is called after.

Run as `python -m tests.data.gated_worker FOLDER`; the file `go` in the workspace lets it pass.
"""

import sys
import time
from pathlib import Path

from chatui.data import worker
from chatui.data.cleanings import CleaningJob
from chatui.data.progress import Progress
from chatui.jobs import Task, run_job


class GatedTeller(worker._Teller):
    def tell(self, progress: Progress) -> None:
        super().tell(progress)
        if progress.doing == CleaningJob.of_folder(self._task.folder).name:
            while not (self._task.folder.parent.parent / "go").exists():
                time.sleep(0.01)


def gated(task: Task) -> None:
    worker._Teller = GatedTeller
    worker.work(task)


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), gated))
