"""The runs of a workspace: start, watch, stop, resume, continue, rename, delete.

A run is a job folder `runs/r1`, `runs/r2`, …; everything about it is read from there, so that a
page that is opened anew, or an app that was restarted, shows the same.
"""

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from chatui.conversation import RunId
from chatui.data.store import DatasetStore, DatasetView
from chatui.errors import CannotContinue, CannotTrain, ChatUIError, NotFound
from chatui.jobs import Jobs
from chatui.model.catalog import STARTER, find_base
from chatui.train.beginnings import Beginning, adapter_on_disk, beginning_of, unlike
from chatui.train.checks import find_problems
from chatui.train.config import OF_THE_ADAPTER, TrainConfig, changed_options, with_changes
from chatui.train.forecast import Forecast
from chatui.train.launching import (
    ALONE,
    Launch,
    is_sharded,
    launch_problems,
    leave_to_be_started,
    other_launch,
    torchrun_line,
)
from chatui.train.preferences import without_preferences
from chatui.train.preview import nothing_to_learn
from chatui.train.problem import Problem
from chatui.train.record import (
    RunRecord,
    discard_mark,
    first_adapter_folder,
    is_discarded,
    pruned_mark,
)
from chatui.train.remote import Elsewhere
from chatui.train.run_view import view_of
from chatui.train.view import RunView
from chatui.workspace import Workspace, slug, write_json

WORKER = "chatui.train.worker"
WATCHER = "chatui.train.remote"


