"""The runs of a workspace: start, watch, stop, resume, continue, rename, delete.

A run is a job folder `runs/r1`, `runs/r2`, …; everything about it is read from there, so that a
page that is opened anew, or an app that was restarted, shows the same.
"""

import shlex
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from chatui.conversation import RunId
from chatui.data.store import DatasetStore, DatasetView
from chatui.errors import CannotContinue, CannotTrain, ChatUIError, NotFound
from chatui.jobs import Jobs, JobView
from chatui.model.catalog import STARTER, find_base
from chatui.model.hashes import adapter_hash
from chatui.train.checks import find_problems
from chatui.train.config import OF_THE_ADAPTER, TrainConfig, changed_options, with_changes
from chatui.train.forecast import Forecast
from chatui.train.preview import nothing_to_learn
from chatui.train.problem import Problem
from chatui.train.record import (
    RunRecord,
    adapter_folder,
    discard_mark,
    first_adapter_folder,
    is_discarded,
    pruned_mark,
)
from chatui.train.view import Figures, RunView
from chatui.workspace import Workspace, read_json, slug, write_json

WORKER = "chatui.train.worker"


class RunStore:
    """All runs of a workspace."""

    def __init__(self, workspace: Workspace, jobs: Jobs, datasets: DatasetStore) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._datasets = datasets
        self.forecast = Forecast(workspace, jobs, datasets)

    def problems(self, dataset_id: str, config: TrainConfig, base: str = STARTER) -> list[Problem]:
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
        more = (
            nothing_to_learn(self._datasets, dataset.id, found, config),
            self.forecast.too_large(dataset.id, config, found),
        )
        return [*problems, *(problem for problem in more if problem)]

    def start(
        self,
        dataset_id: str,
        config: TrainConfig,
        base: str = STARTER,
        key: str | None = None,
        *,
        trial: tuple[str, int] | None = None,
    ) -> RunId:
        """Queue a run of a dataset version; the same `key` twice is one run.

        `trial` is the search that it belongs to, and its number there. Raises CannotTrain with
        every problem at once.
        """
        if problems := self.problems(dataset_id, config, base):
            raise CannotTrain([problem.sentence for problem in problems])
        make_folder = self._folder_maker(self._datasets.view(dataset_id), config, base, trial=trial)
        return RunId(self._jobs.submit("train", WORKER, make_folder, key=key).name)

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
        before = self.view(run_id)
        if before.adapter is None or before.job.is_active:
            raise CannotContinue(run_id, f"it is {before.state} and has no final adapter yet")
        config = with_changes(before.config, changes)
        if fixed := [n for n in OF_THE_ADAPTER if getattr(config, n) != getattr(before.config, n)]:
            raise CannotContinue(run_id, f"its adapter was made with another {', '.join(fixed)}")
        dataset_id = dataset_id or before.dataset
        if problems := self.problems(dataset_id, config, before.base):
            raise CannotTrain([problem.sentence for problem in problems])
        make_folder = self._folder_maker(
            self._datasets.view(dataset_id), config, before.base, continues=before
        )
        return RunId(self._jobs.submit("train", WORKER, make_folder, key=key).name)

    def view(self, run_id: str) -> RunView:
        """How a run stands; raises NotFound."""
        folder = self._workspace.existing("runs", run_id)
        return _view(folder, self._jobs.view(folder))

    def all(self) -> list[RunView]:
        """All runs, oldest first; those that were stopped to be discarded are gone for good."""
        self._finish_discarding()
        folders = [self._workspace.folder("runs", n) for n in self._workspace.names("runs")]
        # A run that is being made has no record yet.
        return [
            _view(folder, self._jobs.view(folder))
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

    def resume(self, run_id: str) -> None:
        """Queue a run again from its last checkpoint; raises JobNotResumable."""
        folder = self._workspace.existing("runs", run_id)
        self._jobs.resume(folder)
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

    def command(self, dataset_id: str, config: TrainConfig, base: str = STARTER) -> str:
        """The command line that does the same as Start."""
        words = ["python", "-m", "chatui", "train", dataset_id]
        if base != STARTER:
            words += ["--base", base]
        for name, value in changed_options(config).items():
            words += ["--set", f"{name}={value}"]
        return shlex.join(words)

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
        continues: RunView | None = None,
        trial: tuple[str, int] | None = None,
    ) -> Callable[[], Path]:
        record = RunRecord(
            dataset=dataset.id,
            dataset_sha256=dataset.sha256,
            base=base.strip(),
            config=config,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            continues=continues.id if continues else None,
            search=trial[0] if trial else None,
            trial=trial[1] if trial else None,
        )

        def make_folder() -> Path:
            folder = self._workspace.new_folder("runs", "r")
            if continues is not None and continues.adapter is not None:
                # A copy, so that the other run can be deleted or resumed.
                shutil.copytree(continues.adapter, first_adapter_folder(folder))
            record.write(folder)
            return folder

        return make_folder


def _view(folder: Path, job: JobView) -> RunView:
    record = RunRecord.read(folder)
    figures = Figures.of(job)
    adapter = adapter_folder(folder)
    has_adapter = (adapter / "adapter_model.safetensors").exists()
    best = figures.best or {}
    return RunView(
        id=RunId(folder.name),
        name=_name(folder),
        dataset=record.dataset,
        base=record.base,
        config=record.config,
        created_at=record.created_at,
        job=job,
        adapter=adapter if has_adapter else None,
        adapter_hash=adapter_hash(adapter) if has_adapter else None,
        train_loss=figures.train_loss,
        validation_loss=_number(best.get("loss")),
        validation_perplexity=_number(best.get("perplexity")),
        best_step=int(str(best["step"])) if best else None,
        base_perplexity=figures.base_perplexity,
        tokens_per_second=figures.tokens_per_second,
        peak_memory_mb=figures.peak_memory_mb,
        curve=figures.curve,
        continues=record.continues,
        trial=(record.search, record.trial or 0) if record.search else None,
        is_pruned=pruned_mark(folder).exists(),
    )


def _name(folder: Path) -> str:
    path = folder / "name.json"
    return str(read_json(path)["name"]) if path.exists() else folder.name


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
