"""Options to begin with, for the size of a base model."""

import math

from chatui.train.config import TrainConfig

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


def learning_rate_for(
    parameters: int | None, optimizer: str = "adamw", method: str = "sft"
) -> float:
    """A learning rate for a base model of a size; an unknown size is taken for a billion.

    Lion, whose steps all have the same length, takes a third of AdamW's, preferences a tenth of
    what replies take.

    A power of the size between the two that are known: 0.006 for the starter, found on its sample,
    and 0.0003 at a billion, where LoRA is usually trained; 0.0009 at 135 million.
    """
    size = parameters or _BILLION
    rate = min(6e-3, 3e-4 * math.pow(_BILLION / size, 0.56))
    rate = rate / 10 if method == "dpo" else rate
    return rate / 3 if "lion" in optimizer else rate
