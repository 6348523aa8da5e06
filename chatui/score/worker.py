"""Score one run: the job behind the Score tab and `python -m chatui score`.

Run as `python -m chatui.score.worker SCORE_DIR`. Likelihoods first, since a score that is stopped
half-way has then its perplexity at least; then replies; then the report, whole or not at all.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatui.conversation import Conversation
from chatui.data.store import DatasetStore
from chatui.errors import EqualWeights, SetupChanged
from chatui.jobs import Task, run_job
from chatui.model.catalog import BaseModel, find_base
from chatui.replies import ReplyStore
from chatui.score.building import build_report
from chatui.score.config import ScoreConfig
from chatui.score.measuring import Measuring, Model
from chatui.score.readable import as_markdown
from chatui.score.report import to_json
from chatui.workspace import Workspace, write_json, write_text


def work(task: Task, open_engine: Callable[[BaseModel], Any] | None = None) -> None:
    """Measure, compare, write the report; a resumed job goes on with what is missing."""
    config = ScoreConfig.of_folder(task.folder)
    workspace = Workspace(task.folder.resolve().parent.parent)
    datasets = DatasetStore(workspace)
    items = _items(config, datasets)
    task.log("loading the model")
    model = _model(config, workspace, open_engine or _open_engine)
    measured = Measuring(task, config, model, items).measure(ReplyStore(workspace))
    task.log("comparing base and tuned")
    training = datasets.conversations(config.dataset, "train")
    report = build_report(task.folder.name, config, model, measured, training=training)
    write_text(task.folder / "report.md", as_markdown(report))
    write_json(task.folder / "report.json", to_json(report))  # last: it says that all is there


def _items(config: ScoreConfig, datasets: DatasetStore) -> list[Conversation]:
    if datasets.view(config.dataset).split_hashes[config.split] != config.test_hash:
        raise SetupChanged("dataset version", config.dataset)
    wanted = None if config.items is None else set(config.items)
    conversations = datasets.conversations(config.dataset, config.split)
    return [each for each in conversations if wanted is None or each.id in wanted]


def _model(
    config: ScoreConfig, workspace: Workspace, open_engine: Callable[[BaseModel], Any]
) -> Model:
    engine = open_engine(find_base(config.base))
    if engine.attach(workspace.root / config.adapter) != config.adapter_hash:
        raise SetupChanged("adapter of", config.run)
    if engine.model_hash(config.adapter_hash) == engine.model_hash(None):
        raise EqualWeights(config.run)
    model: Model = engine
    return model


def _open_engine(base: BaseModel) -> Any:
    from chatui.model.engine import Engine  # loads torch

    return Engine.open(base)


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), work))
