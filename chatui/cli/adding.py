"""What `add` reads and tells: where each record of the file went, as data and as text.

The figures are the draft's: a version that was there already may have come from another file.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path, PurePath

from chatui.data.fetching import fetched, is_url
from chatui.data.prepare import Draft
from chatui.data.store import DatasetView

_SHOWN = 5  # quarantined rows that people are told of; --json has all


def account(draft: Draft, view: DatasetView) -> tuple[dict[str, object], str]:
    """The account of a draft that was saved as a version."""
    removed, joined = draft.removed_by, len(draft.joined)
    result: dict[str, object] = {
        "dataset": view.id,
        "rows_read": draft.rows_read,
        "kept": len(draft.kept),
        "removed": removed,
        "joined": joined,
        "changed": draft.changed,
        "quarantined": [asdict(row) for row in draft.quarantined],
        "accounted": draft.accounted,
        "splits": view.splits,
        "sha256": view.sha256,
    }
    count = sum(removed.values())
    sentence = f"{view.id}: {draft.rows_read} read = {len(draft.kept)} kept + {count} removed"
    sentence += f" + {joined} joined to others" if joined else ""
    told = [f"row {row.row}: {row.reason}" for row in draft.quarantined[:_SHOWN]]
    if len(draft.quarantined) > _SHOWN:
        told.append(f"and {len(draft.quarantined) - _SHOWN} more; --json has all")
    lines = [sentence, f"splits: {view.splits}", f"changed: {draft.changed}", f"removed: {removed}"]
    return result, "\n".join([*lines, *told])


def file_of(named: str, max_mb: int) -> AbstractContextManager[Path]:
    """The file that a user named by its place or its web address, for as long as it is read."""
    return fetched(named, max_mb * 2**20) if is_url(named) else nullcontext(Path(named))


def name_of(file: str) -> str:
    """What a dataset is called by its file: "chats" for chats.csv and for chats.csv.gz."""
    return PurePath(file.removesuffix(".gz")).stem
