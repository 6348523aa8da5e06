"""Train one run from its folder: load, encode, learn, keep the best adapter.

Every step of the road is a function; `train` reads as the list of them.
"""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import PrinterCallback, TrainingArguments, set_seed

from chatui.data.store import DatasetStore
from chatui.errors import DatasetChanged, NothingToLearn
from chatui.jobs import JobStopped, Task
from chatui.model.catalog import STARTER, BaseModel, find_base
from chatui.model.loading import LoadedModel, load_base
from chatui.model.packed import packing, packs
from chatui.train.config import TrainConfig
from chatui.train.record import RunRecord, adapter_folder, checkpoints_folder
from chatui.train.worker.batches import Limits, evaluation_steps, plan_steps
from chatui.train.worker.checkpointing import settled
from chatui.train.worker.rows import Encoded, encode
from chatui.train.worker.saving import last_checkpoint
from chatui.train.worker.thrift import thrifty
from chatui.train.worker.trainer import Journalist, ReplyTrainer
from chatui.workspace import Workspace


@dataclass(frozen=True, slots=True)
class _Data:
    learned: Encoded
    validation: Encoded


def train(task: Task) -> None:
    """Train the run of a task's folder, from its last checkpoint if there is one."""
    record = RunRecord.read(task.folder)
    base = find_base(record.base)
    task.log(f"Loading {base.title} in 4 bits")
    loaded = load_base(base)
    rows = _rows_to_learn(task, record, loaded)
    validation = _encoded(task, record, loaded, "validation")
    config = settled(task, record.config, base, rows)
    model = with_adapter(loaded.model, config)
    data = _Data(rows, validation)
    try:
        with packing(model) if config.packing else nullcontext(), thrifty(model):
            trainer, journalist = _trainer(task, config, replace(loaded, model=model), data)
            trainer.train(resume_from_checkpoint=_checkpoint_to_resume(task))
    except RuntimeError as error:
        if "can't allocate memory" in str(error):  # how torch says it on a CPU
            raise MemoryError from error
        raise
    if journalist.was_stopped:
        if not (adapter_folder(task.folder) / "adapter_model.safetensors").exists():
            journalist.keep_adapter()
        raise JobStopped


def with_adapter(model: Any, config: TrainConfig) -> Any:
    """Put a fresh LoRA adapter on every linear layer but the head; only it will learn."""
    set_seed(config.seed)
    adapter = LoraConfig(
        task_type="CAUSAL_LM",
        target_modules="all-linear",
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
    )
    if config.activation_checkpointing == "on":
        model.enable_input_require_grads()
    return get_peft_model(model, adapter)


def _trainer(
    task: Task, config: TrainConfig, loaded: LoadedModel, data: _Data
) -> tuple[ReplyTrainer, Journalist]:
    steps = plan_steps(
        len(data.learned.rows),
        rows_per_step=config.batch_size * config.gradient_accumulation,
        epochs=config.epochs,
        seed=config.seed,
    )
    journalist = Journalist(
        task=task,
        validation=data.validation.rows,
        evaluate_after=evaluation_steps(len(steps), config.evaluations),
        checkpoint_seconds=60 * config.checkpoint_minutes,
        adapter=adapter_folder(task.folder),
    )
    trainer = ReplyTrainer(
        steps=steps,
        limits=Limits(config.batch_size, config.batch_tokens, packs(loaded.model)),
        pad_id=loaded.pad_id,
        base_name=public_name(loaded.base),
        model=loaded.model,
        args=_arguments(task.folder, config),
        train_dataset=data.learned.rows,
        data_collator=lambda rows: rows,  # the loader collates; Trainer must not bring its own
        callbacks=[journalist],
    )
    trainer.remove_callback(PrinterCallback)  # the journal says it better
    journalist.trainer = trainer
    return trainer, journalist


def _arguments(folder: Path, config: TrainConfig) -> TrainingArguments:
    """Trainer's own logging, evaluating and saving are off: the Journalist decides when."""
    return TrainingArguments(
        output_dir=str(checkpoints_folder(folder)),
        num_train_epochs=1,  # the planned steps hold all epochs, and each its accumulated batches
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule,
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        max_grad_norm=1.0,
        activation_checkpointing=config.activation_checkpointing == "on",
        activation_checkpointing_kwargs={"use_reentrant": False},
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
    )


def _rows_to_learn(task: Task, record: RunRecord, loaded: LoadedModel) -> Encoded:
    rows = _encoded(task, record, loaded, "train")
    tokens = sum(len(row.ids) for row in rows.rows)
    replies = sum(row.reply_tokens for row in rows.rows)
    task.journal.append(
        "encoded",
        rows=len(rows.rows),
        skipped=sum(rows.skipped.values()),
        cut=rows.cut,
        tokens=tokens,
        reply_tokens=replies,
        base_hash=loaded.base_hash,
        template_hash=loaded.template_hash,
    )
    task.log(f"{len(rows.rows)} conversations, {tokens} tokens, {replies} of them in replies")
    for reason, count in rows.skipped.items():
        task.log(f"{count} conversations skipped: {reason}")
    if rows.cut:
        task.log(f"{rows.cut} conversations cut at {record.config.max_length} tokens")
    return rows


def _encoded(task: Task, record: RunRecord, loaded: LoadedModel, split: Any) -> Encoded:
    """The rows of a split; raises if the version is not what the run was started with."""
    datasets = DatasetStore(Workspace(task.folder.resolve().parent.parent))
    if datasets.view(record.dataset).sha256 != record.dataset_sha256:
        raise DatasetChanged(record.dataset)
    conversations = datasets.conversations(record.dataset, split)
    rows = encode(conversations, loaded.encoder, record.config.max_length)
    if not rows.rows:
        reason = next(iter(rows.skipped), "it is empty")
        raise NothingToLearn(record.dataset, split, reason)
    return rows


def _checkpoint_to_resume(task: Task) -> str | None:
    checkpoint = last_checkpoint(checkpoints_folder(task.folder))
    if checkpoint is None:
        return None
    task.log(f"Going on after step {checkpoint.name.rpartition('-')[2]}")
    return str(checkpoint)


def public_name(base: BaseModel) -> str:
    """How an adapter names its base: a Hub name as it is, else without this machine's folders."""
    return (
        f"chatui/{STARTER}"
        if base.name == STARTER
        else (base.title if base.is_local else base.name)
    )
