"""Train one run from its folder: load, encode, learn, keep the best adapter.

Every step of the road is a function; `train` reads as the list of them.
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from transformers import PrinterCallback

from chatui.jobs import JobStopped, Task
from chatui.model.catalog import STARTER, BaseModel
from chatui.model.loading import LoadedModel, load_base
from chatui.model.packed import can_pack, packing
from chatui.model.quantization import QUANTIZATIONS
from chatui.train.config import TrainConfig, passes_over
from chatui.train.measurements import MOST_MEASURED
from chatui.train.record import RunRecord, adapter_folder, checkpoints_folder
from chatui.train.worker.adapting import beginning
from chatui.train.worker.arguments import arguments
from chatui.train.worker.batches import (
    Limits,
    a_few_steps,
    epoch_ends,
    evaluation_steps,
    evenly,
    plan_steps,
)
from chatui.train.worker.checkpointing import settled
from chatui.train.worker.distributed import Team, sharded, together
from chatui.train.worker.fetching import base_on_disk
from chatui.train.worker.journalist import Journalist, Plan
from chatui.train.worker.material import dataset_of, encoded, rows_to_learn
from chatui.train.worker.private import Private, private_run
from chatui.train.worker.private_ledger import close_books, keep_books, trainer_of
from chatui.train.worker.regularizing import noisy_embeddings
from chatui.train.worker.reporting import reporters
from chatui.train.worker.rows import Encoded
from chatui.train.worker.samples import Samples
from chatui.train.worker.saving import has_adapter, last_checkpoint
from chatui.train.worker.thrift import is_worth_thrift, thrifty
from chatui.train.worker.trainer import ReplyTrainer

_MOST_SAMPLED = 10  # times that sample replies are made after the first step


@dataclass(frozen=True, slots=True)
class _Data:
    learned: Encoded
    validation: Encoded
    team: Team


def train(task: Task) -> None:
    """Train the run of a task's folder, from its last checkpoint if there is one."""
    record = RunRecord.read(task.folder)
    with together(task, record) as team:
        _train(task, record, team)


def _train(task: Task, record: RunRecord, team: Team) -> None:
    base = team.one_first(lambda: base_on_disk(task, record.base))
    task.log(f"Loading {base.title} in {QUANTIZATIONS[base.quantization]}")
    loaded = team.one_first(lambda: load_base(base, to_shard=record.sharded))
    rows = rows_to_learn(task, record, loaded)
    validation = encoded(task, record, loaded, "validation")
    if record.rehearsal:
        validation = replace(validation, rows=validation.rows[:MOST_MEASURED])
    config = team.from_first(lambda: settled(task, record.config, base, rows))
    record = record.model_copy(update={"config": config})
    model = beginning(task, record, loaded.model)
    if record.sharded:
        model = sharded(model)
    data = _Data(rows, validation, team)
    trainer, journalist = _trainer(task, record, replace(loaded, model=model), data)
    try:
        with learning(model, config):
            checkpoint = team.from_first(lambda: _checkpoint_to_resume(task))
            trainer.train(resume_from_checkpoint=checkpoint)
    except RuntimeError as error:
        if "can't allocate memory" in str(error):  # how torch says it on a CPU
            raise MemoryError from error
        raise
    close_books(trainer, is_over=not journalist.was_stopped)
    if journalist.was_stopped:
        if not has_adapter(adapter_folder(task.folder)):
            journalist.keep_adapter()
        raise JobStopped


@contextmanager
def learning(model: Any, config: TrainConfig) -> Iterator[None]:
    """A model that reads packed rows, keeps little, and is disturbed, as its options say.

    Where it learns from preferences the layers are PEFT's own: they are asked without the adapter.
    """
    with ExitStack() as stack:
        if config.method == "dpo":
            yield
            return
        if config.packing:
            stack.enter_context(packing(model))
        # Thrifty layers have no place where the gradient of a single row could be seen.
        if is_worth_thrift(model) and not config.privacy_epsilon:
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
    private = private_run(task, config, data.learned)
    steps = private.drawn(rows) if private else steps
    packs = config.packing and config.method == "sft" and can_pack(loaded.model)
    limits = Limits(config.batch_size, config.batch_tokens, packs, data.team.processes)
    if record.rehearsal:
        steps = a_few_steps(steps, [len(row.ids) for row in data.learned.rows], limits)
    ends = epoch_ends(steps, rows) or [len(steps)]
    plan = Plan(
        evaluate_after=frozenset(evaluation_steps(len(steps), config.evaluations)),
        sample_after=frozenset(evenly(ends, _MOST_SAMPLED)),
        checkpoint_seconds=60 * config.checkpoint_minutes,
        patience=config.patience,
        begins_trained=record.continues is not None,
    )
    journalist = Journalist(
        task,
        plan,
        validation=data.validation.rows,
        sources=data.validation.sources,
        sample=_samples(task, record, loaded),
    )
    kind, as_arguments, more = _trainer_of(private, loaded, config)
    trainer = kind(
        steps=steps,
        limits=limits,
        pad_id=loaded.pad_id,
        base_name=public_name(loaded.base),
        team=data.team,
        model=loaded.model,
        args=as_arguments(task.folder, config, steps=len(steps)),
        train_dataset=data.learned.rows,
        data_collator=lambda rows: rows,  # the loader collates; Trainer must not bring its own
        callbacks=[journalist, *(reporters(task, record) if data.team.is_first else ())],
        **more,
    )
    trainer.remove_callback(PrinterCallback)  # the journal says it better
    journalist.trainer = trainer
    keep_books(task, record, trainer)
    return trainer, journalist


def _trainer_of(
    private: Private | None, loaded: LoadedModel, config: TrainConfig
) -> tuple[Any, Any, dict[str, Any]]:
    """The trainer of a method, what makes its arguments, and what it is told besides."""
    if config.method == "dpo":
        from chatui.train.worker.preferences import PreferenceTrainer, preference_arguments

        more = {"processing_class": loaded.encoder.tokenizer}
        return PreferenceTrainer, preference_arguments, more
    return trainer_of(private), arguments, {"label_smoothing": config.label_smoothing}


def _samples(task: Task, record: RunRecord, loaded: LoadedModel) -> Samples:
    """The questions that are answered as the run goes; journalled once."""
    rows = dataset_of(task, record).conversations(record.dataset, "validation")
    samples = Samples(rows, loaded, record.config.sample_replies)
    if samples.questions and not any(e["kind"] == "questions" for e in task.journal.events()):
        asked = [[turn.as_message() for turn in turns] for turns in samples.questions]
        task.journal.append("questions", asked=asked, references=samples.references)
    return samples


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
        if base.source == STARTER
        else (base.source if base.is_of_the_hub else base.title)
    )
