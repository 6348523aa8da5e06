"""Dataset versions on disk: whole or not there, and never changed once they are.

A version is a folder `datasets/<slug>-v<number>` with conversations, removed rows, recipe and
manifest. The test split of a dataset is locked: what one version tests, no later one trains on.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from chatui.conversation import Conversation, DatasetId, Split, Turn
from chatui.data.cleaning import RemovedRow
from chatui.data.content import Content, write_rows
from chatui.data.editing import flagged_rows
from chatui.data.files import (
    FORMAT,
    read_conversations,
    read_removed,
    write_recipe,
)
from chatui.data.options import Options
from chatui.data.pipeline import Prepared
from chatui.data.prepare import Draft, locked_keys, prepare, with_locked_test
from chatui.data.progress import Progress, Report, reported, silent
from chatui.data.recipe import Recipe, read_recipe, recipe_of
from chatui.data.tally import content_of
from chatui.workspace import Workspace, disk_full_in_words, read_json, slug, write_json

SAMPLE_FILE = Path(__file__).parent / "sample" / "support.csv"
SAMPLE_NAME = "Sample support"


@dataclass(frozen=True, slots=True)
class DatasetView:
    """A version as its manifest describes it."""

    id: DatasetId
    name: str
    created_at: str  # UTC, ISO 8601
    sample: bool  # whether it is the one that came along
    system: str | None  # the prompt that goes with it through training, scoring and chat
    rows_read: int
    kept: int
    changed: dict[str, int]  # rows kept, by the step that changed them
    removed: dict[str, int]  # by step; kept, removed and joined are the rows read
    splits: dict[Split, int]
    split_hashes: dict[Split, str]
    sha256: str  # of the content: turns, splits and labels
    parent: str | None  # the version before this one
    bytes: int  # on disk
    joined: int = 0  # rows that are part of a conversation counted as another row
    added: int = 0  # rows that repeat others or were derived from them, all for training
    parents: Sequence[str] = ()  # the versions it was made of, if it was made of versions


class _Known(Exception):
    """The content is that of a version that was there already."""

    def __init__(self, view: DatasetView) -> None:
        super().__init__(view.id)
        self.view = view


class DatasetStore:
    """The dataset versions of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def save(
        self, draft: Draft, name: str, *, sample: bool = False, parent: str | None = None
    ) -> DatasetView:
        """Save a draft as the next version of the dataset `name`, or find it saved already.

        `parent` is the version it was made from; by default, the one before it.
        """
        if draft.part_of is not None:
            raise ValueError("the beginning of a file is no dataset")
        if known := self.find(draft, name):
            return known
        draft = self.locked(draft, name)
        content = Content(
            conversations=draft.conversations,
            removed=draft.removed,
            changed=draft.changed,
            recipe=recipe_of(draft),
            locked=frozenset(locked_keys(draft)),
            joined=len(draft.joined),
            has_threads=draft.columns.together is not None,
        )
        return self.add(content, name, sample=sample, parent=parent)

    def save_prepared(
        self,
        prepared: Prepared,
        name: str,
        *,
        parent: str | None = None,
        report: Report = silent,
    ) -> DatasetView:
        """Save what was prepared of a file of any size, or find it saved already; see `save`."""
        splits = prepared.splits(self.locked_in(name))
        content = Content(
            conversations=reported(prepared.conversations(splits), prepared.kept_count, report),
            removed=prepared.removed(),
            changed=prepared.changed(),
            recipe=recipe_of(prepared),
            locked=prepared.locked_keys(splits),
            joined=len(prepared.joined),
            has_threads=prepared.columns.together is not None,
        )
        try:
            return self.add(content, name, parent=parent, is_new=False, report=report)
        except _Known as known:
            return known.view

    def add(
        self,
        content: Content,
        name: str,
        *,
        sample: bool = False,
        parent: str | None = None,
        is_new: bool = True,
        report: Report = silent,
    ) -> DatasetView:
        """Write a content as the next version of the dataset `name`.

        `is_new` says that it is one even if its content is a version's already.
        """
        prefix = slug(name)
        relatives = self._relatives(prefix)
        with self._workspace.staging("datasets") as folder, disk_full_in_words(name):
            counts = write_rows(folder, content)
            if not is_new and (
                known := self._same(relatives, str(counts["sha256"]), content.recipe)
            ):
                raise _Known(known)
            manifest = {
                "format": FORMAT,
                "name": name.strip(),
                "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "sample": sample,
                "parent": parent or (relatives[-1].id if relatives else None),
                **counts,
                "locked": sorted({*content.locked, *self.locked_in(name)}),
            }
            write_recipe(folder / "recipe.json", content.recipe.as_json())
            report(Progress("saving", 0, 1, 0))
            return self.view(self._named(folder, prefix, manifest))

    def find(self, draft: Draft, name: str) -> DatasetView | None:
        """The version of the dataset `name` with this very content and flags, if it is saved."""
        relatives = self._relatives(slug(name))
        if not relatives:
            return None
        sha256 = content_of(self.locked(draft, name).conversations, draft.options.system)
        return self._same(relatives, sha256, draft.options)

    def locked(self, draft: Draft, name: str) -> Draft:
        """The draft as it would be saved: what earlier versions test is in the test split.

        Where it is a version cleaned again, what that one tests stays so under any name, and its
        rows keep their sources.
        """
        locked = self.locked_in(name)
        if draft.file in self._workspace.names("datasets"):
            origin = self.view(draft.file)
            locked |= self.locked_in(origin.name)
            if origin.parents:
                draft = _with_sources(draft, read_conversations(self.file(origin.id)))
        return with_locked_test(draft, locked)

    def locked_in(self, name: str) -> set[str]:
        """What the versions of the dataset `name` test: keys of groups, see `locked_keys`."""
        return set().union(*(self._locked(view.id) for view in self._relatives(slug(name))))

    def all(self) -> list[DatasetView]:
        """All versions, oldest first."""
        views = [self.view(name) for name in self._workspace.names("datasets")]
        return sorted(views, key=lambda view: (view.created_at, _number(view.id)))

    def view(self, dataset_id: str) -> DatasetView:
        """What a version's manifest says; raises NotFound."""
        manifest = self._manifest(dataset_id)
        fields = {name: manifest[name] for name in DatasetView.__slots__ if name in manifest}
        use = self._workspace.disk_use("datasets", dataset_id)
        return DatasetView(**{**fields, "id": DatasetId(dataset_id)}, bytes=use)

    def conversations(
        self, dataset_id: str, split: Split | None = None, limit: int | None = None
    ) -> list[Conversation]:
        """The (first) conversations of a version, each below its system prompt if there is one."""
        system = self.view(dataset_id).system
        rows = self.rows(dataset_id, limit)
        return [below(row, system) for row in rows if split in (None, row.split)]

    def removed_rows(self, dataset_id: str) -> list[RemovedRow]:
        """What cleaning removed, with step and reason."""
        return read_removed(self._folder(dataset_id) / "removed.parquet")

    def recipe(self, dataset_id: str) -> Recipe:
        """How a version was made."""
        return read_recipe(self._folder(dataset_id) / "recipe.json")

    def rows(self, dataset_id: str, limit: int | None = None) -> list[Conversation]:
        """The (first) conversations of a version as they are stored, without its system prompt."""
        added = self._folder(dataset_id) / "added.parquet"
        rows = read_conversations(self.file(dataset_id), limit)
        if added.exists() and len(rows) < (limit or len(rows) + 1):
            rows += read_conversations(added, limit and limit - len(rows))
        return rows

    def file(self, dataset_id: str) -> Path:
        """The version's conversations, without added rows, as a file that can be prepared again."""
        return self._folder(dataset_id) / "conversations.parquet"

    def rename(self, dataset_id: str, name: str) -> None:
        """Call a version something else; its id stays, so nothing that came of it is lost."""
        slug(name)  # refuses what could not be a name
        manifest = self._manifest(dataset_id)
        write_json(self._folder(dataset_id) / "manifest.json", manifest | {"name": name.strip()})

    def delete(self, dataset_id: str) -> None:
        """Remove a version for good."""
        self._workspace.delete("datasets", dataset_id)

    def ensure_sample(self) -> DatasetView:
        """The bundled sample as a saved version, made if there is none."""
        for view in self.all():
            if view.sample:
                return view
        return self.save(prepare(SAMPLE_FILE), SAMPLE_NAME, sample=True)

    def _same(
        self, relatives: Sequence[DatasetView], sha256: str, made: Recipe | Options
    ) -> DatasetView | None:
        """The version with this content, if its rows are flagged alike too."""
        flags = flagged_rows(made.edits)
        same = (view for view in relatives if view.sha256 == sha256)
        return next((v for v in same if flagged_rows(self.recipe(v.id).edits) == flags), None)

    def _named(self, folder: Path, prefix: str, manifest: dict[str, object]) -> str:
        """Give a filled folder the next free number; two writers never get the same."""
        numbers = [_number(view.id) for view in self._relatives(prefix)]
        number = 1 + max(numbers, default=0)
        while True:
            target = self._workspace.folder("datasets", f"{prefix}-v{number}")
            write_json(folder / "manifest.json", {"id": target.name, **manifest})
            try:
                folder.rename(target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                number += 1
            else:
                return target.name

    def _relatives(self, prefix: str) -> list[DatasetView]:
        """The versions of one dataset, oldest first: by their id, or by what they are called."""
        return [v for v in self.all() if _family(v.id) == prefix or slug(v.name) == prefix]

    def _locked(self, dataset_id: str) -> set[str]:
        return set(cast(list[str], self._manifest(dataset_id)["locked"]))

    def _manifest(self, dataset_id: str) -> dict[str, Any]:
        return read_json(self._folder(dataset_id) / "manifest.json")

    def _folder(self, dataset_id: str) -> Path:
        return self._workspace.existing("datasets", dataset_id)


def below(conversation: Conversation, system: str | None) -> Conversation:
    """The conversation below the dataset's system prompt; a row's own goes before it."""
    if system is None or conversation.turns[0].speaker == "system":
        return conversation
    return replace(conversation, turns=(Turn("system", system), *conversation.turns))


def _with_sources(draft: Draft, rows: Sequence[Conversation]) -> Draft:
    """The draft of a version's own file, each row with the source that it has there."""
    source = {number: row.source for number, row in enumerate(rows, start=1)}
    kept = (replace(c, source=source.get(c.row or 0)) for c in draft.conversations)
    return replace(draft, conversations=tuple(kept))


def _family(dataset_id: str) -> str:
    return dataset_id.rpartition("-v")[0]


def _number(dataset_id: str) -> int:
    tail = dataset_id.rpartition("-v")[2]
    return int(tail) if tail.isdigit() else 0
