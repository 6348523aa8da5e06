"""What this machine has to train with, asked of the kernel: the page does not load torch for it."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Hardware:
    """Cores that this process may use, memory in MB, and whether a GPU of NVIDIA's is there."""

    cores: int
    memory_mb: int
    has_gpu: bool

    @classmethod
    def here(cls) -> "Hardware":
        """This machine."""
        has_affinity = hasattr(os, "sched_getaffinity")  # a container may get fewer than there are
        return cls(
            cores=len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1,
            memory_mb=psutil.virtual_memory().total // 2**20,
            has_gpu=any(Path("/proc/driver/nvidia/gpus").glob("*")),
        )
