"""The options of a run in the words of Trainer."""

from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from chatui.train.config import TrainConfig
from chatui.train.record import checkpoints_folder

# Our names → Trainer's.
_OPTIMIZERS = {
    "adamw": "adamw_torch_fused",
    "adamw_8bit": "adamw_bnb_8bit",
    "paged_adamw": "paged_adamw_32bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
    "lion": "lion_32bit",
    "lion_8bit": "lion_8bit",
    "paged_lion": "paged_lion_32bit",
}
_SCHEDULES = {
    "cosine": "cosine",
    "linear": "linear",
    "inverse_sqrt": "inverse_sqrt",
    "steady_then_down": "warmup_stable_decay",
    "constant": "constant_with_warmup",  # plain "constant" knows no warm-up
}
_FALLING = 0.2  # share of the steps in which steady_then_down falls


def arguments(
    folder: Path,
    config: TrainConfig,
    *,
    steps: int = 1,
    kind: type[Any] = TrainingArguments,
    **more: object,
) -> Any:
    """Trainer's own logging, evaluating and saving are off: the Journalist decides when.

    `kind` is what another trainer's arguments are made of, with `more` of its own.
    """
    return kind(
        output_dir=str(checkpoints_folder(folder)),
        num_train_epochs=1,  # the planned steps hold all epochs, and each its accumulated batches
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        optim=_OPTIMIZERS[config.optimizer],
        lr_scheduler_type=_SCHEDULES[config.schedule],
        lr_scheduler_kwargs=_schedule_options(config, steps),
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        max_grad_norm=1.0,
        activation_checkpointing=config.activation_checkpointing == "on",
        activation_checkpointing_kwargs={"use_reentrant": config.privacy_epsilon > 0},
        seed=config.seed,
        logging_strategy="no",
        eval_strategy="no",
        save_strategy="no",
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=not torch.cuda.is_available(),
        **more,
    )


def _schedule_options(config: TrainConfig, steps: int) -> dict[str, Any] | None:
    if config.schedule != "steady_then_down":
        return None
    return {"num_decay_steps": max(1, round(_FALLING * steps))}
