"""Make a version from a version: cleaned by another recipe, or with single rows decided otherwise.

None of it needs the file that the first version came from. Rows keep the numbers that they had in
it, so its recipe, applied to the file, gives the next version too.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from chatui.conversation import Conversation, Turn, conversation_id
from chatui.data.cleaning import (
    EXCLUDED,
    FINAL_STEPS,
    Account,
    CleanRow,
    RemovedRow,
    as_stored,
    clean,
)
from chatui.data.content import Content
from chatui.data.editing import (
    Edits,
    brought_back,
    checked_edits,
    edit_of,
    excluded_rows,
    left_out,
)
from chatui.data.formats import RawRow
from chatui.data.prepare import Draft, Options, draft_of
from chatui.data.recipe import Recipe
from chatui.data.splitting import assign_splits, group_of, splits_by_content
from chatui.data.store import DatasetStore, DatasetView
from chatui.data.strata import strata_of
from chatui.data.together import grouped
from chatui.data.turns import in_order
from chatui.errors import NotEditable, NotRestorable


def cleaned_draft(store: DatasetStore, dataset_id: str, recipe: Recipe) -> Draft:
    """A version's conversations cleaned by a recipe; its columns and rows are another file's.

    The version's system prompt stays, unless the recipe brings one.
    """
    view = store.view(dataset_id)
    options = replace(recipe.options(), mapping=(), restored=(), edits=())
    options = replace(options, system=options.system or view.system)
    return draft_of(store.file(dataset_id), options, view.id)


def leave_out(draft: Draft, rows: Collection[int]) -> Options:
    """The options of a draft with rows left out."""
    return replace(draft.options, edits=left_out(draft.options.edits, rows))


def bring_back(draft: Draft, rows: Collection[int]) -> Options:
    """The options of a draft with removed rows back: by hand left out, or removed by a step."""
    by_hand = {row.row for row in draft.removed if row.step == EXCLUDED.name} & set(rows)
    restored = tuple(sorted({*draft.options.restored, *(set(rows) - by_hand)}))
    edits = brought_back(draft.options.edits, rows)
    return replace(draft.options, restored=restored, edits=edits)


def restore(store: DatasetStore, dataset_id: str, rows: Collection[int]) -> DatasetView:
    """Save the next version, with removed rows back in their places; raises NotRestorable.

    They are mended by the version's own steps, but none may remove them again. A row that was left
    out by hand is simply no longer left out. Rows that were added to the version are left behind:
    the split is made anew, and they must follow it.
    """
    removed = {row.row: row for row in store.removed_rows(dataset_id)}
    for number in rows:
        if number not in removed:
            raise NotRestorable(dataset_id, number, "it was not removed")
        if removed[number].step in FINAL_STEPS or not removed[number].turns:
            raise NotRestorable(dataset_id, number, removed[number].reason)
    recipe = store.recipe(dataset_id)
    by_hand = {number for number in rows if removed[number].step == EXCLUDED.name}
    back = tuple(sorted({*recipe.restored, *(set(rows) - by_hand)}))
    changed = {"restored": back, "edits": brought_back(recipe.edits, rows)}
    return _Revision(store, dataset_id, set(rows)).save(recipe.model_copy(update=changed))


def revise(store: DatasetStore, dataset_id: str, edits: Edits) -> DatasetView:
    """Save the next version, with other decisions about single rows; raises NotEditable.

    `edits` are all that are to hold then: those of the version's recipe, and what was changed.
    """
    recipe = store.recipe(dataset_id)
    rows = {e.row for e in (*edits, *recipe.edits)}
    changed = {n for n in rows if edit_of(edits, n) != edit_of(recipe.edits, n)}
    revision = _Revision(store, dataset_id, changed)
    revision.check(edits)
    return revision.save(recipe.model_copy(update={"edits": edits}))


def turns_of(store: DatasetStore, dataset_id: str, row: int) -> tuple[Turn, ...]:
    """What a row of a version says, be it kept or removed; raises NotEditable."""
    found = [c.turns for c in store.rows(dataset_id) if c.row == row]
    found += [gone.turns for gone in store.removed_rows(dataset_id) if gone.row == row]
    if not found or not found[0]:
        why = "it could not be read" if found else "there is no such row"
        raise NotEditable(dataset_id, row, why)
    return found[0]


@dataclass(slots=True)
class _Revision:
    """A version, and the rows of it that are to become otherwise."""

    store: DatasetStore
    dataset_id: str
    rows: set[int]

    def check(self, edits: Edits) -> None:
        """Raise NotEditable for a row that is not there, or that holds no conversation."""
        stored = self.store.rows(self.dataset_id)
        kept = Counter(row.row for row in stored if row.parent is None)
        if twice := [number for number in sorted(self.rows) if kept[number] > 1]:
            why = "several rows have this number, because they come from several datasets"
            raise NotEditable(self.dataset_id, twice[0], why)
        removed = {row.row: row for row in self.store.removed_rows(self.dataset_id)}
        for number in sorted(self.rows - kept.keys()):
            gone = removed.get(number)
            if gone is None:
                raise NotEditable(self.dataset_id, number, "there is no such row")
            edit = edit_of(edits, number)
            if not gone.turns:
                raise NotEditable(self.dataset_id, number, gone.reason)
            if not edit.turns and gone.step != EXCLUDED.name:
                raise NotEditable(self.dataset_id, number, f"it was removed: {gone.reason}")

    def save(self, recipe: Recipe) -> DatasetView:
        """Write the next version, made by a recipe that differs in these rows only."""
        view = self.store.view(self.dataset_id)
        stored = [row for row in self.store.rows(self.dataset_id) if row.parent is None]
        removed = self.store.removed_rows(self.dataset_id)
        account = self._cleaned(stored, removed, recipe)
        stays = [row for row in stored if row.row not in self.rows]
        changed = account.kept
        if "pii" in recipe.steps:
            recipe = recipe.model_copy(update={"edits": self._masked(recipe.edits, changed)})
        threads: dict[int | None, str | None] = {gone.row: gone.thread for gone in removed}
        threads |= {row.row: row.thread for row in stored}
        made = _conversations(changed, stored, threads)
        merged = sorted([*stays, *made], key=lambda c: c.row or 0)
        if not merged:
            raise NotEditable(self.dataset_id, min(self.rows), "no row would be left")
        keys = _keys(merged, stored, changed)
        locked = self.store.locked_in(view.name)
        conversations = _split(merged, keys, recipe, locked)
        tested = zip(conversations, keys, strict=True)
        now_gone = [row for row in removed if row.row not in self.rows]
        now_gone += [replace(row, thread=threads.get(row.row)) for row in account.removed]
        content = Content(
            conversations=conversations,
            removed=sorted(now_gone, key=lambda row: row.row),
            changed=_sum(view.changed, account.changed),
            recipe=recipe,
            locked=frozenset(key for c, names in tested if c.split == "test" for key in names),
            joined=view.joined,
        )
        return self.store.add(content, view.name, parent=view.id)

    def _masked(self, edits: Edits, kept: Sequence[CleanRow]) -> Edits:
        """The edits with nothing in them that was to be masked."""
        mine = as_stored(tuple(e for e in edits if e.row in self.rows), kept)
        return checked_edits([*(e for e in edits if e.row not in self.rows), *mine])

    def _cleaned(
        self, stored: Sequence[Conversation], removed: Sequence[RemovedRow], recipe: Recipe
    ) -> Account:
        """The rows as they are to be; raises NotRestorable for one that is no conversation."""
        # What is masked in the others keeps its numbers only if they are read too.
        is_masked = "pii" in recipe.steps
        rows = [_raw(c) for c in stored if is_masked or c.row in self.rows]
        rows += [_raw(gone) for gone in removed if is_masked or gone.row in self.rows]
        edits = tuple(edit for edit in recipe.edits if edit.row in self.rows)
        stay = {row.row for row in rows}
        account = clean(rows, recipe.steps, recipe.parameters, stay, edits=edits)
        account.removed = [row for row in account.removed if row.row in self.rows]
        account.kept = [row for row in account.kept if row.row in self.rows]
        for row in account.removed:
            if row.row not in excluded_rows(edits):
                raise NotRestorable(self.dataset_id, row.row, row.reason)
        return account


def _raw(row: Conversation | RemovedRow) -> RawRow:
    return RawRow(row.row or 0, row.turns, row.label, row.rejected)


def _keys(
    merged: Sequence[Conversation], stored: Sequence[Conversation], changed: Sequence[CleanRow]
) -> list[set[str]]:
    """What names each row for the lock of the test split: also what it said before."""
    was = {c.row: {group_of(c.turns)} for c in stored}
    for row in changed:
        was.setdefault(row.row, set()).add(group_of(in_order(row.before)))
    return [{group_of(c.turns), *was.get(c.row or 0, ())} for c in merged]


def _split(
    rows: Sequence[Conversation], keys: Sequence[set[str]], recipe: Recipe, locked: set[str]
) -> list[Conversation]:
    """The rows split again; one that any of its keys locks is tested, with its whole group."""
    groups = grouped(rows)
    is_locked = {g for g, names in zip(groups, keys, strict=True) if not names.isdisjoint(locked)}
    if recipe.split_by_content:
        splits = splits_by_content(groups, recipe.seed, is_locked)
    else:
        strata = strata_of([row.label for row in rows], recipe.stratify_by)
        splits = assign_splits(groups, recipe.seed, is_locked, strata)
    placed = zip(rows, groups, splits, strict=True)
    return [replace(row, group=group, split=split) for row, group, split in placed]


def _conversations(
    rows: Sequence[CleanRow],
    stored: Sequence[Conversation],
    threads: Mapping[int | None, str | None],
) -> list[Conversation]:
    """The rows as conversations; copies of what is there get a number behind their name."""
    changed = {row.row for row in rows}
    was = {c.row: c for c in stored}
    taken = {c.id for c in stored if c.row not in changed}
    made = []
    for row in rows:
        plain = name = conversation_id(row.turns)
        number = 1
        while name in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name)
        file = stored[0].file if stored else None
        old = was.get(row.row) or Conversation(name, row.turns, file=file, row=row.row)
        old = replace(old, turns=row.turns, rejected=row.rejected, label=row.label)
        old = replace(old, thread=threads.get(row.row))
        made.append(replace(old, id=name))
    return made


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
