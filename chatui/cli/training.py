"""The commands of training: start, watch, stop, resume and continue runs; keep their options."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from chatui.cli import measuring
from chatui.cli.opening import AsJson, Where, open_services, pairs
from chatui.cli.planning import (
    base_and_beginning,
    checked_options,
    first_problem,
    flavor_of,
    say_if_tight,
    say_what_was_added,
)
from chatui.cli.printing import follow, show, table
from chatui.errors import BadOption, FileNotWritable
from chatui.services import Services
from chatui.train.by_source import source_lines
from chatui.train.config_file import ConfigFile, differences, read_config_file, to_yaml

Options = Annotated[list[str] | None, typer.Option("--set", help="A training option, KEY=VALUE.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it has ended.")]
Processes = Annotated[int, typer.Option(help="Processes that train together, one for each GPU.")]
Sharded = Annotated[
    bool | None,
    typer.Option(
        "--sharded/--whole",
        help="Divide the base model among the processes; by default where no GPU holds it.",
    ),
]
Run = Annotated[str, typer.Argument(help="A run, such as r1.")]


def train(
    dataset: Annotated[
        str | None, typer.Argument(help="A dataset version; may stand in the --config file.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="starter (the default), a local folder or a Hub name.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(help="Chat template for a base without one: chatml, inst or plain."),
    ] = None,
    from_adapter: Annotated[
        str | None,
        typer.Option(help="Go on from an adapter: a run, a folder or a Hub name."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A YAML file of options, as `config` writes it.")
    ] = None,
    options: Options = None,
    processes: Processes = 1,
    sharded: Sharded = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Make the run and say how to start it by hand.")
    ] = False,
    on: Annotated[
        str | None, typer.Option(help="hf:FLAVOR trains on Hugging Face Jobs: hf:a10g-small.")
    ] = None,
    hours: Annotated[float, typer.Option(help="Hours after which that machine goes back.")] = 12.0,
    wait: Wait = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure five steps of it: time and memory.")
    ] = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Fine-tune a base model on a dataset version, as a job of its own."""
    from chatui.train.launching import Launch

    services = open_services(workspace)
    file = read_config_file(config) if config else ConfigFile()
    if (version := dataset or file.dataset) is None:
        raise BadOption("DATASET", "no dataset version is named, here or in a --config file")
    named, beginning = base_and_beginning(services, base or file.base, template, from_adapter)
    made_with = beginning.options if beginning else {}  # that need not be said again
    checked = checked_options({**made_with, **file.options, **pairs(options or [], "--set")})
    if dry_run:
        measuring.dry_run(services, version, checked, named, as_json=as_json)
        return
    launch = Launch(
        processes, sharded, is_here=not prepare, flavor=on and flavor_of(on), hours=hours
    )
    run_id = services.runs.start(version, checked, named, beginning=beginning, launch=launch)
    if prepare:
        line = services.runs.by_hand(run_id)
        show({"run": run_id, "command": line}, f"{run_id} is made. Start it with: {line}", as_json)
        return
    if launch.is_on_one_device:
        say_if_tight(services, version, checked, named)
    _wait_and_show(services, run_id, wait, as_json)


