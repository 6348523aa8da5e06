"""The command that tells what a base model is, before anything of it is downloaded."""

from typing import Annotated

import typer

from chatui.cli.opening import AsJson
from chatui.cli.printing import show


def base(
    name: Annotated[str, typer.Argument(help="starter, a local folder or a Hub name.")],
    as_json: AsJson = False,
) -> None:
    """Show the size, the licence and the parameters of a base model; downloads nothing."""
    from chatui.model.facts import facts_of

    facts = facts_of(name)
    show(facts.as_json(), facts.sentence, as_json)


COMMANDS = (base,)
