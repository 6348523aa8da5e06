"""What every command shares: its usual options, and opening the workspace."""

from pathlib import Path
from typing import Annotated

import typer

from chatui.errors import BadOption
from chatui.services import Services
from chatui.settings import Settings, load_settings

Where = Annotated[
    Path | None,
    typer.Option("--workspace", help="Folder that holds everything (or CHATUI_WORKSPACE)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")]


def open_services(workspace: Path | None) -> Services:
    """Open the workspace that was named, or the usual one."""
    return Services.open(settings_of(workspace))


def settings_of(workspace: Path | None, **chosen: object) -> Settings:
    """The settings, with what was given on the command line before the environment's."""
    given = {"workspace": workspace, **chosen}
    return load_settings(**{name: value for name, value in given.items() if value is not None})


def pairs(options: list[str], flag: str) -> dict[str, str]:
    """KEY=VALUE options as a dictionary; raises BadOption naming the flag."""
    parts = [option.partition("=") for option in options]
    if bad := next(
        (option for option, part in zip(options, parts, strict=True) if not part[1]), ""
    ):
        raise BadOption(flag, f"{bad!r} has no '='")
    return {key.strip(): value.strip() for key, _, value in parts}
