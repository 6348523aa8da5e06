"""What `add` does and tells: where each record of a file of any size went, as data and as text.

The figures are the file's: a version that was there already may have come from another file.
"""

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path, PurePath

from chatui.cli.data import row_as_json
from chatui.cli.printing import say
from chatui.data.cleaning import ALL_STEPS, RemovedRow
from chatui.data.fetching import fetched, is_url
from chatui.data.hub import fetched_dataset, hub_of
from chatui.data.pipeline import Prepared, Quarantined
from chatui.data.prepare import in_bytes, prepare_whole
from chatui.data.progress import Progress
from chatui.data.questions import count_splits, split_names
from chatui.data.reading import encoding_choices
from chatui.data.recipe import Recipe, options_by
from chatui.data.store import DatasetStore, DatasetView
from chatui.settings import Settings

_SHOWN = 5  # quarantined rows that people are told of; --json has all
_EXAMPLES = 20
_TELL_AFTER = 3.0  # seconds of work, and between two lines about it


def prepared_by(
    recipe: Recipe, path: Path, mapping: dict[str, str], folder: Path | None = None
) -> Prepared:
    """What a recipe makes of a file; tells how far it is, and what it took for granted."""
    if recipe.encoding is None:
        for number, choice in enumerate(encoding_choices(path, recipe.member)):
            said = "The letters may be written otherwise. Choose what looks right:\n"
            say(f"{said if not number else ''}--encoding {choice.codec}\n{choice.preview}")
    options, notes = options_by(recipe, path, mapping)
    prepared = prepare_whole(path, options, path.name, folder=folder, report=Telling().tell)
    for note in (*prepared.notes, *notes):
        say(note)
    return prepared


def saved(
    store: DatasetStore, prepared: Prepared, name: str | None
) -> tuple[dict[str, object], str]:
    """Save what was prepared; returns its account, as data and as text."""
    view = store.save_prepared(prepared, name or name_of(prepared.file), report=Telling().tell)
    return account(prepared, view)


def account(prepared: Prepared, view: DatasetView) -> tuple[dict[str, object], str]:
    """The account of what was saved as a version."""
    figures, quarantined, _ = _figures(prepared)
    result: dict[str, object] = {
        **figures,
        "dataset": view.id,
        "splits": view.splits,
        "sha256": view.sha256,
    }
    removed, joined = figures["removed"], len(prepared.joined)
    gone = prepared.rows_read - prepared.kept_count - joined
    sentence = f"{view.id}: {prepared.rows_read} read = {prepared.kept_count} kept + {gone} removed"
    sentence += f" + {joined} joined to others" if joined else ""
    told = [f"row {row.row}: {row.reason}" for row in quarantined[:_SHOWN]]
    if len(quarantined) > _SHOWN:
        told.append(f"and {len(quarantined) - _SHOWN} more; --json has all")
    lines = [sentence, f"splits: {view.splits}", f"changed: {figures['changed']}"]
    return result, "\n".join([*lines, f"removed: {removed}", *told])


def dry_run(prepared: Prepared) -> dict[str, object]:
    """What saving would do, with examples of each step."""
    figures, _, removed = _figures(prepared)
    examples = prepared.examples()
    return {
        **figures,
        "dataset": None,
        "splits": count_splits(split_names(prepared.splits())),
        "examples": {s: [asdict(e) for e in examples.get(s, ())] for s in prepared.changed()},
        "removed_examples": {
            step: [row_as_json(r) for r in rows] for step, rows in removed.items()
        },
    }


def file_of(named: str, settings: Settings) -> AbstractContextManager[Path]:
    """The file that a user named by its place, its web address or its name on the Hub, for as long
    as it is read.
    """
    most, hub = settings.max_upload_mb * 2**20, hub_of(settings)
    if (dataset := hub.name_in(named)) is not None:
        return fetched_dataset(dataset, hub, most)
    return fetched(named, most) if is_url(named) else nullcontext(Path(named))


def name_of(file: str) -> str:
    """What a dataset is called by its file: "chats" for chats.csv and for chats.csv.gz."""
    return PurePath(file.removesuffix(".gz")).stem


class Telling:
    """Says on stderr how far the work is, if it takes long."""

    def __init__(self) -> None:
        self._begun = self._told = time.monotonic()
        self._doing = ""

    def tell(self, progress: Progress) -> None:
        """Called for every few thousand rows."""
        now = time.monotonic()
        if progress.doing != self._doing:
            self._begun, self._doing = now, progress.doing
        if now - self._told < _TELL_AFTER or progress.doing == "saving":
            return
        self._told = now
        part = progress.done / max(1, progress.total)
        left = f", about {(now - self._begun) * (1 / part - 1):.0f} s left" if part > 0.02 else ""
        size = f" of {in_bytes(progress.total)}" if progress.doing == "reading" else ""
        say(f"{progress.doing}: {part:.0%}{size}, {progress.rows:,} rows{left}")


def _figures(
    prepared: Prepared,
) -> tuple[dict[str, object], list[Quarantined], dict[str, list[RemovedRow]]]:
    """What is counted of all rows, quarantined ones, and the first rows that each step removed."""
    numbers: list[int] = []
    counts = Counter[str]()
    first: dict[str, list[RemovedRow]] = {}

    def counted() -> Iterable[RemovedRow]:
        for row in prepared.removed():
            numbers.append(row.row)
            counts[row.step] += 1
            if counts[row.step] <= _EXAMPLES:
                first.setdefault(row.step, []).append(row)
            yield row

    rows = iter(counted())
    quarantined = list(prepared.quarantined(rows))
    for _ in rows:  # those behind the last quarantined one
        pass
    figures: dict[str, object] = {
        "rows_read": prepared.rows_read,
        "kept": prepared.kept_count,
        "removed": {s.name: counts[s.name] for s in ALL_STEPS if s.name in counts},
        "joined": len(prepared.joined),
        "changed": prepared.changed(),
        "quarantined": [asdict(row) for row in quarantined],
        "accounted": prepared.accounts_for(numbers),
    }
    return figures, quarantined, first
