"""Several processes that train one run: who does what, what they agree on, what they add up.

All of them plan the same steps, and of each step they read different pieces. Gradients, losses and
measurements are sums over the processes, so that a run learns what one process alone would. One
process is a team too; for it, nothing here does anything.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from bitsandbytes.nn import Linear4bit
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel

from chatui.errors import CannotShard, OtherTeam, ProcessLost
from chatui.jobs import Task
from chatui.model.loading import device
from chatui.settings import Place
from chatui.train.record import RunRecord

_PATIENCE = timedelta(hours=1)  # the first one may quantise a large model, the others wait for it
# How gloo and NCCL say that another process is gone.
_LOST = ("closed by peer", "connection reset", "broken pipe", "remote process exited")

T = TypeVar("T")


class Team:
    """The processes that train a run together, as one of them sees it."""

    def __init__(self, place: Place, seed: int = 0) -> None:
        self.rank = place.rank
        self.processes = place.processes
        self._is_launched = place.is_launched
        self._seed = seed

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is nobody to agree with."""
        return not self._is_launched

    def share(self, items: Sequence[T]) -> list[T | None]:
        """What this process takes of a list; all get equally many, None where nothing is left.

        With a sharded model every process has to take part in every pass.
        """
        rounds = range(0, len(items), self.processes)
        mine = (start + self.rank for start in rounds)
        return [items[number] if number < len(items) else None for number in mine]

    def total(self, *numbers: float) -> list[float]:
        """Sums over all processes, in float64."""
        sums = torch.tensor(numbers, dtype=torch.float64)
        if not self.is_alone:
            dist.all_reduce(sums)
        return cast(list[float], sums.tolist())

    def agree(self, *answers: bool) -> list[bool]:
        """What the first process says: files and clocks may look different to the others."""
        said = torch.tensor(answers)
        if not self.is_alone:
            dist.broadcast(said, src=0)
        return cast(list[bool], said.tolist())

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes; the others get it from there."""
        made: list[Any] = [make() if self.is_first else None]
        if not self.is_alone:
            dist.broadcast_object_list(made, src=0)
        return cast(T, made[0])

    def one_first(self, make: Callable[[], T]) -> T:
        """What each process makes, the first one before the others: they find what it has kept."""
        made = make() if self.is_first else None
        self.wait()
        return cast(T, made) if self.is_first else make()

    def wait(self) -> None:
        """Until all are here."""
        if not self.is_alone:
            dist.barrier()

    def wrapped(self, model: Any) -> Any:
        """The model as it learns: gradients of the adapter are summed over the processes.

        From here on, each process draws random numbers of its own.
        """
        if self.is_alone:
            return model
        if self.rank:
            torch.manual_seed(self._seed + self.rank)
        frozen = [name for name, part in model.named_parameters() if not part.requires_grad]
        frozen += [name for name, _ in model.named_buffers()]
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, frozen)
        together = DistributedDataParallel(
            model,
            device_ids=_device_ids(),
            forward_sync_buffers=False,
            gradient_as_bucket_view=True,
        )
        together.register_comm_hook(None, _summed)
        return together


ALONE = Team(Place())


@contextmanager
def together(task: Task, record: RunRecord) -> Iterator[Team]:
    """Meet the other processes of a run; raises OtherTeam, and ProcessLost if one of them goes."""
    place = task.place
    if place.processes != record.processes:
        asked = f"This run asks for {record.processes} processes"
        raise OtherTeam(f"{asked}, and it was started with {place.processes}")
    team = Team(place, record.config.seed)
    if team.is_alone:
        yield team
        return
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.set_device(place.on_machine)
    dist.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=_PATIENCE)
    _refuse_another_world(dist.get_world_size(), place)
    try:
        yield team
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or any(w in str(error).lower() for w in _LOST):
            raise ProcessLost from error
        raise
    dist.destroy_process_group()


def sharded(model: Any) -> Any:
    """Divide the frozen weights of a PEFT model's blocks among the processes, in place (FSDP2).

    A block is whole only while it computes. The adapter, the embeddings and the head stay whole on
    each process, so what is saved is the same as without. Raises CannotShard.
    """
    inner = model.get_base_model()
    names = set(getattr(inner, "_no_split_modules", None) or ())
    blocks = [module for module in inner.modules() if type(module).__name__ in names]
    if not blocks:
        raise CannotShard(type(inner).__name__)
    learned = {part for part in model.parameters() if part.requires_grad}
    _bring(model, {id(p) for b in blocks for p in b.parameters()} - {id(p) for p in learned})
    mesh = init_device_mesh(device().type, (dist.get_world_size(),))
    for block in blocks:
        for layer in block.modules():
            if isinstance(layer, Linear4bit):  # it finds its scales there when a shard has none
                layer.quant_state = layer.weight.quant_state
                layer.weight = layer.weight.to(device())
        fully_shard(block, mesh=mesh, ignored_params=learned)
    fully_shard(inner, mesh=mesh, ignored_params=set(model.parameters()))  # lets blocks be fetched
    return model


def modules_made_whole(model: Any) -> Iterator[Any]:
    """All modules of a model; of a sharded one, each block is whole while its parts are given."""
    block = None
    for module in model.modules():
        if isinstance(module, FSDPModule):
            if block is not None:
                block.reshard()
            block = module
            module.unshard()
        yield module
    if block is not None:
        block.reshard()


def check_learns_together(model: Any, record: RunRecord, team: Team) -> str:
    """How the processes learn together, in words; raises OtherTeam if it is not as asked."""
    is_together = isinstance(model, DistributedDataParallel)
    is_sharded = any(isinstance(module, FSDPModule) for module in model.modules())
    if is_together == team.is_alone or is_sharded != record.sharded:
        found = f"together: {is_together}, sharded: {is_sharded}"
        raise OtherTeam(f"The model is not wrapped as this run asks ({found})")
    count = f"{record.processes} processes learn together"
    return f"{count}, the base model divided among them" if is_sharded else count


def _summed(
    state: None,
    bucket: dist.GradBucket,  # type: ignore[name-defined]
) -> torch.futures.Future[torch.Tensor]:
    """Sum the gradients: each loss is divided by the reply tokens of all processes already."""
    done = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
    return done.then(lambda future: future.value()[0])


def _bring(model: Any, but: set[int]) -> None:
    """Move the parameters, but for some, and the buffers of a model to where it computes."""
    for part in model.parameters():
        if id(part) not in but:
            part.data = part.data.to(device())
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device()))


def _device_ids() -> list[int] | None:
    return [torch.cuda.current_device()] if torch.cuda.is_available() else None


def _refuse_another_world(found: int, place: Place) -> None:
    if found != place.processes:
        raise OtherTeam(f"{place.processes} processes were started and {found} have met")
