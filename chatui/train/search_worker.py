"""Search as a job: `python -m chatui.train.search_worker FOLDER` queues a run and waits for it.

It loads no model. A trial that is under way when it is killed is found again by the mark in its
run's record, and goes on.
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from chatui.data.store import DatasetStore
from chatui.errors import CannotTrain, ChatUIError, NotFound, SearchFailed
from chatui.jobs import Jobs, JobStopped, Task, run_job
from chatui.settings import quiet_environment
from chatui.train.config import with_changes
from chatui.train.launching import Launch
from chatui.train.runs import RunStore
from chatui.train.search_record import SearchRecord
from chatui.train.search_space import options_of
from chatui.train.search_study import importances, is_hopeless, suggestion
from chatui.train.search_view import Trial, TrialState, searched_seconds, trials_in
from chatui.train.view import RunView
from chatui.workspace import Workspace

_EVERY = 1.0  # seconds between two looks at a run
_MOST_FAILURES = 3  # in a row: what fails so often fails for a reason that more trials won't mend


class Search:
    """One search, from where its journal stands to its end."""

    def __init__(self, task: Task, runs: RunStore, jobs: Jobs) -> None:
        self._task = task
        self._runs = runs
        self._jobs = jobs
        self._record = SearchRecord.read(task.folder)
        self._failures = 0

    def work(self) -> None:
        """Do trials until the budget is spent or all was tried; raises JobStopped, SearchFailed."""
        self._tell_progress()
        while (trial := self._under_way() or self._next()) is not None:
            self._follow(trial)
            self._tell_importances()
            self._tell_progress()

    def _trials(self) -> tuple[Trial, ...]:
        return trials_in(self._task.journal.events())

    def _under_way(self) -> Trial | None:
        return next((trial for trial in self._trials() if trial.state == "running"), None)

    def _next(self) -> Trial | None:
        self._task.raise_if_stopped()
        trials = self._trials()
        if self._is_spent(len(trials)):
            return None
        values = suggestion(self._record, trials)
        if values is None:
            self._task.log("All that lies inside of the limits was tried")
            return None
        self._task.journal.append("trial", trial=len(trials), values=values)
        return Trial(len(trials), values)

    def _is_spent(self, trials: int) -> bool:
        options = self._record.options
        if options.trials and trials >= options.trials:
            return True
        seconds = searched_seconds(self._task.journal.events())
        return bool(options.minutes) and seconds >= 60 * options.minutes

    def _follow(self, trial: Trial) -> None:
        """See a trial to its end, whoever began it."""
        try:
            run = self._run_of(trial)
            self._journal(trial, "queued", run=run)
            tried = ", ".join(f"{name} {value}" for name, value in trial.values.items())
            self._task.log(f"{trial.title} is {run}: {tried}")
            view = self._watched(trial, run)
        except (CannotTrain, NotFound, FileNotFoundError, ValidationError) as error:
            self._ended(trial, "failed", reason=_in_words(error))
            return
        if view.state == "finished" and view.validation_loss is not None:
            self._ended(trial, "complete", loss=view.validation_loss)
        elif view.is_pruned:
            self._ended(trial, "pruned", loss=view.validation_loss)
        else:
            self._ended(trial, "failed", reason=view.job.reason or view.sentence)

    def _run_of(self, trial: Trial) -> str:
        """The run of a trial: the one that was begun before a kill, going on, or a new one."""
        for run in self._runs.all():
            if run.trial != (self._task.folder.name, trial.number):
                continue
            if run.created_at < self._record.created_at:
                continue  # of a search that was deleted, and had the same name
            if not (run.job.folder / "job.json").exists():  # killed before it was queued
                self._runs.delete(run.id)
            else:
                if run.state in ("stopped", "interrupted") and not run.is_pruned:
                    self._runs.resume(run.id)
                return run.id
        record = self._record
        config = with_changes(record.start, options_of(trial.values, record.start, record.space))
        name = f"{self._task.folder.name} of {record.created_at}, trial {trial.number}"
        return self._runs.start(
            record.dataset,
            config,
            record.base,
            key=name,
            launch=Launch(trial=(self._task.folder.name, trial.number)),
        )

    def _watched(self, trial: Trial, run: str) -> RunView:
        """Wait for a run, journal its losses, and stop it where it does worse than others did."""
        before = tuple(each for each in self._trials() if each.number != trial.number)
        cut_off_at = -1
        while True:
            self._jobs.tend()
            view = self._runs.view(run)
            trial = self._measured(trial, view)
            if view.state == "interrupted" and view.step > cut_off_at:
                cut_off_at = view.step
                self._runs.resume(run)
            elif not view.job.is_active:
                return view
            elif self._is_to_end(view, before, trial):
                self._runs.prune(run)
                self._task.log(f"{trial.title} ({run}) does worse than others did by then")
            if self._task.should_stop:
                self._runs.stop(run)
                raise JobStopped
            time.sleep(_EVERY)

    def _is_to_end(self, view: RunView, before: tuple[Trial, ...], trial: Trial) -> bool:
        """Whether a run is to be stopped, and nobody has: a kill may come after the mark."""
        if (view.job.folder / "stop").exists():
            return False
        return view.is_pruned or is_hopeless(self._record, before, trial)

    def _measured(self, trial: Trial, view: RunView) -> Trial:
        losses = tuple(p.loss for p in view.curve if p.kind == "validation" and p.step > 0)
        for number in range(len(trial.measured) + 1, len(losses) + 1):
            self._journal(trial, "measured", number=number, loss=losses[number - 1])
        return replace(trial, measured=losses) if len(losses) > len(trial.measured) else trial

    def _ended(
        self,
        trial: Trial,
        state: TrialState,
        loss: float | None = None,
        reason: str | None = None,
    ) -> None:
        told: Mapping[str, object] = {"loss": loss, "reason": reason}
        self._journal(trial, "ended", state=state, **{k: v for k, v in told.items() if v})
        self._task.log(f"{trial.title} {state}" + (f": validation loss {loss:.4f}" if loss else ""))
        self._failures = self._failures + 1 if state == "failed" else 0
        if self._failures >= _MOST_FAILURES:
            raise SearchFailed(self._failures, reason or "")

    def _journal(self, trial: Trial, kind: str, **fields: object) -> None:
        self._task.journal.append(kind, trial=trial.number, **fields)

    def _tell_importances(self) -> None:
        if shares := importances(self._record, self._trials()):
            self._task.journal.append("importances", shares=shares)

    def _tell_progress(self) -> None:
        options, trials = self._record.options, self._trials()
        ended = sum(trial.state != "running" for trial in trials)
        if options.trials:
            self._task.step(ended, options.trials)
            return
        gone = searched_seconds(self._task.journal.events()) / 60
        self._task.step(min(round(gone), round(options.minutes)), max(1, round(options.minutes)))


def work(task: Task) -> None:
    """Search in the workspace that a task's folder belongs to."""
    workspace = Workspace(task.folder.resolve().parent.parent)
    jobs = Jobs(workspace.root)
    Search(task, RunStore(workspace, jobs, DatasetStore(workspace)), jobs).work()


def _in_words(error: Exception) -> str:
    if isinstance(error, ChatUIError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "Its run was deleted."
    return f"Its options contradict each other: {error}"


if __name__ == "__main__":
    quiet_environment()
    sys.exit(run_job(Path(sys.argv[1]), work))