def continue_(
    run: Run,
    dataset: Annotated[
        str | None, typer.Option(help="Another dataset version; by default the run's own.")
    ] = None,
    options: Options = None,
    wait: Wait = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Start a new run that goes on from the adapter of another one."""
    from chatui.train.privacy_checks import with_what_privacy_needs

    services = open_services(workspace)
    changes = pairs(options or [], "--set")
    try:
        completed = with_what_privacy_needs(changes, services.runs.view(run).config)
        say_what_was_added(completed, changes)
        new = services.runs.continue_run(run, completed, dataset)
    except ValidationError as error:
        raise BadOption("--set", first_problem(error)) from error
    _wait_and_show(services, new, wait, as_json)


def config(
    run: Run,
    against: Annotated[
        str | None, typer.Option(help="Another run: list what differs instead.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the YAML here.")
    ] = None,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Show the options of a run, as YAML for `train --config`, or what two runs do not share."""
    runs = open_services(workspace).runs
    view = runs.view(run)
    if against is not None:
        differ = differences(view.chosen, runs.view(against).chosen)
        rows = [[name, _cell(one), _cell(other)] for name, (one, other) in differ.items()]
        text = table(["option", run, against], rows) if rows else "They were configured alike."
        show({"runs": [run, against], "differences": differ}, text, as_json)
        return
    text = to_yaml(view.config, dataset=view.dataset, base=view.base)
    if output is None:
        show(dict(view.chosen), text.rstrip(), as_json)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileNotWritable(str(output), error.strerror or "it is refused") from error
    show({"run": run, "file": str(output)}, f"{run} is configured as in {output}.", as_json)


def runs(workspace: Where = None, as_json: AsJson = False) -> None:
    """List the runs."""
    services = open_services(workspace)
    services.jobs.tend()
    results = [_run_facts(services, view.id) for view in services.runs.all()]
    keys = ("run", "state", "step", "steps", "validation_perplexity")
    text = table(keys, [[_cell(result[key]) for key in keys] for result in results])
    show({"runs": results}, text, as_json)


def show_run(run: Run, workspace: Where = None, as_json: AsJson = False) -> None:
    """Show how a run stands."""
    services = open_services(workspace)
    services.jobs.tend()
    _wait_and_show(services, run, False, as_json)


def stop(
    run: Run,
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete the run and all that it has learned.")
    ] = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Stop a run; what it has learned so far is kept, unless it is discarded."""
    services = open_services(workspace)
    if not discard:
        services.runs.stop(run)
        _wait_and_show(services, run, True, as_json)
        return
    folder = services.runs.view(run).job.folder
    services.runs.discard(run)
    if folder.exists():
        follow(services, lambda: services.jobs.view(folder), run)
        services.runs.all()  # its worker has ended: now it is deleted
    show({"run": run, "state": "discarded"}, f"{run} was stopped and discarded.", as_json)


def resume(
    run: Run,
    processes: Annotated[
        int | None, typer.Option(help="Another number of processes than it began with.")
    ] = None,
    sharded: Sharded = None,
    wait: Wait = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that was stopped, interrupted or has failed."""
    from chatui.train.launching import Launch

    services = open_services(workspace)
    same = processes is None and sharded is None
    count = processes or services.runs.view(run).processes
    services.runs.resume(run, None if same else Launch(count, sharded))
    _wait_and_show(services, run, wait, as_json)


def _wait_and_show(services: Services, run_id: str, wait: bool, as_json: bool) -> None:
    if wait:
        follow(services, lambda: services.runs.view(run_id).job, run_id)
    facts = _run_facts(services, run_id)
    show(facts, services.runs.view(run_id).sentence, as_json)


def _run_facts(services: Services, run_id: str) -> dict[str, object]:
    view = services.runs.view(run_id)
    return {
        "run": view.id,
        "state": view.job.state,
        "step": view.job.step,
        "steps": view.job.steps,
        "train_loss": view.train_loss,
        "validation_perplexity": view.validation_perplexity,
        "reward_margin": view.reward_margin,
        "reward_accuracy": view.reward_accuracy,
        "tokens_per_second": view.tokens_per_second,
        "peak_memory_mb": view.peak_memory_mb,
        "continues": view.continues,
        "epsilon": view.spent.epsilon if view.spent else None,
        "delta": view.spent.delta if view.spent else None,
        "sources": [asdict(line) for line in source_lines(view)],
    }


def _cell(value: object) -> str:
    return "" if value is None else str(value)


COMMANDS: dict[str, Callable[..., None]] = {
    "train": train,
    "continue": continue_,
    "config": config,
    "runs": runs,
    "show": show_run,
    "stop": stop,
    "resume": resume,
}
