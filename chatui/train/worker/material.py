"""What a run reads: the rows of its dataset version as tokens."""

from typing import Any

from chatui.data.store import DatasetStore
from chatui.errors import DatasetChanged, NothingToLearn
from chatui.jobs import Task
from chatui.model.loading import LoadedModel
from chatui.train.record import RunRecord
from chatui.train.worker.pairs import encode_pairs
from chatui.train.worker.rows import Encoded, encode
from chatui.workspace import Workspace


def rows_to_learn(task: Task, record: RunRecord, loaded: LoadedModel) -> Encoded:
    """The training rows, told in the journal and the log; raises NothingToLearn."""
    rows = encoded(task, record, loaded, "train")
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
    if not loaded.encoder.takes_system:
        task.log(
            "The chat template takes no system turn: its text stands before the first question"
        )
    for reason, count in rows.skipped.items():
        task.log(f"{count} conversations skipped: {reason}")
    if rows.cut:
        task.log(f"{rows.cut} conversations cut at {record.config.max_length} tokens")
    return rows


def encoded(task: Task, record: RunRecord, loaded: LoadedModel, split: Any) -> Encoded:
    """The rows of a split as tokens."""
    conversations = dataset_of(task, record).conversations(record.dataset, split)
    as_tokens = encode_pairs if record.config.method == "dpo" else encode
    rows = as_tokens(conversations, loaded.encoder, record.config.max_length)
    if not rows.rows:
        reason = next(iter(rows.skipped), "it is empty")
        raise NothingToLearn(record.dataset, split, reason)
    return rows


def dataset_of(task: Task, record: RunRecord) -> DatasetStore:
    """The store of a run's version; raises if it is not what the run was started with."""
    datasets = DatasetStore(Workspace(task.folder.resolve().parent.parent))
    if datasets.view(record.dataset).sha256 != record.dataset_sha256:
        raise DatasetChanged(record.dataset)
    return datasets
