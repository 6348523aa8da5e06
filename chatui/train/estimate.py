"""About how long a run will take: from earlier runs where there are any, else from its size.

An estimate is for choosing a preset, never for a progress bar: that one measures.
"""

from collections.abc import Iterable
from functools import lru_cache

from chatui.conversation import Conversation
from chatui.data.store import DatasetStore
from chatui.model.catalog import BaseModel
from chatui.train.config import TrainConfig, passes_over
from chatui.train.hardware import Hardware
from chatui.train.view import RunView

_CHARACTERS_PER_TOKEN = 3.5
_TOKENS_PER_TURN = 2  # the markers of the chat template
_STARTUP_SECONDS = 12.0
# Measured on two cores with AVX512-BF16: 4.7 M parameters 2,400 to 3,000 tokens/s, 135 M about 150.
_SECONDS_PER_TOKEN = 1.7e-4
_SECONDS_PER_TOKEN_AND_PARAMETER = 4.7e-11 * 2  # for one core
_STEPS_TO_KNOW = 5  # the first ones are slower than the others
_EVALUATION_SHARE = 0.4  # of a training pass: it has no backward pass


def seconds_for(
    config: TrainConfig,
    *,
    datasets: DatasetStore,
    dataset_id: str,
    base: BaseModel,
    runs: Iterable[RunView] = (),
) -> float | None:
    """Seconds that a run will take, or None when nothing is known about the base model."""
    speed = _measured_speed(base, runs) or _guessed_speed(base)
    if speed is None:
        return None
    lengths = token_lengths(datasets, dataset_id, "train")
    learned = sum(min(n, config.max_length) for n in lengths) * passes_over(config, len(lengths))
    checked = sum(token_lengths(datasets, dataset_id, "validation")) * (config.evaluations + 1)
    return _STARTUP_SECONDS + (learned + checked * _EVALUATION_SHARE) / speed


def token_lengths(datasets: DatasetStore, dataset_id: str, split: str) -> tuple[int, ...]:
    """About how many tokens each conversation of a split has; versions never change."""
    return _lengths(datasets, datasets.view(dataset_id).sha256, dataset_id, split)


@lru_cache(maxsize=32)
def _lengths(datasets: DatasetStore, sha256: str, dataset_id: str, split: str) -> tuple[int, ...]:
    rows: list[Conversation] = datasets.conversations(dataset_id)
    return tuple(
        round(sum(len(t.text) / _CHARACTERS_PER_TOKEN + _TOKENS_PER_TURN for t in row.turns))
        for row in rows
        if row.split == split
    )


def _measured_speed(base: BaseModel, runs: Iterable[RunView]) -> float | None:
    """Tokens per second of the last run of the same base model that took a few steps."""
    speeds = [
        run.tokens_per_second
        for run in runs
        if run.base == base.name and run.step >= _STEPS_TO_KNOW and run.tokens_per_second
    ]
    return speeds[-1] if speeds else None


def _guessed_speed(base: BaseModel) -> float | None:
    here = Hardware.here()
    if base.parameters is None or here.has_gpu:
        return None  # a GPU is so much faster, and so varied, that a guess would mislead
    per_parameter = _SECONDS_PER_TOKEN_AND_PARAMETER / here.cores
    return 1 / (_SECONDS_PER_TOKEN + per_parameter * base.parameters)
