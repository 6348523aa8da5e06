"""Open the stores of a workspace, once, and wire them together: the only place that does."""

import time
from dataclasses import dataclass
from functools import partial

from chatui.chat.feedback import FeedbackStore
from chatui.data.cleanings import CleaningStore
from chatui.data.store import DatasetStore
from chatui.database import open_database
from chatui.jobs import Jobs
from chatui.model.remote import RemoteEngine
from chatui.model.room import room_wanted
from chatui.model.shelf import ModelShelf, Remote
from chatui.rate.store import StudyStore
from chatui.replies.store import ReplyStore
from chatui.score.store import ScoreStore
from chatui.settings import Settings
from chatui.train.runs import RunStore
from chatui.train.search import SearchStore
from chatui.workspace import Workspace

_SECONDS_BETWEEN_LOOKS = 10  # at a database that does not say when it changed


@dataclass(frozen=True, slots=True)
class Services:
    """What the page and the command line work with; no torch is loaded by opening it."""

    settings: Settings
    workspace: Workspace
    jobs: Jobs
    datasets: DatasetStore
    cleanings: CleaningStore
    runs: RunStore
    searches: SearchStore
    replies: ReplyStore
    scores: ScoreStore
    studies: StudyStore
    feedback: FeedbackStore
    models: ModelShelf

    def news(self) -> str:
        """A text that differs whenever a page may have something else to show.

        It is cheap: of files it asks when they changed, and reads the running job's journal alone.
        A database outside the workspace can't be asked so: it counts as changed now and then.
        """
        jobs = [(job.name, job.state) for job in self.jobs.active()]
        elsewhere = time.time() // _SECONDS_BETWEEN_LOOKS if self.settings.database_url else 0
        return f"{self.workspace.stamp()} {elsewhere} {jobs}"

    @classmethod
    def open(cls, settings: Settings) -> "Services":
        """Open (or make) the workspace, with the sample dataset in it."""
        workspace = Workspace(settings.workspace)
        workspace.sweep()
        jobs = Jobs(workspace.root)
        datasets = DatasetStore(workspace)
        datasets.ensure_sample()
        runs = RunStore(workspace, jobs, datasets)
        replies = ReplyStore(workspace)
        database = open_database(settings.database_url or workspace.database_file)
        return cls(
            settings=settings,
            workspace=workspace,
            jobs=jobs,
            datasets=datasets,
            cleanings=CleaningStore(workspace, jobs),
            runs=runs,
            searches=SearchStore(workspace, jobs, datasets, runs),
            replies=replies,
            scores=ScoreStore(workspace, jobs, datasets, runs),
            studies=StudyStore(database, workspace, jobs, datasets, runs, replies),
            feedback=FeedbackStore(database),
            models=ModelShelf(
                room_wanted=partial(room_wanted, workspace.room_file), remote=_remote(settings)
            ),
        )


def _remote(settings: Settings) -> Remote | None:
    """What answers where the settings name a server."""
    if (address := settings.engine_url) is None:
        return None
    key = settings.engine_key.get_secret_value() if settings.engine_key else None
    return lambda base: RemoteEngine(address, base, key)
