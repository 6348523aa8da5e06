"""The command that measures a version: lengths, tokens, languages, copies, and what to mend."""

from dataclasses import asdict
from typing import Annotated

import typer

from chatui.cli.data import Dataset
from chatui.cli.opening import AsJson, Where, open_services
from chatui.cli.printing import say, show, table
from chatui.data.measures import Measures, Spread


def stats(  # noqa: PLR0917 - Typer passes arguments by name
    dataset: Dataset,
    base: Annotated[str, typer.Option(help="Whose tokens: starter, a folder or Hub name.")] = "",
    max_length: Annotated[
        int | None, typer.Option("--max-length", min=16, help="Tokens that training reads.")
    ] = None,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Measure all conversations of a version by a base model's tokenizer, and say what to mend."""
    from chatui.data.editing import flagged_rows
    from chatui.data.health import examine
    from chatui.data.measures import measure
    from chatui.model.catalog import STARTER, find_base
    from chatui.model.counting import counter_of
    from chatui.train.config import TrainConfig

    store = open_services(workspace).datasets
    rows = store.conversations(dataset)
    model = find_base(base or STARTER)
    limit = max_length or TrainConfig().max_length
    limit = min(limit, model.context or limit)
    found = measure(
        rows,
        counter_of(model),
        model.name,
        limit,
        progress=lambda done: _tell(done, len(rows)),
    )
    health = examine(rows, found, flagged_rows(store.recipe(dataset).edits))
    result = {"dataset": dataset, **found.as_json(), "health": [asdict(f) for f in health.findings]}
    said = [f"{f.subject}: {f.sentence}" for f in health.findings]
    show(result, "\n".join([_in_words(found), *said]), as_json)


def _tell(done: int, total: int) -> None:
    if total > 5000 and done % 5000 == 0:
        say(f"{done:,} of {total:,} conversations")


def _in_words(found: Measures) -> str:
    lines = [_line(f"tokens ({found.base})", found.tokens), _line("turns", found.turns)]
    for who, role in found.roles.items():
        lines.append(_line(f"{who}: tokens", role.tokens))
        lines.append(_line(f"{who}: characters", role.characters))
    head = ("of a conversation", "half have at most", "95 % at most", "most", "all together")
    languages = ", ".join(f"{code} {count}" for code, count in found.languages)
    cut = f"{found.cut} of {found.conversations} have more than {found.limit} tokens and are cut"
    return f"{table(head, lines)}\n{cut}\nlanguages: {languages}\ncopies: {found.copies}"


def _line(name: str, spread: Spread) -> list[str]:
    return [name, *(f"{n:,}" for n in (spread.p50, spread.p95, spread.most, spread.total))]


COMMANDS = (stats,)
