"""How much memory a run will take, and whether this machine has it.

Counted from the shapes of the base model and of the largest piece that is read at once; nothing is
loaded for it. No torch: the page asks here.
"""

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from chatui.model.catalog import BaseModel
from chatui.model.shapes import ModelShape, shape_of
from chatui.train.config import TrainConfig
from chatui.train.hardware import Hardware

Verdict = Literal["fits", "tight", "does not fit"]
_MB = 2**20
_COMFORTABLE = 0.8  # of what is free: beyond that, whatever else the machine does may end the run
_RUNTIME_MB = 600  # of the worker before any weight: torch, transformers, peft, bitsandbytes
_BYTES_OF_A_4_BIT_WEIGHT = 0.5 + 1 / 64 + 4 / (64 * 256)  # blocks of 64, their scales quantised too
_BYTES_OF_A_LEARNED_WEIGHT = 24  # float32: itself, its gradient, Adam's two, and what a step makes
_BYTES = 2  # bfloat16
_BYTES_PASSING = 28  # of a token and unit of width: what a layer makes and drops on its way back
_DORA = (
    4  # times as much: its layers are PEFT's own, and read the weights anew; so are those of dpo
)
_LOGITS_MB = 96  # of the part of the vocabulary's logits that the loss looks at, and their gradient


@dataclass(frozen=True, slots=True)
class Memory:
    """What a run takes at its peak, in MB, beside what is free."""

    runtime_mb: int
    weights_mb: int
    adapter_mb: int  # with its gradients and the optimizer's state
    activations_mb: int  # with the logits
    free_mb: int | None  # of the device that it runs on; None is not known
    checkpoints: bool  # whether activations are computed twice instead of kept

    @property
    def total_mb(self) -> int:
        """All of it."""
        return self.runtime_mb + self.weights_mb + self.adapter_mb + self.activations_mb

    @property
    def verdict(self) -> Verdict | None:
        """Whether it fits; None where nobody knows what is free."""
        return verdict_of(self.total_mb, self.free_mb)


def verdict_of(needed_mb: int, free_mb: int | None) -> Verdict | None:
    """Whether so much fits into what is free; None where nobody knows what is."""
    if free_mb is None:
        return None
    if needed_mb > free_mb:
        return "does not fit"
    return "fits" if needed_mb <= _COMFORTABLE * free_mb else "tight"


def memory_for(
    config: TrainConfig,
    base: BaseModel,
    *,
    lengths: Sequence[int] | None = None,
    free_mb: int | None = None,
) -> Memory | None:
    """What a run will take; None when the base model's shape is not known before a download.

    `lengths` are the tokens of the training rows; without them all are taken to be of the greatest
    length. `free_mb` is what there is; by default this machine is asked. With checkpointing "auto"
    the answer is for what the run would choose.
    """
    shape = shape_of(base)
    if shape is None:
        return None
    free = free_memory_mb() if free_mb is None else free_mb
    if config.activation_checkpointing != "auto":
        return _memory(config, shape, lengths, free)
    kept = _memory(
        config.model_copy(update={"activation_checkpointing": "off"}), shape, lengths, free
    )
    if kept.verdict in ("fits", None):
        return kept
    return _memory(
        config.model_copy(update={"activation_checkpointing": "on"}), shape, lengths, free
    )


def free_memory_mb() -> int | None:
    """What a new process may take here: of the GPU if there is one, else of the machine.

    A limit of the container counts like the machine's.
    """
    if Hardware.here().has_gpu:
        return _free_gpu_mb()
    free = int(psutil.virtual_memory().available)
    limit = _number(Path("/sys/fs/cgroup/memory.max"))
    used = _number(Path("/sys/fs/cgroup/memory.current"))
    if limit is not None and used is not None:
        free = min(free, limit - used)
    return free // _MB


def held_mb(workers: Sequence[int]) -> int:
    """What the processes of jobs hold of that now, with all that they started."""
    ids: set[int] = set()
    resident = 0
    for worker in workers:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(worker)
            family = [process, *process.children(recursive=True)]
            ids |= {each.pid for each in family}
            resident += sum(each.memory_info().rss for each in family)
    if not Hardware.here().has_gpu or not ids:
        return resident // _MB
    lines = _asked_of_gpu("--query-compute-apps=pid,used_memory")
    used = (line.split(",") for line in lines)
    return sum(int(megabytes) for pid, megabytes in used if int(pid) in ids)


def _memory(
    config: TrainConfig, shape: ModelShape, lengths: Sequence[int] | None, free_mb: int | None
) -> Memory:
    piece = _largest_piece(config, lengths)
    is_on = config.activation_checkpointing == "on"
    kept = sum(length * _bytes_kept(shape, config.lora_rank, length) for length in piece)
    if is_on:  # the inputs of all layers, and one layer at a time
        kept += shape.layers * sum(piece) * shape.hidden * _BYTES
    else:
        kept *= shape.layers
    passing = sum(piece) * (shape.hidden + shape.inner) * _BYTES_PASSING
    is_plain = config.dora or config.method == "dpo"
    through = (kept + passing) * (_DORA if is_plain else 1) / _MB
    logits = min(_LOGITS_MB, sum(piece) * shape.vocabulary * 12 / _MB)
    learned = shape.layers * config.lora_rank * sum(a + b for a, b in shape.linear_layers)
    each = _BYTES if shape.is_whole else _BYTES_OF_A_4_BIT_WEIGHT
    weights = each * shape.linear_weights + _BYTES * shape.embedding_weights
    return Memory(
        runtime_mb=_RUNTIME_MB,
        weights_mb=round(weights / _MB),
        adapter_mb=round(learned * _BYTES_OF_A_LEARNED_WEIGHT / _MB),
        activations_mb=round(through + logits),
        free_mb=free_mb,
        checkpoints=is_on,
    )


def _largest_piece(config: TrainConfig, lengths: Sequence[int] | None) -> list[int]:
    """Lengths of the rows in the largest piece that can come up."""
    longest = sorted(
        (min(n, config.max_length) for n in lengths)
        if lengths
        else [config.max_length] * config.batch_size,
        reverse=True,
    )[: config.batch_size]
    piece = longest[:1]
    for length in longest[1:]:
        if sum(piece) + length <= config.batch_tokens:
            piece.append(length)
    return piece


def _bytes_kept(shape: ModelShape, rank: int, length: int) -> int:
    """What one layer keeps of each token of a row for its way back (`train/worker/layers.py`).

    The inputs and outputs of two norms; queries, keys, values, the weights of attention and its
    result; gate and up; and what each of seven adapters makes of its input.
    """
    attended, keys = shape.heads * shape.head_size, shape.key_heads * shape.head_size
    attention = 2 * attended + 2 * keys + shape.heads * length
    return _BYTES * (4 * shape.hidden + attention + 2 * shape.inner + 7 * rank)


def _free_gpu_mb() -> int | None:
    lines = _asked_of_gpu("--query-gpu=memory.free")
    return int(lines[0]) if lines else None


def _asked_of_gpu(query: str) -> list[str]:
    """What the driver's tool says, a line each; none where it can't be asked."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        answer = subprocess.run(
            [tool, query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    lines = [line.strip() for line in answer.stdout.splitlines()]
    return [line for line in lines if all(part.strip().isdigit() for part in line.split(","))]


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
