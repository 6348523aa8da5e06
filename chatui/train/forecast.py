"""What a run would take of this machine: memory and seconds, measured or else estimated."""

from collections.abc import Iterable, Sequence

from chatui.data.store import DatasetStore
from chatui.jobs import Jobs
from chatui.model.catalog import BaseModel, bases_on_offer
from chatui.train.config import TrainConfig
from chatui.train.estimate import seconds_for, token_lengths
from chatui.train.fitting import Fit, available_mb, fit_of, too_large
from chatui.train.measurements import MeasurementStore
from chatui.train.problem import Problem
from chatui.train.view import RunView
from chatui.workspace import Workspace


class Forecast:
    """Asked before a run starts; loads nothing."""

    def __init__(self, workspace: Workspace, jobs: Jobs, datasets: DatasetStore) -> None:
        self._jobs = jobs
        self._datasets = datasets
        self.measurements = MeasurementStore(workspace, jobs, datasets)

    def fit(self, dataset_id: str | None, config: TrainConfig, base: BaseModel) -> Fit | None:
        """What a run takes of this machine's memory; None where nobody knows.

        Without a dataset version all rows are taken to be as long as they may be.
        """
        (fit,) = self.fits(dataset_id, config, [base])
        return fit

    def fits(
        self, dataset_id: str | None, config: TrainConfig, bases: Sequence[BaseModel]
    ) -> list[Fit | None]:
        """The same for several base models; the machine is asked once."""
        free = available_mb(self._jobs)
        if dataset_id is None:
            return [fit_of(config, base, None, free) for base in bases]
        lengths = token_lengths(self._datasets, dataset_id, "train")
        fits = []
        for base in bases:
            measured = self.measurements.found(dataset_id, config, base)
            fits.append(
                Fit(base, measured.memory_mb, free, is_measured=True)
                if measured
                else fit_of(config, base, lengths, free)
            )
        return fits

    def too_large(self, dataset_id: str, config: TrainConfig, base: BaseModel) -> Problem | None:
        """The problem of a run that does not fit, with what would make it fit."""
        fit = self.fit(dataset_id, config, base)
        lengths = token_lengths(self._datasets, dataset_id, "train")
        return too_large(fit, config, lengths, bases_on_offer()) if fit else None

    def seconds(
        self, dataset_id: str, config: TrainConfig, base: BaseModel, runs: Iterable[RunView]
    ) -> float | None:
        """Seconds of a run, as five of its steps were measured, or guessed from earlier runs."""
        if measured := self.measurements.found(dataset_id, config, base):
            return measured.seconds_of(config)
        return seconds_for(
            config, datasets=self._datasets, dataset_id=dataset_id, base=base, runs=runs
        )
