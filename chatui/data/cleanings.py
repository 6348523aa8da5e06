"""Versions that are made by jobs, because their files are large: start, watch, stop.

A cleaning is a job folder `cleanings/c1`, `cleanings/c2`, …: `config.json` says of what file, by
what recipe and as what dataset. An uploaded file waits in the folder and goes with the work's end.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel

from chatui.data.recipe import Recipe
from chatui.jobs import Jobs, JobView
from chatui.workspace import Workspace, disk_full_in_words, read_json, slug, write_json

WORKER = "chatui.data.worker"
_INPUT = "input"  # the folder's own copy of the file


class CleaningJob(BaseModel, frozen=True):
    """What a worker has to know to make a version of a file."""

    path: str | None  # of the file; None is the folder's own copy
    file: str  # what the user calls it
    name: str  # of the dataset
    recipe: Recipe
    parent: str | None = None  # the version it is made from

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """Read the job of a folder."""
        return cls.model_validate(read_json(folder / "config.json"))

    def source(self, folder: Path) -> Path:
        """Where the file is."""
        return folder / _INPUT if self.path is None else Path(self.path)


@dataclass(frozen=True, slots=True)
class CleaningView:
    """How the making of a version stands."""

    id: str
    file: str
    name: str  # of the dataset
    job: JobView
    rows: int  # read so far, or written
    doing: str  # in a word; "" before anything is known
    dataset: str | None  # the version, once it is saved


class CleaningStore:
    """All cleanings of a workspace."""

    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._workspace, self._jobs = workspace, jobs

    def start(self, job: CleaningJob, upload: Path | None = None, key: str | None = None) -> str:
        """Queue the making of a version; the same `key` twice is one job.

        `upload` is a file that may vanish, and is kept until the work has ended. Raises BadName.
        """
        slug(job.name)
        with self._workspace.staging("cleanings") as folder:
            write_json(folder / "config.json", job.model_dump(mode="json"))
            if upload is not None:
                _keep(upload, folder / _INPUT)

            def make_folder() -> Path:
                return folder.rename(self._workspace.new_folder("cleanings", "c"))

            return self._jobs.submit("clean", WORKER, make_folder, key=key).name

    def view(self, cleaning_id: str) -> CleaningView:
        """How a cleaning stands; raises NotFound."""
        return self._view(self._workspace.existing("cleanings", cleaning_id))

    def all(self) -> list[CleaningView]:
        """All cleanings, oldest first."""
        names = self._workspace.names("cleanings")
        folders = [self._workspace.folder("cleanings", name) for name in names]
        return [self._view(folder) for folder in folders if (folder / "config.json").exists()]

    def stop(self, cleaning_id: str) -> None:
        """Ask a cleaning to stop; nothing of it is kept."""
        folder = self._workspace.existing("cleanings", cleaning_id)
        self._jobs.stop(folder)
        if not self._jobs.view(folder).is_active:  # it was waiting: no worker will tidy up
            tidy(folder)

    def resume(self, cleaning_id: str) -> None:
        """Begin a cleaning again that was interrupted; raises JobNotResumable."""
        self._jobs.resume(self._workspace.existing("cleanings", cleaning_id))

    def delete(self, cleaning_id: str) -> None:
        """Forget a cleaning and its copy of the file; raises JobIsActive while it runs."""
        self._jobs.refuse_if_active(self._workspace.existing("cleanings", cleaning_id))
        self._workspace.delete("cleanings", cleaning_id)
        self._workspace.sweep()

    def _view(self, folder: Path) -> CleaningView:
        job = CleaningJob.of_folder(folder)
        view = self._jobs.view(folder)
        step = next((event for event in reversed(view.events) if event["kind"] == "step"), {})
        saved = next((e for e in reversed(view.events) if e["kind"] == "saved"), {})
        return CleaningView(
            id=folder.name,
            file=job.file,
            name=job.name,
            job=view,
            rows=int(str(step.get("rows", 0))),
            doing=str(step.get("doing", "")),
            dataset=str(saved["dataset"]) if saved else None,
        )


def tidy(folder: Path) -> None:
    """Remove a cleaning's own copy of its file: its work has ended."""
    (folder / _INPUT).unlink(missing_ok=True)


def _keep(upload: Path, target: Path) -> None:
    """A second name for the file, or a copy where the disk knows none."""
    try:
        os.link(upload, target)
    except OSError:
        with disk_full_in_words(upload.name):
            shutil.copyfile(upload, target)
