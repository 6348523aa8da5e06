"""Commands that make versions of versions: mix, balance, augment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from chatui.cli.data import Dataset, DryRun, is_accounted
from chatui.cli.opening import AsJson, Where, open_services
from chatui.cli.printing import show, table
from chatui.data.augmenting import (
    Augmentation,
    Way,
    augmented,
    back_translation,
    noise,
    paraphrases,
    save_augmentation,
)
from chatui.data.balancing import LabelLine, balanced, imbalance, save_balance
from chatui.data.mixing import Part, SourceLine, mixture, save_mixture
from chatui.data.prepare import DEFAULT_SEED
from chatui.data.store import DatasetView
from chatui.errors import BadMixture, BadOption
from chatui.settings import Settings

_BAR = 24  # characters of the longest bar
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn.")]


def mix(
    sources: Annotated[list[str], typer.Argument(help="DATASET:WEIGHT, two or more.")],
    name: Annotated[str, typer.Option("--name", help="Name of the mixture.")],
    rows: Annotated[
        int | None, typer.Option("--rows", help="Training rows; by default, all there are.")
    ] = None,
    seed: Seed = DEFAULT_SEED,
    dry_run: DryRun = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Mix versions by weight into a new one; what their tests ask is never trained on."""
    store = open_services(workspace).datasets
    made = mixture(store, [_part(source) for source in sources], name, rows, seed=seed)
    view = None if dry_run else save_mixture(store, made, name)
    show({**_saved(view), **made.as_json()}, _text(view, sources_table(made.lines)), as_json)


def balance(
    dataset: Dataset,
    cap: Annotated[
        int | None, typer.Option("--cap", help="Training rows of a label, at most.")
    ] = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="Repeat the rows of rare labels instead.")
    ] = False,
    times: Annotated[
        int | None, typer.Option("--times", help="How often a row is seen with --weights, at most.")
    ] = None,
    seed: Seed = DEFAULT_SEED,
    dry_run: DryRun = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Show how common each label is; with --cap or --weights, save a version that is balanced."""
    store = open_services(workspace).datasets
    if cap is not None and weights:
        raise BadOption("--cap", "it goes with no --weights: choose one of them")
    if cap is None and not weights:
        rows = [row for row in store.rows(dataset) if row.parent is None]
        lines = imbalance(rows)
        result = {"dataset": None, "parent": dataset, "labels": lines_as_json(lines)}
        show(result, f"Nothing was saved.\n{labels_table(lines)}", as_json)
        return
    made = balanced(store, dataset, cap, times, seed=seed)
    view = None if dry_run else save_balance(store, made)
    show({**_saved(view), **made.as_json()}, _text(view, labels_table(made.lines)), as_json)


def augment(
    dataset: Dataset,
    noise_share: Annotated[
        float | None, typer.Option("--noise", help="Typing errors, in this share of rows.")
    ] = None,
    back_translate: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--back-translate", help="Two folders with Marian models, there and back."),
    ] = None,
    paraphrase: Annotated[
        str | None, typer.Option("--paraphrase", help="Address of an OpenAI-compatible server.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Of that server; by default its first.")
    ] = None,
    share: Annotated[
        float, typer.Option("--share", help="Rows to add, of the training rows; not for --noise.")
    ] = 0.1,
    seed: Seed = DEFAULT_SEED,
    dry_run: DryRun = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Add training rows that ask what others ask in other words."""
    chosen = [each for each in (noise_share, back_translate, paraphrase) if each is not None]
    if len(chosen) != 1:
        raise BadOption("--noise", "choose one of --noise, --back-translate and --paraphrase")
    services = open_services(workspace)
    if noise_share is not None:
        way, share = noise(seed), noise_share
    else:
        way = _written_by(services.settings, back_translate, paraphrase, model)
    made = augmented(services.datasets, dataset, way, share, seed=seed)
    view = None if dry_run else save_augmentation(services.datasets, made)
    show({**_saved(view), **made.as_json()}, _text(view, added_text(made)), as_json)


def sources_table(lines: Sequence[SourceLine]) -> str:
    """What becomes of each source."""
    heads = [
        "source",
        "rows",
        "weight",
        "share",
        "seen",
        "repeats",
        "unused",
        "left-out",
        "validation",
        "test",
    ]
    rows = [
        [
            line.source,
            str(line.rows),
            f"{line.weight:g}",
            f"{100 * line.share:.1f} %",
            str(line.seen),
            f"{line.repeats:.2f}",
            *(str(n) for n in (line.unused, line.left_out, line.validation, line.test)),
        ]
        for line in lines
    ]
    return f"{table(heads, rows)}\nseen: training rows per epoch; left-out: asks what is tested"


def labels_table(lines: Sequence[LabelLine]) -> str:
    """How common each label is in training, with bars, and what is done about it."""
    heads = ["label", "train", "", "dropped", "repeated", "seen", "of all"]
    most = max((line.train for line in lines), default=1) or 1
    rows = [
        [
            line.label[:40],
            str(line.train),
            "█" * round(_BAR * line.train / most),
            str(line.dropped),
            str(line.repeated),
            str(line.seen),
            f"{100 * line.seen_share:.1f} %",
        ]
        for line in lines
    ]
    return table(heads, rows)


def lines_as_json(lines: Sequence[LabelLine]) -> list[dict[str, object]]:
    """Labels for programs."""
    return [{name: getattr(line, name) for name in LabelLine.__slots__} for line in lines]


def added_text(made: Augmentation) -> str:
    """How many rows were added, which were not, and what the first look like."""
    head = f"{len(made.copies)} rows added by {made.way} to {made.train} training rows"
    sources = {row.id: row for row in made.content.conversations}
    shown = [
        f"  {sources[copy.parent or ''].turns[-2].text}\n  → {copy.turns[-2].text}"
        for copy in made.copies[:3]
    ]
    refused = [f"not used, {count}: {reason}" for reason, count in made.refused.items()]
    return "\n".join([head, *refused, *shown])


def _part(source: str) -> Part:
    dataset, colon, weight = source.partition(":")
    try:
        return Part(dataset, float(weight) if colon else 1.0)
    except ValueError:
        raise BadMixture(f"{weight[:40]!r} is no weight of {dataset}") from None


def _written_by(
    settings: Settings, folders: tuple[Path, Path] | None, address: str | None, model: str | None
) -> Way:
    if folders is not None:
        return back_translation(*folders)
    key = settings.paraphrase_key
    return paraphrases(address or "", key.get_secret_value() if key else None, model)


def _saved(view: DatasetView | None) -> Mapping[str, object]:
    if view is None:
        return {"dataset": None}
    names = ("rows_read", "kept", "removed", "added", "splits", "parents", "sha256")
    figures = {name: getattr(view, name) for name in names}
    return {"dataset": view.id, **figures, "accounted": is_accounted(view)}


def _text(view: DatasetView | None, table: str) -> str:
    if view is None:
        return f"Nothing was saved.\n{table}"
    gone = sum(view.removed.values())
    head = f"{view.id}: {view.rows_read} rows = {view.kept} kept + {gone} left out"
    head += f"; {view.added} added for training" if view.added else ""
    return f"{head}\n{table}\nfollows {', '.join(view.parents)}, splits: {view.splits}"


COMMANDS = (mix, balance, augment)
