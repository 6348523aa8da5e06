"""How many processes train a run together, and whether they divide the base model among them.

No torch: the page asks here. What they learn depends on neither, but for random numbers: each
process draws its own.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chatui.errors import CannotTrain, OtherNumber
from chatui.jobs import Journal, describe
from chatui.model.catalog import STARTER, BaseModel, find_base
from chatui.train.config import TrainConfig
from chatui.train.hardware import Hardware
from chatui.train.memory import memory_for
from chatui.train.problem import Problem
from chatui.train.record import RunRecord, has_begun


@dataclass(frozen=True, slots=True)
class Launch:
    """The processes of a run."""

    processes: int = 1
    sharded: bool | None = None  # None: as the estimate of memory asks
    is_here: bool = True  # else it is started by hand, on machines that are not known
    flavor: str | None = None  # of a machine of Hugging Face, where it is trained instead
    hours: float = 12.0  # after which that machine is given back
    trial: tuple[str, int] | None = None  # the search that it belongs to, and its number there

    @property
    def is_on_one_device(self) -> bool:
        """Whether it is this machine's memory that has to hold all of it."""
        return self.is_here and not self.flavor and self.processes == 1


ALONE = Launch()


def is_sharded(launch: Launch, config: TrainConfig, base: BaseModel) -> bool:
    """Whether the weights of the base model are divided among the processes of a run.

    Left to itself, only a model that does not fit on one GPU is: dividing costs time. Processes on
    one processor share its memory, and there it would have to be asked for.
    """
    if launch.sharded is not None or launch.processes == 1:
        return bool(launch.sharded)
    knows = Hardware.here().has_gpu and not launch.flavor
    memory = memory_for(config, base) if knows else None
    return memory is not None and memory.verdict == "does not fit"


def launch_problems(
    launch: Launch, base: str = STARTER, config: TrainConfig | None = None
) -> list[Problem]:
    """What keeps so many processes from starting, or a run from being trained elsewhere."""
    here, count = Hardware.here(), launch.processes
    if count < 1:
        return [Problem("processes", f"Processes is {count}. Set it to 1 or more.")]
    if launch.sharded and count == 1:
        sentence = "A model is sharded among several processes, and there is 1. Set processes to 2."
        return [Problem("processes", sentence)]
    if launch.flavor:
        return _problems_elsewhere(base)
    if count > 1 and config and (config.privacy_epsilon or config.method == "dpo"):
        what = "Privacy" if config.privacy_epsilon else "Learning from preferences"
        sentence = f"{what} takes one process, and there are {count}. Set processes to 1."
        return [Problem("processes", sentence)]
    most, what = (max(1, here.gpus), "GPU") if here.has_gpu else (here.cores, "core")
    if launch.is_here and count > most:
        s = "" if most == 1 else "s"
        return [
            Problem(
                "processes",
                f"Processes is {count} and this machine has {most} {what}{s}. Set it to {most} or "
                "less, or make a run that is started by hand on several machines (--prepare).",
            )
        ]
    return []


def _problems_elsewhere(base: str) -> list[Problem]:
    if base in (STARTER, "") or not Path(base).expanduser().exists():
        return []
    return [
        Problem(
            "base",
            f"{base} is a folder of this machine, which Hugging Face does not see. Name a model of "
            "the Hub, or 'starter'.",
        )
    ]


def other_launch(run: Path, module: str, launch: Launch) -> Callable[[], None]:
    """What writes down that a run goes on with other processes.

    Raises CannotTrain, or OtherNumber if that would make another run of it.
    """
    if problems := launch_problems(launch):
        raise CannotTrain([problem.sentence for problem in problems])
    record = RunRecord.read(run)
    draws = record.config.lora_dropout or record.config.neftune_noise
    if launch.processes != record.processes and draws and has_begun(run):
        raise OtherNumber(run.name, record.processes, launch.processes)
    divides = is_sharded(launch, record.config, find_base(record.base))
    changed = {"processes": launch.processes, "sharded": divides}

    def write() -> None:
        record.model_copy(update=changed).write(run)
        if not (run / "remote.json").exists():  # else what runs here is one process that watches
            describe(run, "train", module, launch.processes)

    return write


def leave_to_be_started(run: Path, module: str, processes: int) -> None:
    """Mark a run that was made as one that somebody starts by hand."""
    describe(run, "train", module, processes)
    Journal(run).append("log", text="Made to be started by hand")
    Journal(run).append("stopped")


def torchrun_line(module: str, folder: Path, processes: int) -> str:
    """What somebody types to start a run by hand on one machine."""
    if processes == 1:
        return shlex.join(["python", "-m", module, str(folder)])
    return shlex.join(["torchrun", "--nproc_per_node", str(processes), "-m", module, str(folder)])
