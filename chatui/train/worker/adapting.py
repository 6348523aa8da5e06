"""The adapter that a run trains: a fresh one on the chosen layers, or that of an earlier run."""

from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import set_seed

from chatui.jobs import Task
from chatui.model.adapters import refuse_if_foreign
from chatui.model.catalog import chat_template, find_base
from chatui.model.layers import ALL_LINEAR, block_of, chosen_layers, last_name
from chatui.train.beginnings import has_another_template
from chatui.train.config import TrainConfig
from chatui.train.record import RunRecord, adapter_folder, first_adapter_folder
from chatui.workspace import write_text


def beginning(task: Task, record: RunRecord, model: Any) -> Any:
    """The base model with a fresh adapter, or with the one of the run that this one continues.

    The chat template is written beside the adapter: it is read by no other.
    """
    adapter_folder(task.folder).mkdir(exist_ok=True)
    template = chat_template(find_base(record.base))
    write_text(adapter_folder(task.folder) / "chat_template.jinja", template)
    if record.continues is None:
        return with_adapter(model, record.config)
    set_seed(record.config.seed)
    task.log(f"Going on from the adapter of {record.continues}")
    if record.config.activation_checkpointing == "on":
        model.enable_input_require_grads()
    folder = first_adapter_folder(task.folder)
    refuse_if_foreign(folder, model)
    if has_another_template(folder, template):
        task.log("It was made with another chat template: it has to learn this one")
    return PeftModel.from_pretrained(model, str(folder), is_trainable=True)


def with_adapter(model: Any, config: TrainConfig) -> Any:
    """Put a fresh LoRA adapter on the chosen layers, never on the head; only it will learn."""
    set_seed(config.seed)
    adapter = LoraConfig(
        task_type="CAUSAL_LM",
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        use_rslora=config.rslora,
        use_dora=config.dora,
        **_targets(model, config),
    )
    if config.activation_checkpointing == "on":
        model.enable_input_require_grads()
    return get_peft_model(model, adapter)


def _targets(model: Any, config: TrainConfig) -> dict[str, Any]:
    """The layers that get an adapter, as PEFT is told; raises NoSuchLayers."""
    if config.target_layers == ALL_LINEAR and not config.top_layers:
        return {"target_modules": ALL_LINEAR}
    linear = [name for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)]
    chosen = chosen_layers(linear, config.target_layers, config.top_layers)
    blocks = sorted({block_of(name) for name in chosen}) if config.top_layers else None
    names = sorted({last_name(name) for name in chosen})
    return {"target_modules": names, "layers_to_transform": blocks}