class RunStore:
    """All runs of a workspace."""

    def __init__(self, workspace: Workspace, jobs: Jobs, datasets: DatasetStore) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._datasets = datasets
        self.forecast = Forecast(workspace, jobs, datasets)

    def problems(
        self,
        dataset_id: str,
        config: TrainConfig,
        base: str = STARTER,
        *,
        beginning: Beginning | None = None,
        launch: Launch = ALONE,
    ) -> list[Problem]:
        """Everything that keeps a run from starting, at once; nothing is loaded for it."""
        problems: list[Problem] = []
        dataset = found = None
        try:
            dataset = self._datasets.view(dataset_id)
        except ChatUIError as error:
            problems.append(Problem("dataset", str(error)))
        try:
            found = find_base(base)
        except ChatUIError as error:
            problems.append(Problem("base", str(error)))
        if dataset is None or found is None:
            return problems
        problems = find_problems(config, dataset, found)
        problems += unlike(config, base, beginning) if beginning else []
        more = [
            *launch_problems(launch, base, config),
            nothing_to_learn(self._datasets, dataset.id, found, config),
            without_preferences(self._datasets, dataset.id, config),
        ]
        if launch.is_on_one_device:
            more.append(self.forecast.too_large(dataset.id, config, found))
        return problems + [problem for problem in more if problem]

    def start(
        self,
        dataset_id: str,
        config: TrainConfig,
        base: str = STARTER,
        key: str | None = None,
        *,
        beginning: Beginning | None = None,
        launch: Launch = ALONE,
    ) -> RunId:
        """Queue a run of a dataset version; the same `key` twice is one run.

        With a `beginning` it goes on from that adapter instead of a fresh one. Raises CannotTrain
        with every problem at once. One that is not to be launched here is made, and waits to be
        started by hand.
        """
        if problems := self.problems(dataset_id, config, base, beginning=beginning, launch=launch):
            raise CannotTrain([problem.sentence for problem in problems])
        make_folder = self._folder_maker(
            self._datasets.view(dataset_id), config, base, beginning=beginning, launch=launch
        )
        count = launch.processes
        if launch.flavor:
            return RunId(self._jobs.submit("remote", WATCHER, make_folder, key=key).name)
        if launch.is_here:
            job = self._jobs.submit("train", WORKER, make_folder, key=key, processes=count)
            return RunId(job.name)
        folder = make_folder()
        leave_to_be_started(folder, WORKER, count)
        return RunId(folder.name)

    def beginning(self, name: str, base: str | None = None) -> Beginning:
        """The adapter of a run, or the one in a folder or of the Hub, to go on from.

        `base` is the base model that it was made on, where the adapter does not say so itself. One
        of the Hub is downloaded if it is not here yet. Raises CannotContinue.
        """
        name = name.strip()
        if name in self._workspace.names("runs"):
            view = self.view(name)
            if view.adapter is None or view.job.is_active:
                raise CannotContinue(name, f"it is {view.state} and has no final adapter yet")
            options = {option: getattr(view.config, option) for option in OF_THE_ADAPTER}
            return replace(beginning_of(view.adapter, name, view.base), options=options)
        return beginning_of(adapter_on_disk(name), name, base)

    def continue_run(
        self,
        run_id: str,
        changes: Mapping[str, object],
        dataset_id: str | None = None,
        key: str | None = None,
    ) -> RunId:
        """Queue a new run that begins with the adapter of another one; returns the new run's id.

        Options are those of the other run but for `changes`, on its dataset version or another
        one; optimizer and schedule begin anew. Raises CannotContinue, or CannotTrain.
        """
        beginning, before = self.beginning(run_id), self.view(run_id)
        config = with_changes(before.config, changes)
        if fixed := [n for n in OF_THE_ADAPTER if getattr(config, n) != getattr(before.config, n)]:
            raise CannotContinue(run_id, f"its adapter was made with another {', '.join(fixed)}")
        chosen = dataset_id or before.dataset
        return self.start(chosen, config, before.base, key, beginning=beginning)

    def view(self, run_id: str) -> RunView:
        """How a run stands; raises NotFound."""
        folder = self._workspace.existing("runs", run_id)
        return view_of(folder, self._jobs.view(folder))

    def all(self) -> list[RunView]:
        """All runs, oldest first; those that were stopped to be discarded are gone for good."""
        self._finish_discarding()
        folders = [self._workspace.folder("runs", n) for n in self._workspace.names("runs")]
        # A run that is being made has no record yet.
        return [
            view_of(folder, self._jobs.view(folder))
            for folder in folders
            if (folder / "config.json").exists()
        ]

    def stop(self, run_id: str) -> None:
        """Ask a run to stop: it saves what it needs to be resumed, and keeps its best adapter."""
        self._jobs.stop(self._workspace.existing("runs", run_id))

    def discard(self, run_id: str) -> None:
        """Stop a run and delete it, as soon as its worker has ended, with all it has learned."""
        folder = self._workspace.existing("runs", run_id)
        discard_mark(folder).touch()
        self._jobs.stop(folder)
        self._finish_discarding()

    def resume(self, run_id: str, launch: Launch | None = None) -> None:
        """Queue a run again from its last checkpoint, with other processes if they are named.

        Raises JobNotResumable, OtherNumber, or CannotTrain.
        """
        folder = self._workspace.existing("runs", run_id)
        self._jobs.resume(folder, other_launch(folder, WORKER, launch) if launch else None)
        pruned_mark(folder).unlink(missing_ok=True)

    def prune(self, run_id: str) -> None:
        """Stop a run for its search: others did better by then. It can be resumed all the same."""
        folder = self._workspace.existing("runs", run_id)
        pruned_mark(folder).touch()
        self._jobs.stop(folder)

    def rename(self, run_id: str, name: str) -> None:
        """Call a run something else; its id stays. Raises BadName."""
        slug(name)
        write_json(self._workspace.existing("runs", run_id) / "name.json", {"name": name.strip()})

    def delete(self, run_id: str) -> None:
        """Remove a run, its adapter included; raises JobIsActive while it waits or runs."""
        self._jobs.refuse_if_active(self._workspace.existing("runs", run_id))
        self._workspace.delete("runs", run_id)

    def disk_use(self, run_id: str) -> int:
        """Bytes that a run takes on disk."""
        return self._workspace.disk_use("runs", run_id)

    def seconds_for(
        self, dataset_id: str, config: TrainConfig, base: str = STARTER
    ) -> float | None:
        """About how many seconds such a run takes; None when nothing is known about the base."""
        return self.forecast.seconds(dataset_id, config, find_base(base), self.all())

    def measure(self, dataset_id: str, config: TrainConfig, base: str = STARTER) -> str:
        """Queue five steps of a run, to see what it takes; returns the measurement's name.

        Raises CannotTrain for what could not be started either.
        """
        if problems := self.problems(dataset_id, config, base):
            raise CannotTrain([problem.sentence for problem in problems])
        return self.forecast.measurements.start(dataset_id, config, find_base(base))

    def command(
        self,
        dataset_id: str,
        config: TrainConfig,
        base: str = STARTER,
        *,
        adapter: str = "",
        launch: Launch = ALONE,
    ) -> str:
        """The command line that does the same as Start."""
        words = ["python", "-m", "chatui", "train", dataset_id]
        words += ["--from-adapter", adapter] if adapter else []
        if base != STARTER:
            words += ["--base", base]
        if launch.processes > 1:
            words += ["--processes", str(launch.processes)]
        for name, value in changed_options(config).items():
            words += ["--set", f"{name}={value}"]
        return shlex.join(words)

    def by_hand(self, run_id: str) -> str:
        """What somebody types to start a run that was made to be started by hand."""
        folder = self._workspace.existing("runs", run_id)
        return torchrun_line(WORKER, folder, RunRecord.read(folder).processes)

    def _finish_discarding(self) -> None:
        for name in self._workspace.names("runs"):
            folder = self._workspace.folder("runs", name)
            if is_discarded(folder) and not self._jobs.view(folder).is_active:
                with suppress(NotFound, FileNotFoundError):  # another page was quicker
                    self._workspace.delete("runs", name)

    def _folder_maker(
        self,
        dataset: DatasetView,
        config: TrainConfig,
        base: str,
        *,
        beginning: Beginning | None = None,
        launch: Launch = ALONE,
    ) -> Callable[[], Path]:
        record = RunRecord(
            dataset=dataset.id,
            dataset_sha256=dataset.sha256,
            base=base.strip(),
            config=config,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            processes=launch.processes,
            sharded=is_sharded(launch, config, find_base(base)),
            continues=beginning.name if beginning else None,
            search=launch.trial[0] if launch.trial else None,
            trial=launch.trial[1] if launch.trial else None,
        )

        def make_folder() -> Path:
            folder = self._workspace.new_folder("runs", "r")
            if beginning is not None:  # a copy, so that the other one can be deleted or go on
                beginning.put(first_adapter_folder(folder))
            record.write(folder)
            if launch.flavor:
                Elsewhere(flavor=launch.flavor, hours=launch.hours).write(folder)
            return folder

        return make_folder
