"""A run as its folder tells it: its record, its journal, its adapter and its marks."""

from pathlib import Path

from chatui.conversation import RunId
from chatui.jobs import JobView
from chatui.model.hashes import adapter_hash
from chatui.train.record import RunRecord, adapter_folder, pruned_mark
from chatui.train.view import Figures, RunView, Spent
from chatui.workspace import read_json


def view_of(folder: Path, job: JobView) -> RunView:
    """Read a run's record, its journal and what it has kept."""
    record = RunRecord.read(folder)
    figures = Figures.of(job)
    adapter = adapter_folder(folder)
    has_adapter = (adapter / "adapter_model.safetensors").exists()
    best = figures.best or {}
    return RunView(
        id=RunId(folder.name),
        name=_name(folder),
        dataset=record.dataset,
        base=record.base,
        config=record.config,
        created_at=record.created_at,
        job=job,
        adapter=adapter if has_adapter else None,
        adapter_hash=adapter_hash(adapter) if has_adapter else None,
        train_loss=figures.train_loss,
        validation_loss=_number(best.get("loss")),
        validation_perplexity=_number(best.get("perplexity")),
        best_step=int(str(best["step"])) if best else None,
        base_perplexity=figures.base_perplexity,
        tokens_per_second=figures.tokens_per_second,
        peak_memory_mb=figures.peak_memory_mb,
        curve=figures.curve,
        continues=record.continues,
        spent=Spent.of(job),
        processes=record.processes,
        sharded=record.sharded,
        reward_margin=_number(best.get("reward_margin")),
        reward_accuracy=_number(best.get("reward_accuracy")),
        trial=(record.search, record.trial or 0) if record.search else None,
        is_pruned=pruned_mark(folder).exists(),
    )


def _name(folder: Path) -> str:
    path = folder / "name.json"
    return str(read_json(path)["name"]) if path.exists() else folder.name


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
