"""Make a version from a version: cleaned by another recipe, or with removed rows back.

Neither needs the file that the first version came from.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from chatui.conversation import Conversation, conversation_id
from chatui.data.cleaning import FINAL_STEPS, CleanRow, RemovedRow, clean
from chatui.data.content import Content
from chatui.data.formats import RawRow
from chatui.data.grouping import groups_of
from chatui.data.prepare import Draft, draft_of
from chatui.data.recipe import Recipe
from chatui.data.splitting import assign_splits, group_of, strata_of
from chatui.data.store import DatasetStore, DatasetView
from chatui.data.turns import in_order
from chatui.errors import NotRestorable


def cleaned_draft(store: DatasetStore, dataset_id: str, recipe: Recipe) -> Draft:
    """A version's conversations cleaned by a recipe; its columns and rows are another file's.

    The version's system prompt stays, unless the recipe brings one.
    """
    view = store.view(dataset_id)
    options = replace(recipe.options(), mapping=(), restored=())
    options = replace(options, system=options.system or view.system)
    return draft_of(store.file(dataset_id), options, view.id)


def restore(store: DatasetStore, dataset_id: str, rows: Collection[int]) -> DatasetView:
    """Save the next version, with removed rows back in their places; raises NotRestorable.

    They are mended by the version's own steps, but none may remove them again. Rows that were added
    to the version are left behind: the split is made anew, and they must follow it.
    """
    view, recipe = store.view(dataset_id), store.recipe(dataset_id)
    removed = store.removed_rows(dataset_id)
    wanted = [
        RawRow(row.row, row.turns, row.label, row.rejected)
        for row in _checked(view.id, removed, rows)
    ]
    account = clean(wanted, recipe.steps, recipe.parameters, rows)
    if account.removed:
        raise NotRestorable(view.id, account.removed[0].row, account.removed[0].reason)
    stored = [row for row in store.rows(dataset_id) if row.parent is None]
    merged = sorted([*stored, *_conversations(account.kept, stored)], key=lambda c: c.row or 0)
    as_read = {row.row: [group_of(in_order(row.before))] for row in account.kept}
    keys = [{group_of(c.turns), *as_read.get(c.row or 0, ())} for c in merged]
    conversations = _split(merged, keys, recipe, store.locked_in(view.name))
    tested = zip(conversations, keys, strict=True)
    content = Content(
        conversations=conversations,
        removed=[row for row in removed if row.row not in rows],
        changed=_sum(view.changed, account.changed),
        recipe=recipe.model_copy(update={"restored": tuple(sorted({*recipe.restored, *rows}))}),
        locked=frozenset(key for c, names in tested if c.split == "test" for key in names),
        joined=view.joined,
    )
    return store.add(content, view.name, parent=view.id)


def _split(
    rows: Sequence[Conversation], keys: Sequence[set[str]], recipe: Recipe, locked: set[str]
) -> list[Conversation]:
    """The rows split again; one that any of its keys locks is tested, with its whole group."""
    groups = groups_of(row.turns for row in rows)
    is_locked = {g for g, names in zip(groups, keys, strict=True) if not names.isdisjoint(locked)}
    strata = strata_of([row.label for row in rows], recipe.stratify_by)
    splits = assign_splits(groups, recipe.seed, is_locked, strata)
    placed = zip(rows, groups, splits, strict=True)
    return [replace(row, group=group, split=split) for row, group, split in placed]


def _checked(
    dataset_id: str, removed: Sequence[RemovedRow], rows: Collection[int]
) -> list[RemovedRow]:
    """The removed rows with these numbers, in the file's order."""
    known = {row.row: row for row in removed}
    for number in rows:
        if number not in known:
            raise NotRestorable(dataset_id, number, "it was not removed")
        if known[number].step in FINAL_STEPS or not known[number].turns:
            raise NotRestorable(dataset_id, number, known[number].reason)
    return [known[number] for number in sorted(set(rows))]


def _conversations(rows: Sequence[CleanRow], stored: Sequence[Conversation]) -> list[Conversation]:
    """The rows that come back; copies of what is there get a number behind their name."""
    taken = {conversation.id for conversation in stored}
    back = []
    for row in rows:
        plain = name = conversation_id(row.turns)
        number = 1
        while name in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name)
        back.append(
            Conversation(
                id=name,
                turns=row.turns,
                rejected=row.rejected,
                label=row.label,
                file=stored[0].file if stored else None,
                row=row.row,
            )
        )
    return back


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
