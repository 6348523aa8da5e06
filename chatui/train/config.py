"""What a run can be told: every option with its default, its limits and its help.

The form, the checks, the command line and the README's table are drawn from here.
"""

from collections.abc import Mapping
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
        default=6,
        ge=0,
        le=100,
        description="How often the model sees each conversation; 0 where max steps decides.",
    )
    max_steps: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Steps of the whole run instead of epochs; 0 where epochs decide.",
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
    optimizer: Literal[
        "adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "lion", "lion_8bit", "paged_lion"
    ] = Field(
        default="adamw",
        description="How gradients become steps. 8-bit ones take a quarter of the memory, paged "
        "ones move to the host's when a GPU is full, Lion wants a third of the learning rate.",
    )
    schedule: Literal["cosine", "linear", "inverse_sqrt", "steady_then_down", "constant"] = Field(
        default="cosine",
        description="How the learning rate falls towards the end; steady_then_down keeps it for "
        "four fifths of the steps.",
    )
    warmup: float = Field(
        default=0.05,
        ge=0.0,
        le=0.5,
        description="Share of the steps over which the learning rate rises from zero.",
    )
    seed: int = Field(
        default=0, ge=0, le=2**31 - 1, description="Decides the order of the rows and the start."
    )
    weight_decay: float = Field(
        default=0.01, ge=0.0, le=1.0, description="How strongly weights are pulled towards zero."
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0.0,
        le=0.5,
        description="Share of the aim that is spread over all tokens, against being too sure.",
    )
    neftune_noise: float = Field(
        default=0.0,
        title="NEFTune noise",
        ge=0.0,
        le=50.0,
        description="Noise on what is read while it learns; 5 is usual, replies often get longer.",
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=100,
        description="End after so many measurements in a row without a better one; 0 never does.",
    )
    target_layers: str = Field(
        default="all-linear",
        min_length=1,
        max_length=500,
        examples=["all-linear", "attention", "mlp"],
        description="Layers that get an adapter: all-linear, attention, mlp, or names such as "
        "q_proj, v_proj.",
    )
    top_layers: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Only the last so many blocks of the model get an adapter; 0 is all of them.",
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
    rslora: bool = Field(
        default=False,
        title="rsLoRA",
        description="Strength alpha / √rank instead of alpha / rank, so that high ranks count.",
    )
    dora: bool = Field(
        default=False,
        title="DoRA",
        description="Learn size and direction of the weights apart: often better at low ranks, and "
        "slower.",
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
    sample_replies: int = Field(
        default=3,
        ge=0,
        le=20,
        description="Validation questions that are answered after each epoch, for people to read.",
    )
    checkpoint_minutes: float = Field(
        default=5.0,
        gt=0.0,
        le=600.0,
        description="Minutes of work that an interruption may cost at most.",
    )
    report_to: Literal["nothing", "tensorboard", "trackio", "wandb"] = Field(
        default="nothing",
        description="Where figures are reported besides the journal, if it is installed; texts "
        "never are.",
    )
    privacy_epsilon: float = Field(
        default=0.0,
        title="Privacy ε",
        ge=0.0,
        le=20.0,
        description="How much the adapter may give away of any one conversation (differential "
        "privacy): 8 is loose, 1 is strict, 0 promises nothing.",
    )
    privacy_clip: float = Field(
        default=1.0,
        gt=0.0,
        le=100.0,
        description="Longest gradient of one conversation; longer ones are shortened, and the "
        "noise is in proportion to it. Counts where privacy ε does.",
    )

    method: Literal["sft", "dpo"] = Field(
        default="sft",
        description="sft learns replies as they are; dpo learns from a chosen and a rejected reply "
        "which one people like better.",
    )
    preference_beta: float = Field(
        default=0.1,
        gt=0.0,
        le=10.0,
        description="For dpo: how strongly it is held to what it was before; less strays further.",
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
        "max_steps",
        "batch_size",
        "gradient_accumulation",
        "optimizer",
        "schedule",
        "warmup",
        "seed",
    ),
    "Against learning by heart": ("weight_decay", "label_smoothing", "neftune_noise", "patience"),
    "Adapter": (
        "target_layers",
        "top_layers",
        "lora_rank",
        "lora_alpha",
        "lora_dropout",
        "rslora",
        "dora",
    ),
    "Memory": ("max_length", "packing", "batch_tokens", "activation_checkpointing"),
    "Measuring and saving": ("evaluations", "sample_replies", "checkpoint_minutes", "report_to"),
    "Privacy": ("privacy_epsilon", "privacy_clip"),
    "Preferences": ("method", "preference_beta"),
}

# What an adapter is made of: another run can go on from it only with the same.
OF_THE_ADAPTER = (*GROUPS["Adapter"],)


def passes_over(config: TrainConfig, rows: int) -> float:
    """How often a run sees each of so many conversations, by its epochs or its steps."""
    if config.epochs or not rows:
        return float(config.epochs)
    return config.max_steps * config.batch_size * config.gradient_accumulation / rows


def with_changes(config: TrainConfig, changes: Mapping[str, object]) -> TrainConfig:
    """A configuration with some options changed, checked again; raises ValidationError."""
    return TrainConfig.model_validate({**config.model_dump(), **changes})


def changed_options(config: TrainConfig, start: TrainConfig | None = None) -> dict[str, object]:
    """The options that differ from the defaults, or from another configuration."""
    start = start or TrainConfig()
    return {
        name: value for name, value in config.model_dump().items() if value != getattr(start, name)
    }
