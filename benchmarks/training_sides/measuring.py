"""What one side takes: processor seconds, wall seconds and memory, from its second step on."""

import ctypes
import gc
import time
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import TrainerCallback

_MB = 2**20


class Meter(TrainerCallback):
    """Counts from the end of the first step, which warms up; memory from before the first."""

    def __init__(self) -> None:
        self.tokens = self.steps = 0
        self._held = _start_of_memory()
        self._since = (0.0, 0.0)
        self.seconds = (0.0, 0.0)  # of the processor, and on the wall

    def read(self, tokens: int) -> None:
        """Some real tokens, not padding, are about to be learned from."""
        self.tokens += tokens

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = (time.process_time(), time.perf_counter())
        if state.global_step == 1:
            self._since, self.tokens = now, 0
        else:
            self.steps += 1
            self.seconds = (now[0] - self._since[0], now[1] - self._since[1])

    def result(self) -> dict[str, float]:
        return {
            "tokens": self.tokens,
            "steps": self.steps,
            "cpu_seconds": self.seconds[0],
            "seconds": self.seconds[1],
            "peak_mb": peak_of_memory() - self._held,
        }


def _start_of_memory() -> float:
    """MB that are held; the peak is counted anew from here."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / _MB
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return psutil.Process().memory_info().rss / _MB


def peak_of_memory() -> float:
    """The most MB that were held since the meter began: of the process, or on the GPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / _MB
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
