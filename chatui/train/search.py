"""The searches of a workspace: start, watch, stop, resume.

A search is a job folder `searches/s1`, `searches/s2`, …, in a lane of its own: it takes no device,
it only queues one run after the other and waits for each.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from chatui.data.store import DatasetStore
from chatui.errors import BadSearch, CannotTrain
from chatui.jobs import Jobs
from chatui.model.catalog import STARTER, find_base
from chatui.train.config import TrainConfig
from chatui.train.runs import RunStore
from chatui.train.search_record import SearchOptions, SearchRecord
from chatui.train.search_space import Space, read_space, usual_space
from chatui.train.search_view import SearchView, view_search
from chatui.workspace import Workspace

WORKER = "chatui.train.search_worker"
KIND = "search"


class SearchStore:
    """All searches of a workspace."""

    def __init__(
        self, workspace: Workspace, jobs: Jobs, datasets: DatasetStore, runs: RunStore
    ) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._datasets = datasets
        self._runs = runs

    def space(self, parts: Sequence[str], start: TrainConfig, base: str = STARTER) -> Space:
        """The space of parts such as `lr` or `rank=4..32`; the usual one if there are none.

        Raises BadSearch, and UnknownBase.
        """
        parameters = find_base(base).parameters
        if not parts:
            return usual_space(start, parameters)
        return read_space(parts, start, parameters)

    def start(  # noqa: PLR0913 - what is searched, from what, on what, and how
        self,
        dataset_id: str,
        start: TrainConfig,
        base: str = STARTER,
        *,
        options: SearchOptions | None = None,
        space: Sequence[str] = (),
        key: str | None = None,
    ) -> str:
        """Queue a search that begins with some options; the same `key` twice is one search.

        Raises CannotTrain with every problem of its first run, or BadSearch.
        """
        options = options or SearchOptions()
        if not options.trials and not options.minutes:
            raise BadSearch("trials and minutes are both 0, so it would never begin; set one")
        if start.privacy_epsilon:
            raise BadSearch(
                "each run of it would spend an ε of its own, and together they keep no promise; "
                "set privacy ε to 0"
            )
        if problems := self._runs.problems(dataset_id, start, base):
            raise CannotTrain([problem.sentence for problem in problems])
        record = SearchRecord(
            dataset=dataset_id,
            base=base.strip(),
            start=start,
            space=self.space(space, start, base),
            options=options,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

        def make_folder() -> Path:
            folder = self._workspace.new_folder("searches", "s")
            record.write(folder)
            return folder

        return self._jobs.submit(KIND, WORKER, make_folder, key=key).name

    def view(self, search_id: str) -> SearchView:
        """How a search stands; raises NotFound."""
        folder = self._workspace.existing("searches", search_id)
        return view_search(folder, self._jobs.view(folder))

    def all(self) -> list[SearchView]:
        """All searches, oldest first."""
        folders = [self._workspace.folder("searches", n) for n in self._workspace.names("searches")]
        return [
            view_search(folder, self._jobs.view(folder))
            for folder in folders
            if (folder / "search.json").exists()
        ]

    def stop(self, search_id: str) -> None:
        """Ask a search to stop, and with it the run that it waits for; both can be resumed."""
        self._jobs.stop(self._workspace.existing("searches", search_id))

    def resume(self, search_id: str) -> None:
        """Go on with a search, and with the run that it waited for; raises JobNotResumable."""
        self._jobs.resume(self._workspace.existing("searches", search_id))

    def revive(self) -> list[str]:
        """Go on with searches that were cut off with their machine or process; returns which.

        Who presses Stop has stopped it; nobody has decided that one should end with a power cut.
        """
        cut_off = [search for search in self.all() if search.job.state == "interrupted"]
        for search in cut_off:
            self.resume(search.id)
        return [search.id for search in cut_off]
