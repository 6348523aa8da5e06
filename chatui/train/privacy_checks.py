"""What a private run refuses, each with its reason, and what it suggests instead."""

from collections.abc import Mapping

from chatui.data.store import DatasetView
from chatui.model.catalog import BaseModel
from chatui.train.advice import Advice
from chatui.train.config import TrainConfig, with_changes
from chatui.train.privacy import FEWEST_EXPECTED, FEWEST_ROWS, GOOD_ROWS, mechanism_for
from chatui.train.problem import Problem

_USUAL_EXPECTED = 32  # conversations of a step, for somebody who has not chosen


def keeps_rows_apart(config: TrainConfig, dataset: DatasetView, base: BaseModel) -> Problem | None:
    """Privacy is promised to each conversation, so each needs a gradient of its own."""
    if not config.privacy_epsilon or not config.packing:
        return None
    return Problem(
        "packing",
        "Privacy and packing don't go together: conversations that are read end to end have one "
        "gradient for all, and the noise is measured by each one's own. Turn packing off.",
    )


def learns_from_replies(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """The loss of a pair asks the model twice, and each row's gradient would be two."""
    if not config.privacy_epsilon or config.method == "sft":
        return None
    return Problem(
        "method",
        "Privacy is kept while replies are learned, not preferences. Set method to sft, or "
        "privacy ε to 0.",
    )


def has_plain_adapter_layers(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """DoRA takes the weights of its layers into one sum over the whole batch."""
    if not config.privacy_epsilon or not config.dora:
        return None
    return Problem(
        "dora",
        "Privacy and DoRA don't go together: DoRA reads the weights of its layers directly, where "
        "the gradient of a single conversation can't be seen. Turn DoRA off.",
    )


def draws_enough_at_once(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """A step that draws few conversations is noise, and one that draws none nothing else."""
    expected = config.batch_size * config.gradient_accumulation
    if not config.privacy_epsilon or expected >= FEWEST_EXPECTED:
        return None
    return Problem(
        "gradient_accumulation",
        f"A private step draws conversations at random, {expected} on average (batch size × "
        f"gradient accumulation): with fewer than {FEWEST_EXPECTED} the noise drowns them, and "
        f"some steps draw none. Set gradient accumulation to {_times(config, FEWEST_EXPECTED)} or "
        "more.",
    )


def has_a_crowd(config: TrainConfig, dataset: DatasetView, base: BaseModel) -> Problem | None:
    """One of few can't be hidden among them."""
    rows = dataset.splits.get("train", 0)
    if not config.privacy_epsilon or rows >= FEWEST_ROWS:
        return None
    return Problem(
        "privacy_epsilon",
        f"Privacy hides a conversation among the others, and {dataset.name} has {rows} to train "
        f"on: at least {FEWEST_ROWS} are needed, and {GOOD_ROWS:,} or more learn better. Add rows "
        "on the Data tab and save a new version, or set privacy ε to 0.",
    )


def can_keep_its_promise(
    config: TrainConfig, dataset: DatasetView, base: BaseModel
) -> Problem | None:
    """So many steps may leave so little to each that no noise is enough."""
    rows = dataset.splits.get("train", 0)
    expected = config.batch_size * config.gradient_accumulation
    ends = bool(config.epochs) != bool(config.max_steps)
    is_told = rows < FEWEST_ROWS or not FEWEST_EXPECTED <= expected <= rows or not ends
    if not config.privacy_epsilon or is_told or mechanism_for(config, rows) is not None:
        return None
    return Problem(
        "privacy_epsilon",
        f"No noise keeps so many steps within ε {config.privacy_epsilon:g}. Choose fewer epochs, "
        "a larger batch, or a larger ε.",
    )


PRIVACY_CHECKS = (
    keeps_rows_apart,
    learns_from_replies,
    has_plain_adapter_layers,
    draws_enough_at_once,
    has_a_crowd,
    can_keep_its_promise,
)


def privacy_advice(config: TrainConfig) -> list[Advice]:
    """What to change at a press so that a private run can start."""
    if not config.privacy_epsilon:
        return []
    found = []
    if config.packing:
        reason = "Each conversation needs a gradient of its own to be kept private."
        found.append(Advice("packing", False, "Turn packing off", reason))
    if config.dora:
        reason = "Gradients of single conversations can't be seen through DoRA."
        found.append(Advice("dora", False, "Turn DoRA off", reason))
    if config.batch_size * config.gradient_accumulation < FEWEST_EXPECTED:
        wanted = _times(config, _USUAL_EXPECTED)
        label = f"Set gradient accumulation to {wanted}"
        reason = "The more conversations a step draws, the less of it is noise."
        found.append(Advice("gradient_accumulation", wanted, label, reason))
    return found


def with_what_privacy_needs(
    options: Mapping[str, object], start: TrainConfig | None = None
) -> dict[str, object]:
    """Options by name, and those that privacy needs and that nobody named.

    `start` holds the other options, by default their defaults. Raises ValidationError.
    """
    asked = with_changes(start or TrainConfig(), options)
    needed = {a.field: a.value for a in privacy_advice(asked) if a.field not in options}
    return {**options, **needed}


def _times(config: TrainConfig, expected: int) -> int:
    """Batches to add up so that a step draws so many conversations."""
    return -(-expected // config.batch_size)
