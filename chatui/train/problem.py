"""What a check has to say."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to change before a run can start."""

    field: str | None  # an option of TrainConfig, "dataset" or "base"; None is none of them
    sentence: str
