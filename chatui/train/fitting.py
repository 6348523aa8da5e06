"""Whether a run fits into this machine's memory, told in words, and what would make it fit.

A run that waits its turn may take what the job before it gives back, so that counts as free.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatui.jobs import Jobs
from chatui.model.catalog import BaseModel
from chatui.train.config import TrainConfig
from chatui.train.hardware import Hardware
from chatui.train.memory import Verdict, free_memory_mb, held_mb, memory_for, verdict_of
from chatui.train.problem import Problem


@dataclass(frozen=True, slots=True)
class Fit:
    """What a run takes at its peak beside what there is for it, in MB."""

    base: BaseModel
    needed_mb: int
    free_mb: int | None  # None is not known
    is_measured: bool = False  # by five steps of it, and not only estimated

    @property
    def verdict(self) -> Verdict | None:
        """Whether it fits; None where nobody knows what is free."""
        return verdict_of(self.needed_mb, self.free_mb)

    @property
    def label(self) -> str:
        """A few words for a list of base models."""
        verdict = f"{self.verdict} · " if self.verdict else ""
        return f"{verdict}needs about {gigabytes(self.needed_mb)}"

    @property
    def warning(self) -> str:
        """What to know about a run that fits barely; empty for any other."""
        if self.verdict != "tight" or self.free_mb is None:
            return ""
        return (
            f"Memory is tight: {self.needs} and {gigabytes(self.free_mb)} {_IS_FREE}. It can "
            "start; if other programs take more meanwhile, the system may end it."
        )

    @property
    def needs(self) -> str:
        """How much it takes, and how that is known."""
        if self.is_measured:
            return f"five steps of this run took {gigabytes(self.needed_mb)}"
        return f"this run of {self.base.title} needs about {gigabytes(self.needed_mb)}"


_IS_FREE = "are free on this machine"


def available_mb(jobs: Jobs) -> int | None:
    """What the next run may take here: what is free, and what the running job gives back."""
    free = free_memory_mb()
    if free is None:
        return None
    return free + held_mb([job.process_id for job in jobs.on_the_device()])


def fit_of(
    config: TrainConfig, base: BaseModel, lengths: Sequence[int] | None, free_mb: int | None
) -> Fit | None:
    """The estimate for a run; None when the base model's shape is not known before a download.

    `lengths` are the tokens of the training rows, or None if they are not known either.
    """
    memory = memory_for(config, base, lengths=lengths or None, free_mb=free_mb)
    return Fit(base, memory.total_mb, free_mb) if memory else None


def too_large(
    fit: Fit,
    config: TrainConfig,
    lengths: Sequence[int] | None,
    offered: Sequence[BaseModel],
) -> Problem | None:
    """The problem of a run that does not fit, with each change that alone would make it fit."""
    if fit.verdict != "does not fit" or fit.free_mb is None:
        return None
    device = "of GPU memory " if Hardware.here().has_gpu else ""
    ways = list(_ways_out(fit, config, lengths, offered))
    needs = fit.needs[:1].upper() + fit.needs[1:]
    told = f"{needs} {device}and {gigabytes(fit.free_mb)} {_IS_FREE}."
    if not ways:
        return Problem("base", f"{told} Choose a smaller base model, or a machine with more.")
    return Problem("base", f"{told} It would fit with {_listed(ways)}.")


def gigabytes(megabytes: int) -> str:
    """As people read it: "1.3 GB"."""
    return f"{megabytes / 1024:.1f} GB"


def _ways_out(
    fit: Fit, config: TrainConfig, lengths: Sequence[int] | None, offered: Sequence[BaseModel]
) -> Iterator[str]:
    def fits(base: BaseModel, **changes: object) -> bool:
        found = fit_of(config.model_copy(update=changes), base, lengths, fit.free_mb)
        return found is not None and found.verdict != "does not fit"

    twice: dict[str, object] = {"activation_checkpointing": "on"}
    is_off = config.activation_checkpointing == "off"
    if is_off and fits(fit.base, **twice):
        yield "activation checkpointing on"
        twice, is_off = {}, False
    for option, least in (("max_length", 64), ("batch_tokens", 256)):
        halves = _halves(getattr(config, option), least)
        if value := next((n for n in halves if fits(fit.base, **twice, **{option: n})), None):
            too = " and activation checkpointing on" if is_off else ""
            yield f"{option.replace('_', ' ')} {value}{too}"
    smaller = [b for b in offered if (b.parameters or 0) < (fit.base.parameters or 10**12)]
    fitting = [base for base in smaller if fits(base)]
    if fitting:
        yield f"{max(fitting, key=lambda base: base.parameters or 0).title} as the base model"


def _halves(value: int, least: int) -> Iterator[int]:
    while (value := value // 2) >= least:
        yield value


def _listed(ways: Sequence[str]) -> str:
    return ways[0] if len(ways) == 1 else f"{', '.join(ways[:-1])} or {ways[-1]}"
