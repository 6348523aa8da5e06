"""Train one run from its folder: load, encode, learn, keep the best adapter.

Every step of the road is a function; `train` reads as the list of them.
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, TrainingArguments

from chatui.data.store import DatasetStore
from chatui.errors import DatasetChanged, NothingToLearn
from chatui.jobs import JobStopped, Task
from chatui.model.catalog import STARTER, BaseModel, find_base
from chatui.model.loading import LoadedModel, load_base
from chatui.model.packed import can_pack, packing
from chatui.train.config import TrainConfig, passes_over
from chatui.train.record import RunRecord, adapter_folder, checkpoints_folder
from chatui.train.worker.adapting import beginning
from chatui.train.worker.batches import (
    Limits,
    epoch_ends,
    evaluation_steps,
    evenly,
    plan_steps,
)
from chatui.train.worker.checkpointing import settled
from chatui.train.worker.journalist import Journalist, Plan
from chatui.train.worker.regularizing import noisy_embeddings
from chatui.train.worker.rows import Encoded, encode
from chatui.train.worker.samples import Samples
from chatui.train.worker.saving import has_adapter, last_checkpoint
from chatui.train.worker.thrift import is_worth_thrift, thrifty
from chatui.train.worker.trainer import ReplyTrainer
from chatui.workspace import Workspace

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
_MOST_SAMPLED = 10  # times that sample replies are made after the first step
_FALLING = 0.2  # share of the steps in which steady_then_down falls


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
    record = record.model_copy(update={"config": config})
    model = beginning(task, record, loaded.model)
    data = _Data(rows, validation)
    trainer, journalist = _trainer(task, record, replace(loaded, model=model), data)
    try:
        with learning(model, config):
            trainer.train(resume_from_checkpoint=_checkpoint_to_resume(task))
    except RuntimeError as error:
        if "can't allocate memory" in str(error):  # how torch says it on a CPU
            raise MemoryError from error
        raise
    if journalist.was_stopped:
        if not has_adapter(adapter_folder(task.folder)):
            journalist.keep_adapter()
        raise JobStopped


@contextmanager
def learning(model: Any, config: TrainConfig) -> Iterator[None]:
    """A model that reads packed rows, keeps little, and is disturbed, as its options say."""
    with ExitStack() as stack:
        if config.packing:
            stack.enter_context(packing(model))
        if is_worth_thrift(model):
            stack.enter_context(thrifty(model))
        stack.enter_context(noisy_embeddings(model, config.neftune_noise))
        yield


def _trainer(
    task: Task, record: RunRecord, loaded: LoadedModel, data: _Data
) -> tuple[ReplyTrainer, Journalist]:
    config = record.config
    rows = len(data.learned.rows)
    steps = plan_steps(
        rows,
        rows_per_step=config.batch_size * config.gradient_accumulation,
        epochs=math.ceil(passes_over(config, rows)),
        seed=config.seed,
    )
    steps = steps[: config.max_steps or None]
    ends = epoch_ends(steps, rows) or [len(steps)]
    plan = Plan(
        evaluate_after=frozenset(evaluation_steps(len(steps), config.evaluations)),
        sample_after=frozenset(evenly(ends, _MOST_SAMPLED)),
        checkpoint_seconds=60 * config.checkpoint_minutes,
        patience=config.patience,
        begins_trained=record.continues is not None,
    )
    packs = config.packing and can_pack(loaded.model)
    journalist = Journalist(
        task, plan, validation=data.validation.rows, sample=_samples(task, record, loaded)
    )
    trainer = ReplyTrainer(
        steps=steps,
        limits=Limits(config.batch_size, config.batch_tokens, packs=packs),
        pad_id=loaded.pad_id,
        base_name=public_name(loaded.base),
        label_smoothing=config.label_smoothing,
        model=loaded.model,
        args=_arguments(task.folder, config, steps=len(steps)),
        train_dataset=data.learned.rows,
        data_collator=lambda rows: rows,  # the loader collates; Trainer must not bring its own
        callbacks=[journalist],
    )
    trainer.remove_callback(PrinterCallback)  # the journal says it better
    journalist.trainer = trainer
    return trainer, journalist


def _samples(task: Task, record: RunRecord, loaded: LoadedModel) -> Samples:
    """The questions that are answered as the run goes; journalled once."""
    rows = _dataset(task, record).conversations(record.dataset, "validation")
    samples = Samples(rows, loaded, record.config.sample_replies)
    if samples.questions and not any(e["kind"] == "questions" for e in task.journal.events()):
        asked = [[turn.as_message() for turn in turns] for turns in samples.questions]
        task.journal.append("questions", asked=asked, references=samples.references)
    return samples


def _arguments(folder: Path, config: TrainConfig, *, steps: int = 1) -> TrainingArguments:
    """Trainer's own logging, evaluating and saving are off: the Journalist decides when."""
    return TrainingArguments(
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


def _schedule_options(config: TrainConfig, steps: int) -> dict[str, Any] | None:
    if config.schedule != "steady_then_down":
        return None
    return {"num_decay_steps": max(1, round(_FALLING * steps))}


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
    """The rows of a split as tokens."""
    conversations = _dataset(task, record).conversations(record.dataset, split)
    rows = encode(conversations, loaded.encoder, record.config.max_length)
    if not rows.rows:
        reason = next(iter(rows.skipped), "it is empty")
        raise NothingToLearn(record.dataset, split, reason)
    return rows


def _dataset(task: Task, record: RunRecord) -> DatasetStore:
    """The store of a run's version; raises if it is not what the run was started with."""
    datasets = DatasetStore(Workspace(task.folder.resolve().parent.parent))
    if datasets.view(record.dataset).sha256 != record.dataset_sha256:
        raise DatasetChanged(record.dataset)
    return datasets


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
