"""What a run is started with, read from words on the command line."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from chatui.cli.printing import say
from chatui.errors import BadOption
from chatui.services import Services

if TYPE_CHECKING:
    from chatui.train.beginnings import Beginning
    from chatui.train.config import TrainConfig


def base_and_beginning(
    services: Services, base: str | None, template: str | None, adapter: str | None
) -> "tuple[str, Beginning | None]":
    """The base model's name with its chat template, and the adapter to go on from, if any."""
    from chatui.model.catalog import STARTER

    named = _with_template(base, template) if base else None
    beginning = services.runs.beginning(adapter, named) if adapter else None
    if beginning:
        named = beginning.base
    return _with_template(named or STARTER, template), beginning


def checked_options(chosen: Mapping[str, object]) -> "TrainConfig":
    """The options of a run; raises BadOption."""
    from chatui.train.config import TrainConfig
    from chatui.train.privacy_checks import with_what_privacy_needs

    try:
        completed = with_what_privacy_needs(chosen)
        checked = TrainConfig.model_validate(completed)
    except ValidationError as error:
        raise BadOption("--set", first_problem(error)) from error
    say_what_was_added(completed, chosen)
    return checked


def say_what_was_added(completed: Mapping[str, object], chosen: Mapping[str, object]) -> None:
    """Name the options that privacy has brought along."""
    for name in completed:
        if name not in chosen:
            say(f"{name}={completed[name]}: privacy needs it")


def say_if_tight(services: Services, version: str, config: "TrainConfig", base: str) -> None:
    """Warn of a run that barely fits into this machine's memory."""
    from chatui.model.catalog import find_base

    fit = services.runs.forecast.fit(version, config, find_base(base))
    if fit and fit.warning:
        say(fit.warning)


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with some options."""
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"


def _with_template(base: str, choice: str | None) -> str:
    from chatui.model.templates import TEMPLATES, name_with

    if choice is None:
        return base
    if choice not in TEMPLATES:
        raise BadOption("--template", f"{choice!r} is none of {', '.join(TEMPLATES)}")
    return name_with(base, choice)


def flavor_of(on: str) -> str:
    """The machine of Hugging Face that `--on` names."""
    if not on.removeprefix("hf:").strip() or not on.startswith("hf:"):
        raise BadOption("--on", f"{on!r} is not hf: and a machine, such as hf:a10g-small")
    return on.removeprefix("hf:").strip()
