"""Find every reason why a run can't start, before anything is loaded, and return them together."""

from collections.abc import Callable, Mapping

from pydantic import ValidationError

from chatui.data.store import DatasetView
from chatui.model.catalog import BaseModel
from chatui.train.config import TrainConfig
from chatui.train.contradictions import (
    can_lose_patience,
    ends_by_one_of_two,
    falls_by_its_warmup,
    has_these_layers,
    has_what_the_optimizer_needs,
    reports_to_what_is_installed,
)
from chatui.train.preferences import has_only_what_pairs_know
from chatui.train.presets import learning_rate_for
from chatui.train.privacy_checks import PRIVACY_CHECKS
from chatui.train.problem import Problem

FEWEST_ROWS = 8  # fewer can't fill one batch, and would be learned by heart


def read_options(values: Mapping[str, object]) -> tuple[TrainConfig, list[Problem]]:
    """A configuration from what a form holds, and what is wrong with it.

    An option that is missing or beyond its limits is a problem and counts as its default, so that
    the other checks can speak too.
    """
    try:
        return TrainConfig.model_validate(dict(values)), []
    except ValidationError as error:
        problems = {str(e["loc"][0]): str(e["msg"]) for e in error.errors()}
    rest = {name: value for name, value in values.items() if name not in problems}
    config = TrainConfig.model_validate(rest)
    return config, [
        Problem(name, f"{option_label(name)}: {message[:1].lower()}{message[1:]}.")
        for name, message in problems.items()
    ]


def option_label(name: str) -> str:
    """What an option is called on the page."""
    field = TrainConfig.model_fields.get(name)
    return (field and field.title) or name.replace("_", " ").capitalize()


Check = Callable[[TrainConfig, DatasetView, BaseModel], Problem | None]


def find_problems(config: TrainConfig, dataset: DatasetView, base: BaseModel) -> list[Problem]:
    """All problems of a run that is about to start; none means that it can."""
    found = (check(config, dataset, base) for check in CHECKS)
    return [problem for problem in found if problem is not None]


def has_rows_to_learn(config: TrainConfig, dataset: DatasetView, base: BaseModel) -> Problem | None:
    """A handful of rows is a dataset, but nothing can be learned from it."""
    rows = dataset.splits.get("train", 0)
    if rows >= FEWEST_ROWS:
        return None
    return Problem(
        "dataset",
        f"{dataset.name} has {_counted(rows, 'conversation')} to train on and at least "
        f"{FEWEST_ROWS} are needed. Add rows on the Data tab and save a new version.",
    )


def has_a_validation_split(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """Without validation rows nobody would know which adapter is best."""
    if dataset.splits.get("validation", 0) >= 1:
        return None
    return Problem(
        "dataset",
        f"{dataset.name} has no conversation for validation. "
        "Add rows on the Data tab, or change the split, and save a new version.",
    )


def fits_the_context(config: TrainConfig, dataset: DatasetView, base: BaseModel) -> Problem | None:
    """A model can't read more than its context."""
    if base.context is None or config.max_length <= base.context:
        return None
    return Problem(
        "max_length",
        f"Max length is {config.max_length} tokens and {base.title} reads {base.context}. "
        f"Set it to {base.context} or less.",
    )


def learning_rate_suits_the_size(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """What the starter learns with would wreck a model a hundred times its size."""
    suitable = learning_rate_for(base.parameters, config.optimizer, config.method)
    if base.parameters is None or config.learning_rate <= 5 * suitable:
        return None
    size = f"{base.parameters / 1e6:.0f} million parameters"
    by_pairs = ", which learns preferences" if config.method == "dpo" else ""
    return Problem(
        "learning_rate",
        f"Learning rate {config.learning_rate:g} would wreck {base.title} ({size}){by_pairs}. "
        f"Set it to about {suitable:.1g}.",
    )


def fills_a_step(config: TrainConfig, dataset: DatasetView, base: BaseModel) -> Problem | None:
    """One step should not swallow the whole dataset."""
    rows, step = dataset.splits.get("train", 0), config.batch_size * config.gradient_accumulation
    # The default batch is never refused: a small dataset is then one batch, and that works.
    if step <= max(rows, TrainConfig().batch_size) or rows < FEWEST_ROWS:
        return None
    return Problem(
        "batch_size",
        f"One step takes {step} conversations (batch size × gradient accumulation) and there are "
        f"{rows}. Make the batch smaller.",
    )


CHECKS: tuple[Check, ...] = (
    has_rows_to_learn,
    has_a_validation_split,
    ends_by_one_of_two,
    fits_the_context,
    fills_a_step,
    can_lose_patience,
    falls_by_its_warmup,
    has_what_the_optimizer_needs,
    has_these_layers,
    has_only_what_pairs_know,
    learning_rate_suits_the_size,
    reports_to_what_is_installed,
    *PRIVACY_CHECKS,
)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
