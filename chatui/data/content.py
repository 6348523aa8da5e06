"""What a new version is to hold, and how it is written and counted in one go."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chatui.conversation import SPLITS, Conversation
from chatui.data.cleaning import ALL_STEPS, RemovedRow
from chatui.data.files import write_added, write_conversations, write_removed
from chatui.data.recipe import Recipe
from chatui.data.tally import Tally


@dataclass(frozen=True, slots=True)
class Content:
    """What a new version is to hold; its rows are read once, and may be more than fit in memory."""

    conversations: Iterable[Conversation]
    removed: Iterable[RemovedRow]
    changed: dict[str, int]
    recipe: Recipe
    locked: Collection[str]  # what names its test items in later versions
    joined: int = 0  # rows that are part of a conversation counted as another row
    added: Sequence[Conversation] = ()  # derived from others; cleaned again, it is without them
    parents: Sequence[str] = ()
    has_threads: bool | None = None  # whether rows name conversations; None: look at them

    def texts_more(self) -> tuple[str, ...]:
        """What is stored of each row besides the usual; rows that can be read once are not read."""
        has = self.has_threads
        if has is None:
            has = any(row.thread for row in self.conversations)
            has = has or any(row.thread for row in self.removed)
        return ("thread",) if has else ()


def write_rows(folder: Path, content: Content) -> dict[str, object]:
    """Write the rows of a version; returns what the manifest tells of them."""
    system = content.recipe.system
    tally, removed = Tally(system, folder), Counter[str]()
    more = content.texts_more()
    rows = tally.counted(content.conversations)
    write_conversations(folder / "conversations.parquet", rows, more)
    kept = tally.count
    if content.added:
        write_added(folder / "added.parquet", tally.counted(content.added), more)

    def counted() -> Iterator[RemovedRow]:
        for row in content.removed:
            removed[row.step] += 1
            yield row

    write_removed(folder / "removed.parquet", counted(), more)
    return {
        "sha256": tally.sha256(),
        "system": system,
        "rows_read": kept + removed.total() + content.joined,
        "kept": kept,
        "added": len(content.added),
        "parents": list(content.parents),
        "changed": content.changed,
        "joined": content.joined,
        "removed": {s.name: removed[s.name] for s in ALL_STEPS if s.name in removed},
        "splits": tally.splits,
        "split_hashes": {split: tally.split_hash(split) for split in SPLITS},
    }
