"""What a run can be told: every option with its default, its limits and its help.

The form, the checks, the command line and the README's table are drawn from here.
"""

import math
from typing import Literal

from pydantic import BaseModel, Field, field_validator


class TrainConfig(BaseModel, frozen=True, extra="forbid"):
    """Options of a run; the defaults learn visibly from a few hundred conversations."""

    learning_rate: float = Field(
        default=6e-3,
        ge=1e-6,
        le=1e-1,
        description="How big a step each batch takes. Small models take big steps: "
        "0.006 for the starter, 0.0003 for a model of a billion parameters.",
    )
    epochs: int = Field(
        default=6, ge=1, le=100, description="How often the model sees each conversation."
    )
    batch_size: int = Field(
        default=8, ge=1, le=256, description="Conversations read at the same time."
    )
    gradient_accumulation: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Batches that are added up to one step: a bigger batch in the same memory.",
    )
    schedule: Literal["cosine", "linear", "constant"] = Field(
        default="cosine", description="How the learning rate falls towards the end."
    )
    warmup: float = Field(
        default=0.05,
        ge=0.0,
        le=0.5,
        description="Share of the steps over which the learning rate rises from zero.",
    )
    weight_decay: float = Field(
        default=0.01, ge=0.0, le=1.0, description="How strongly weights are pulled towards zero."
    )
    seed: int = Field(
        default=0, ge=0, le=2**31 - 1, description="Decides the order of the rows and the start."
    )
    lora_rank: int = Field(
        default=16,
        title="LoRA rank",
        ge=1,
        le=256,
        description="Width of the adapter: more learns more, and overfits sooner.",
    )
    lora_alpha: int = Field(
        default=32,
        title="LoRA alpha",
        ge=1,
        le=1024,
        description="Strength of the adapter; twice the rank is usual.",
    )
    lora_dropout: float = Field(
        default=0.0,
        title="LoRA dropout",
        ge=0.0,
        le=0.9,
        description="Share of the adapter's inputs that are left out at random, against learning "
        "by heart.",
    )
    max_length: int = Field(
        default=512,
        ge=16,
        le=131_072,
        description="Tokens of a conversation that are read; longer ones are cut at their end.",
    )
    packing: bool = Field(
        default=True,
        description="Read conversations end to end without padding, where the model's attention "
        "allows it: the same steps in less time.",
    )
    batch_tokens: int = Field(
        default=2048,
        ge=64,
        le=1_048_576,
        description="Tokens that are read at the same time, or one longer conversation: a step of "
        "more is read in pieces, and learns the same.",
    )
    activation_checkpointing: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Compute parts twice instead of keeping them: less memory, a third slower. "
        "auto: only where the memory would not do.",
    )
    evaluations: int = Field(
        default=6,
        ge=1,
        le=100,
        description="How often validation perplexity is measured; the best adapter is kept.",
    )
    checkpoint_minutes: float = Field(
        default=5.0,
        gt=0.0,
        le=600.0,
        description="Minutes of work that an interruption may cost at most.",
    )

    @field_validator("activation_checkpointing", mode="before")
    @classmethod
    def _of_a_switch(cls, value: object) -> object:
        """It was a switch once, and YAML reads a bare `on` as true."""
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


# What belongs together on the form; the README's table follows the same order.
GROUPS: dict[str, tuple[str, ...]] = {
    "Learning": (
        "learning_rate",
        "epochs",
        "batch_size",
        "gradient_accumulation",
        "schedule",
        "warmup",
        "weight_decay",
        "seed",
    ),
    "Adapter": ("lora_rank", "lora_alpha", "lora_dropout"),
    "Memory": ("max_length", "packing", "batch_tokens", "activation_checkpointing"),
    "Saving": ("evaluations", "checkpoint_minutes"),
}

QUICK_LOOK = "Quick look"
PRESETS: dict[str, dict[str, object]] = {
    QUICK_LOOK: {},
    "Balanced": {"learning_rate": 4e-3, "epochs": 8, "evaluations": 10},
    "Thorough": {"learning_rate": 3e-3, "epochs": 12, "lora_dropout": 0.1, "evaluations": 20},
}
_BILLION = 1_000_000_000
_STARTER_PARAMETERS = 4_700_000  # of the model that the presets' learning rates were found on


def preset(name: str, parameters: int | None = _STARTER_PARAMETERS) -> TrainConfig:
    """The options of a preset; the learning rate shrinks as the base model's size grows."""
    config = TrainConfig.model_validate(PRESETS[name])
    factor = learning_rate_for(parameters) / TrainConfig().learning_rate
    rate = float(f"{config.learning_rate * factor:.2g}")
    return config.model_copy(update={"learning_rate": rate})


def learning_rate_for(parameters: int | None) -> float:
    """A learning rate for a base model of a size; an unknown size is taken for a billion.

    A power of the size between the two that are known: 0.006 for the starter, found on its sample,
    and 0.0003 at a billion, where LoRA is usually trained; 0.0009 at 135 million.
    """
    size = parameters or _BILLION
    return min(6e-3, 3e-4 * math.pow(_BILLION / size, 0.56))


def changed_options(config: TrainConfig, start: TrainConfig | None = None) -> dict[str, object]:
    """The options that differ from the defaults, or from another configuration."""
    start = start or TrainConfig()
    return {
        name: value for name, value in config.model_dump().items() if value != getattr(start, name)
    }
