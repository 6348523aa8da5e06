"""Commands about dataset versions: clean again, removed rows, restore, differences, export."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from chatui.cli.opening import AsJson, Where, open_services
from chatui.cli.printing import say, show, table
from chatui.data.cleaning import RemovedRow
from chatui.data.exporting import Format
from chatui.data.pipeline import Prepared
from chatui.data.prepare import Draft
from chatui.data.store import DatasetView
from chatui.data.strata import StratifyBy

RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="JSON: steps, parameters, columns, seed.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; save nothing.")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", help="Write what stands behind each placeholder there, for you alone."),
]
Stratified = Annotated[
    StratifyBy | None,
    typer.Option("--stratify-by", help="Give each split the same share of every label."),
]
ByContent = Annotated[
    bool,
    typer.Option("--split-by-content", help="Rows added later leave others in their splits."),
]
Dataset = Annotated[str, typer.Argument(help="A dataset version.")]


def show_draft(draft: Draft, as_json: bool) -> None:
    """Print what saving a draft would do, with up to 20 examples a step; nothing is saved."""
    result = {
        "dataset": None,
        "rows_read": draft.rows_read,
        "kept": len(draft.kept),
        "removed": draft.removed_by,
        "joined": len(draft.joined),
        "changed": draft.changed,
        "quarantined": [asdict(row) for row in draft.quarantined],
        "accounted": draft.accounted,
        "splits": draft.splits,
        "examples": {s: [asdict(e) for e in draft.examples.get(s, ())] for s in draft.changed},
        "removed_examples": {
            s: [row_as_json(r) for r in [r for r in draft.removed if r.step == s][:20]]
            for s in draft.removed_by
        },
    }
    show_dry_run(result, as_json)


def show_dry_run(result: dict[str, Any], as_json: bool) -> None:
    """Print what saving would do."""
    changed, removed, joined = result["changed"], result["removed"], result["joined"]
    counts = [[s, str(changed.get(s, 0)), str(removed.get(s, 0))] for s in {**changed, **removed}]
    head = f"{result['rows_read']} read = {result['kept']} kept + {sum(removed.values())} removed"
    head += f" + {joined} joined to others" if joined else ""
    text = f"Nothing was saved. {head}\n{table(['step', 'changed', 'removed'], counts)}"
    show(result, text, as_json)


def save_key(draft: Draft | Prepared, path: Path | None) -> None:
    """Write what was masked to a file that only its owner may read, if one was asked for."""
    from chatui.data.exporting import export_key

    if path is None:
        return
    values = draft.masked_values
    export_key(values, path)
    say(f"{len(values)} masked values are in {path}. Keep it apart from the dataset.")


def clean(
    dataset: Dataset,
    recipe: Annotated[Path, typer.Option("--recipe", help="JSON: steps, parameters, seed.")],
    dry_run: DryRun = False,
    key: KeyFile = None,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Clean a version by a recipe and save the next one."""
    from chatui.data.recipe import read_recipe
    from chatui.data.revising import cleaned_draft

    store = open_services(workspace).datasets
    draft = cleaned_draft(store, dataset, read_recipe(recipe))
    if dry_run:
        show_draft(draft, as_json)
        return
    save_key(draft, key)
    view = store.save(draft, store.view(dataset).name, parent=dataset)
    if view.id == dataset:
        say(f"The recipe changes nothing in {dataset}, so there is no new version.")
    show_version(view, as_json)


def removed(
    dataset: Dataset,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Only what this cleaning step removed.")
    ] = None,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """List the rows that cleaning removed, with step and reason."""
    from chatui.data.cleaning import ALL_STEPS, checked_steps

    names = [step.name for step in ALL_STEPS]
    wanted = checked_steps([reason] if reason else names, names)
    rows = open_services(workspace).datasets.removed_rows(dataset)
    found = [row_as_json(row) for row in rows if row.step in wanted]
    lines = [[str(row["row"]), str(row["step"]), str(row["reason"])] for row in found]
    show({"dataset": dataset, "removed": found}, table(["row", "step", "reason"], lines), as_json)


def restore(
    dataset: Dataset,
    rows: Annotated[list[int], typer.Argument(help="Numbers of removed rows.")],
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Bring removed rows back, in a new version."""
    from chatui.data.revising import restore as restore_rows

    view = restore_rows(open_services(workspace).datasets, dataset, rows)
    show_version(view, as_json)


def diff(
    before: Annotated[str, typer.Argument(help="A dataset version.")],
    after: Annotated[str, typer.Argument(help="Another one.")],
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Compare two versions: rows added, removed and changed."""
    from chatui.data.comparing import compare

    found = compare(open_services(workspace).datasets, before, after)
    show(found.as_json(), found.as_text(), as_json)


def export(
    dataset: Dataset,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    form: Annotated[Format, typer.Option("--format", help="What a line looks like.")] = "messages",
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Write a version's conversations to a file that other programs read."""
    from chatui.data.exporting import export as export_to

    store = open_services(workspace).datasets
    result = export_to(store, dataset, form, output)
    show(result, f"{result['rows']} conversations of {dataset} are in {output}.", as_json)


def show_version(view: DatasetView, as_json: bool) -> None:
    """Print what a version is, and which one it follows."""
    gone = sum(view.removed.values())
    text = f"{view.id}: {view.rows_read} read = {view.kept} kept + {gone} removed"
    text += f" + {view.joined} joined to others" if view.joined else ""
    text += f"; {view.added} added for training" if view.added else ""
    result: Mapping[str, object] = {
        "dataset": view.id,
        "parent": view.parent,
        "rows_read": view.rows_read,
        "kept": view.kept,
        "removed": view.removed,
        "joined": view.joined,
        "added": view.added,
        "accounted": is_accounted(view),
        "changed": view.changed,
        "splits": view.splits,
        "sha256": view.sha256,
    }
    show(result, f"{text}\nfollows {view.parent}, splits: {view.splits}", as_json)


def is_accounted(view: DatasetView) -> bool:
    """Whether each row that a version is made of is in one place, and its own ones in splits."""
    read = view.kept + sum(view.removed.values()) + view.joined
    return read == view.rows_read and sum(view.splits.values()) == view.kept + view.added


def row_as_json(row: RemovedRow) -> dict[str, object]:
    """A removed row, for programs."""
    return {
        "row": row.row,
        "step": row.step,
        "reason": row.reason,
        "messages": [turn.as_message() for turn in row.turns],
        "raw": row.raw,
    }


COMMANDS = (clean, removed, restore, diff, export)
