"""Commands about single rows of a version: edit, exclude, flag. Each makes the next version."""

from typing import Annotated

import typer
from pydantic import ValidationError

from chatui.cli.data import Dataset, show_version
from chatui.cli.opening import AsJson, Where, open_services, pairs
from chatui.cli.printing import say, show
from chatui.conversation import Turn
from chatui.data.store import DatasetStore
from chatui.errors import BadOption

Rows = Annotated[list[int], typer.Argument(help="Numbers of rows, as the file counts them.")]


def edit(
    dataset: Dataset,
    row: Annotated[int, typer.Argument(help="The number of the row, as the file counts them.")],
    user: Annotated[str | None, typer.Option("--user", help="The last question, anew.")] = None,
    reply: Annotated[str | None, typer.Option("--reply", help="The last reply, anew.")] = None,
    turn: Annotated[
        list[str] | None, typer.Option("--turn", help="Any turn anew, as NUMBER=TEXT.")
    ] = None,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Say what a row is to say instead, in a new version."""
    from chatui.data.editing import reworded
    from chatui.data.revising import revise, turns_of

    store = open_services(workspace).datasets
    turns = list(turns_of(store, dataset, row))
    for speaker, text in (("user", user), ("assistant", reply)):
        if text is not None:
            at = max((n for n, said in enumerate(turns) if said.speaker == speaker), default=-1)
            turns[at] = Turn(turns[at].speaker, text)
    for number, text in pairs(turn or [], "--turn").items():
        if not number.isdigit() or not 1 <= int(number) <= len(turns):
            raise BadOption("--turn", f"row {row} has turns 1 to {len(turns)}")
        turns[int(number) - 1] = Turn(turns[int(number) - 1].speaker, text)
    if user is None and reply is None and not turn:
        raise BadOption("--user", "say what is to be said: --user, --reply or --turn NUMBER=TEXT")
    try:
        edits = reworded(store.recipe(dataset).edits, row, turns)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise BadOption("--reply" if "reply" in problem else "--user", problem) from error
    show_version(revise(store, dataset, edits), as_json)


def exclude(dataset: Dataset, rows: Rows, workspace: Where = None, as_json: AsJson = False) -> None:
    """Leave rows out, in a new version; `restore` brings them back."""
    from chatui.data.editing import left_out
    from chatui.data.revising import revise

    store = open_services(workspace).datasets
    edits = left_out(store.recipe(dataset).edits, rows)
    if edits == store.recipe(dataset).edits:
        say(f"They are left out of {dataset} already, so there is no new version.")
        show_version(store.view(dataset), as_json)
        return
    show_version(revise(store, dataset, edits), as_json)


def flag(
    dataset: Dataset,
    rows: Annotated[
        list[int] | None, typer.Argument(help="Numbers of rows; none lists those flagged.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Take the flag off.")] = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Flag rows to be looked at again, in a new version; without rows, list the flagged ones."""
    from chatui.data.editing import flagged
    from chatui.data.revising import revise

    store = open_services(workspace).datasets
    old = store.recipe(dataset).edits
    edits = flagged(old, rows or [], is_on=not off)
    if edits == old:
        _list_flagged(store, dataset, as_json)
        return
    show_version(revise(store, dataset, edits), as_json)


def _list_flagged(store: DatasetStore, dataset: str, as_json: bool) -> None:
    from chatui.data.editing import flagged_rows

    wanted = flagged_rows(store.recipe(dataset).edits)
    rows = [c for c in store.rows(dataset) if c.row in wanted]
    found = [{"row": c.row, "messages": [turn.as_message() for turn in c.turns]} for c in rows]
    lines = [f"row {c.row}: {' → '.join(turn.text for turn in c.turns)[:200]}" for c in rows]
    text = "\n".join(lines) or f"No row of {dataset} is flagged."
    show({"dataset": dataset, "flagged": found}, text, as_json)


COMMANDS = (edit, exclude, flag)
