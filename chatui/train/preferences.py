"""Learning from preferences (DPO): what a version and the options of a run must have for it."""

from functools import lru_cache

from chatui.data.store import DatasetStore, DatasetView
from chatui.model.catalog import BaseModel
from chatui.train.config import TrainConfig
from chatui.train.problem import Problem

FEWEST_PAIRS = 8  # as of rows: fewer can't fill one batch
_NOT_WITH_PAIRS = ("label_smoothing", "neftune_noise")


def has_only_what_pairs_know(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """What disturbs replies against learning by heart means nothing between two of them."""
    chosen = [name for name in _NOT_WITH_PAIRS if getattr(config, name)]
    if config.method != "dpo" or not chosen:
        return None
    told = chosen[0].replace("_", " ")
    return Problem(chosen[0], f"Method dpo knows no {told}. Set {told} to 0, or method to sft.")


def without_preferences(
    datasets: DatasetStore, dataset_id: str, config: TrainConfig
) -> Problem | None:
    """The problem of a version that has too few rows with a rejected reply; None for sft."""
    if config.method != "dpo":
        return None
    view = datasets.view(dataset_id)
    found = _pairs(datasets, view.sha256, dataset_id)
    wanted = (("train", FEWEST_PAIRS, "to learn from"), ("validation", 1, "to measure with"))
    for split, fewest, purpose in wanted:
        if found[split] < fewest:
            return Problem(
                "method",
                f"Method dpo learns from a chosen and a rejected reply to the same question, and "
                f"{view.name} has {found[split]} such rows {purpose}, of {fewest} at least. Add a "
                "file with a column `rejected` on the Data tab, or set method to sft.",
            )
    return None


@lru_cache(maxsize=16)
def _pairs(datasets: DatasetStore, sha256: str, dataset_id: str) -> dict[str, int]:
    rows = datasets.conversations(dataset_id)
    return {
        split: sum(row.split == split and row.rejected is not None for row in rows)
        for split in ("train", "validation")
    }
