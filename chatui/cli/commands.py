"""Every command of the command line: read the arguments, call the core, print."""

import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer

from chatui.cli import bases, data, editing, mixing, searching, stats, training
from chatui.cli.opening import AsJson, Where
from chatui.cli.opening import open_services as _open
from chatui.cli.opening import pairs as _pairs
from chatui.cli.opening import settings_of as _settings
from chatui.cli.printing import follow, say, show, table
from chatui.conversation import Split
from chatui.errors import AddingStopped, ChatUIError
from chatui.services import Services
from chatui.settings import quiet_environment

app = typer.Typer(
    name="chatui",
    help="From a file of conversations to a fine-tuned, measured and shared chat model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    *data.COMMANDS,
    *bases.COMMANDS,
    *editing.COMMANDS,
    *stats.COMMANDS,
    *mixing.COMMANDS,
):
    app.command()(command)
for name, function in (training.COMMANDS | searching.COMMANDS).items():
    app.command(name=name)(function)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    quiet_environment()
    try:
        status = app(args=arguments, standalone_mode=False)
        return status if isinstance(status, int) else 0
    except (ChatUIError, typer.TyperException) as error:
        say(error.format_message() if isinstance(error, typer.TyperException) else str(error))
    except (KeyboardInterrupt, typer.Abort):
        say("Stopped. A job that was started goes on; see `runs`.")
    except Exception as error:  # noqa: BLE001 - the last line of defence of a program
        log = _note_crash()
        say(f"Something unexpected went wrong ({type(error).__name__}: {error}). Details: {log}")
    return 1


@app.command()
def add(
    file: Annotated[
        str,
        typer.Argument(
            help="CSV, TSV, JSON, JSONL, Parquet, XLSX; zip or gz of these; a URL; hf:OWNER/NAME."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the dataset.")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="user=COLUMN, assistant=… or system=….")
    ] = None,
    recipe: data.RecipeFile = None,
    stratify_by: data.Stratified = None,
    split_by_content: data.ByContent = False,
    encoding: Annotated[
        str | None, typer.Option(help="How its letters are written, such as cp1252.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Which sheet of a workbook.")] = None,
    member: Annotated[str | None, typer.Option(help="Which file of a zip.")] = None,
    dry_run: data.DryRun = False,
    key: data.KeyFile = None,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Clean a file of conversations of any size and save it as a dataset version."""
    from chatui.cli import adding
    from chatui.data.recipe import Recipe, read_recipe

    chosen = read_recipe(recipe) if recipe else Recipe()
    given: dict[str, object] = {"encoding": encoding, "sheet": sheet, "member": member}
    given |= {"stratify_by": stratify_by, "split_by_content": split_by_content}
    chosen = chosen.model_copy(update={name: value for name, value in given.items() if value})
    columns, settings = _pairs(mapping or [], "--map"), _settings(workspace)
    try:
        with adding.file_of(file, settings) as path:
            if dry_run:
                prepared = adding.prepared_by(chosen, path, columns)
                data.show_dry_run(adding.dry_run(prepared), as_json)
                return
            services = Services.open(settings)
            prepared = adding.prepared_by(chosen, path, columns, services.workspace.root)
            data.save_key(prepared, key)
            result, text = adding.saved(services.datasets, prepared, name)
    except KeyboardInterrupt:
        raise AddingStopped(file) from None
    show(result, text, as_json)


@app.command()
def datasets(workspace: Where = None, as_json: AsJson = False) -> None:
    """List the dataset versions."""
    views = _open(workspace).datasets.all()
    rows = [{"dataset": v.id, "name": v.name, "sample": v.sample} for v in views]
    text = table(["dataset", "name", "rows"], [[v.id, v.name, str(v.kept)] for v in views])
    show({"datasets": rows}, text, as_json)


@app.command()
def score(
    run: str,
    split: Annotated[Split, typer.Option(help="The split whose items are scored.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Score at most so many items.")] = None,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Score base and tuned on the locked test split."""
    from chatui.cli.demo import score_table

    services = _open(workspace)
    score_id = services.scores.start(run, split=split, limit=limit)
    job = follow(services, lambda: services.scores.view(score_id).job, score_id)
    report = services.scores.view(score_id).report
    if report is None:
        raise ChatUIError(job.reason or f"{score_id} is {job.state}: there is no report.")
    show(report.summary(), score_table(report), as_json)


@app.command()
def metrics(
    pairs: Annotated[Path, typer.Argument(help="JSONL: reply, references, perhaps reply_b.")],
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    workspace: Where = None,  # noqa: ARG001 - every command takes it; here nothing is kept
    as_json: AsJson = False,
) -> None:
    """Score texts alone: replies of one system, or of two, against references."""
    from chatui.cli.texts import text_table
    from chatui.score.pairs_file import read_pairs
    from chatui.score.texts import score_texts

    scores = score_texts(read_pairs(pairs), seed)
    show(scores.to_json(), text_table(scores), as_json)


@app.command()
def chat(
    model: Annotated[str, typer.Argument(help="A run, or base.")],
    text: Annotated[str, typer.Argument(help="What you say.")],
    system: Annotated[str | None, typer.Option(help="System prompt.")] = None,
    base: Annotated[str, typer.Option(help="Which base model, for `base`.")] = "starter",
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Say something to a run or to the base model and print the reply."""
    from chatui.chat.asking import Asking

    services = _open(workspace)
    asking = Asking(services.runs, services.models)
    reply = asking.ask(model, text, system=system, base=base).reply
    show({"reply": reply.text}, reply.text, as_json)


@app.command()
def demo(workspace: Where = None, as_json: AsJson = False) -> None:
    """Walk the whole road on the sample, without a page."""
    from chatui.cli.demo import walk

    result, text = walk(_open(workspace))
    show(result, text, as_json)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to serve on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to serve on.")] = None,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Serve the page."""
    from chatui.ui.server import serve as serve_page

    settings = _settings(workspace, host=host, port=port)
    if as_json:
        show({"host": settings.host, "port": settings.port}, "", as_json)
    serve_page(Services.open(settings), settings)


def _note_crash() -> Path:
    """Keep the traceback of a bug where it can be reported from, out of the user's way."""
    log = Path(tempfile.gettempdir()) / "chatui-crash.log"
    with log.open("a") as file:
        traceback.print_exc(file=file)
    return log
