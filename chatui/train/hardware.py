"""What this machine has to train with, asked of the kernel: the page does not load torch for it."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Hardware:
    """Cores that this process may use, memory in MB, and the GPUs of NVIDIA's."""

    cores: int
    memory_mb: int
    has_gpu: bool
    gpus: int = 0

    @classmethod
    def here(cls) -> "Hardware":
        """This machine."""
        has_affinity = hasattr(os, "sched_getaffinity")  # a container may get fewer than there are
        gpus = len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
        return cls(
            cores=len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1,
            memory_mb=psutil.virtual_memory().total // 2**20,
            has_gpu=gpus > 0,
            gpus=gpus,
        )
