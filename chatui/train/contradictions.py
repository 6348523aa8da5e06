"""Options that are fine alone and make no sense together, or not with this model or machine."""

from importlib.util import find_spec

from chatui.data.store import DatasetView
from chatui.errors import NoSuchLayers
from chatui.model.catalog import BaseModel
from chatui.model.layers import chosen_layers, linear_layers
from chatui.train.config import TrainConfig
from chatui.train.hardware import Hardware
from chatui.train.problem import Problem


def ends_by_one_of_two(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """A run ends after epochs or after steps."""
    if config.epochs and config.max_steps:
        return Problem(
            "max_steps",
            f"Epochs is {config.epochs} and max steps is {config.max_steps}: a run ends by one of "
            "them. Set the other one to 0.",
        )
    if not config.epochs and not config.max_steps:
        return Problem("epochs", "Epochs and max steps are both 0. Set one of them.")
    return None


def can_lose_patience(config: TrainConfig, dataset: DatasetView, base: BaseModel) -> Problem | None:
    """The last measurement ends the run anyway."""
    if config.patience < config.evaluations:
        return None
    return Problem(
        "patience",
        f"Patience is {config.patience} and validation is measured {config.evaluations} times, so "
        "it could never end the run early. Set patience to less, or evaluations to more.",
    )


def has_what_the_optimizer_needs(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """Paged optimizers move their state between a GPU and the host; alone, neither can page."""
    if not config.optimizer.startswith("paged_") or Hardware.here().has_gpu:
        return None
    plain = config.optimizer.removeprefix("paged_")
    return Problem(
        "optimizer",
        f"Optimizer {config.optimizer} pages between a GPU and the host's memory, and this machine "
        f"has no GPU. Choose {plain}.",
    )


def reports_to_what_is_installed(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """Trackers are no part of chatui: who uses one has it."""
    name = config.report_to
    if name == "nothing" or find_spec(name) is not None:
        return None
    return Problem(
        "report_to",
        f"Report to is {name}, which is not installed. Run `pip install {name}` where chatui is "
        "installed, or set report to to nothing.",
    )


def falls_by_its_warmup(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """An inverse square root counts from the end of the warm-up."""
    if config.schedule != "inverse_sqrt" or config.warmup > 0:
        return None
    return Problem(
        "warmup",
        "Schedule inverse_sqrt falls by the length of the warm-up, which is 0. Set warmup to 0.05, "
        "or choose another schedule.",
    )


def has_these_layers(config: TrainConfig, dataset: DatasetView, base: BaseModel) -> Problem | None:
    """Asked of the file's header; of a model that is not on this disk, the worker finds out."""
    if (names := linear_layers(base)) is None:
        return None
    try:
        chosen_layers(names, config.target_layers, config.top_layers)
    except NoSuchLayers as error:
        return Problem(error.field, str(error))
    return None
