"""The commands of search: start one, list them, look at one, stop it and go on."""

from collections.abc import Callable
from typing import Annotated

import typer
from pydantic import ValidationError

from chatui.cli.opening import AsJson, Where, open_services, pairs
from chatui.cli.printing import follow, show, table
from chatui.errors import BadOption, BadSearch
from chatui.services import Services
from chatui.train.search_view import SearchView, Trial

_DEFAULT_TRIALS = 12


def search(
    dataset: Annotated[str, typer.Argument(help="A dataset version.")],
    trials: Annotated[
        int | None, typer.Option("--trials", help="Runs in all; 12 without --minutes.")
    ] = None,
    minutes: Annotated[
        float, typer.Option("--minutes", help="No run begins after so many minutes.")
    ] = 0.0,
    space: Annotated[
        str | None,
        typer.Option(help="What is tried: lr,rank=4..32,schedule=cosine|linear."),
    ] = None,
    method: Annotated[str, typer.Option(help="tpe or random.")] = "tpe",
    prune: Annotated[
        bool, typer.Option("--prune/--no-prune", help="Stop runs that do worse than others did.")
    ] = True,
    seed: Annotated[int, typer.Option(help="The same seed tries the same options.")] = 0,
    base: Annotated[str, typer.Option(help="starter, a local folder or a Hub name.")] = "starter",
    options: Annotated[
        list[str] | None, typer.Option("--set", help="What is not searched, KEY=VALUE.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it has ended.")] = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Search for the options with the lowest validation loss: each trial is a run."""
    from chatui.train.config import TrainConfig
    from chatui.train.search_record import SearchOptions

    services = open_services(workspace)
    if trials is None:
        trials = 0 if minutes else _DEFAULT_TRIALS
    given = {"trials": trials, "minutes": minutes, "method": method, "prune": prune}
    try:
        how = SearchOptions.model_validate({**given, "search_seed": seed})
    except ValidationError as error:
        raise BadSearch(_first_problem(error)) from error
    try:
        start = TrainConfig.model_validate(pairs(options or [], "--set"))
    except ValidationError as error:
        raise BadOption("--set", _first_problem(error)) from error
    parts = [part for part in (space or "").split(",") if part.strip()]
    name = services.searches.start(dataset, start, base, options=how, space=parts)
    _wait_and_show(services, name, wait, as_json)


def searches(
    search: Annotated[str | None, typer.Argument(help="A search, such as s1.")] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop it, and the run that it waits for.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with it.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it has ended.")] = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """List the searches, or the trials of one; stop one, or go on with it."""
    services = open_services(workspace)
    services.jobs.tend()
    if search is None:
        views = services.searches.all()
        rows = [[v.id, v.job.state, v.record.dataset, _best_loss(v)] for v in views]
        text = table(["search", "state", "dataset", "best loss"], rows)
        show({"searches": [_facts(view) for view in views]}, text, as_json)
        return
    if stop:
        services.searches.stop(search)
    if resume:
        services.searches.resume(search)
    _wait_and_show(services, search, wait or stop, as_json)


def _wait_and_show(services: Services, name: str, wait: bool, as_json: bool) -> None:
    if wait:
        follow(services, lambda: services.searches.view(name).job, name)
    view = services.searches.view(name)
    show(_facts(view), f"{view.sentence}\n{_trials_table(view)}".rstrip(), as_json)


def _facts(view: SearchView) -> dict[str, object]:
    best = view.best
    return {
        "search": view.id,
        "state": view.job.state,
        "dataset": view.record.dataset,
        "space": [dimension.text for dimension in view.record.space],
        "trials": [_trial_facts(trial) for trial in view.trials],
        "importances": dict(view.importances),
        "best": _trial_facts(best) if best else None,
    }


def _trial_facts(trial: Trial) -> dict[str, object]:
    return {
        "trial": trial.number + 1,
        "run": trial.run,
        "state": trial.state,
        "validation_loss": trial.loss,
        "options": dict(trial.values),
        "reason": trial.reason,
    }


def _trials_table(view: SearchView) -> str:
    if not view.trials:
        return ""
    names = [dimension.option for dimension in view.record.space]
    rows = [
        [
            str(trial.number + 1),
            trial.run or "",
            trial.state,
            "" if trial.loss is None else f"{trial.loss:.4f}",
            *(f"{trial.values[name]}" for name in names),
        ]
        for trial in view.trials
    ]
    return table(["trial", "run", "state", "loss", *names], rows)


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"


def _best_loss(view: SearchView) -> str:
    best = view.best
    return f"{best.loss:.4f} ({best.run})" if best and best.loss is not None else ""


COMMANDS: dict[str, Callable[..., None]] = {"search": search, "searches": searches}
