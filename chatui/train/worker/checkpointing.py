"""Whether a run computes its activations twice instead of keeping them: what "auto" comes to."""

import torch
from psutil import Process

from chatui.jobs import Task
from chatui.model.catalog import BaseModel
from chatui.model.room import ask_for_room
from chatui.train.config import TrainConfig
from chatui.train.memory import free_memory_mb, memory_for
from chatui.train.worker.rows import Encoded
from chatui.workspace import Workspace


def settled(task: Task, config: TrainConfig, base: BaseModel, rows: Encoded) -> TrainConfig:
    """The options with what "auto" comes to here; a resumed run stays with what it began with.

    Where memory is tight, the page is asked for what its chat models take.
    """
    _ask_for_room(task, config, base, rows)
    if config.activation_checkpointing != "auto":
        return config
    earlier = [event for event in task.journal.events() if event["kind"] == "memory"]
    is_on = bool(earlier[0]["checkpoints"]) if earlier else _is_needed(task, config, base, rows)
    return config.model_copy(update={"activation_checkpointing": "on" if is_on else "off"})


def _ask_for_room(task: Task, config: TrainConfig, base: BaseModel, rows: Encoded) -> None:
    lengths = [len(row.ids) for row in rows.rows]

    def is_enough() -> bool:
        memory = memory_for(config, base, lengths=lengths, free_mb=_free_mb())
        wants_more = memory is not None and memory.checkpoints != (
            config.activation_checkpointing == "on"
        )
        return memory is None or (memory.verdict in ("fits", None) and not wants_more)

    file = Workspace(task.folder.resolve().parent.parent).room_file
    ask_for_room(file, f"training {task.folder.name}", is_enough)


def _is_needed(task: Task, config: TrainConfig, base: BaseModel, rows: Encoded) -> bool:
    lengths = [len(row.ids) for row in rows.rows]
    memory = memory_for(config, base, lengths=lengths, free_mb=_free_mb())
    if memory is None:
        return False
    task.journal.append(
        "memory",
        checkpoints=memory.checkpoints,
        needed_mb=memory.total_mb,
        free_mb=memory.free_mb,
    )
    if memory.checkpoints:
        task.log("Activations are computed twice: all of them would not fit into memory")
    return memory.checkpoints


def _free_mb() -> int | None:
    """What is free here, with what this process holds already."""
    free = free_memory_mb()
    if free is None:
        return None
    on_gpu = torch.cuda.is_available()
    held = torch.cuda.memory_reserved() if on_gpu else Process().memory_info().rss
    return int(free + held // 2**20)
