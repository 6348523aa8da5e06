"""A recipe: all that was chosen about a version, as JSON that can be applied again.

The same file and the same recipe give the same bytes. On another file the same steps are taken with
the same parameters; only what was decided about single rows (brought back, edited, left out,
flagged) is not done there, since their numbers mean nothing.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from chatui.data.cleaning import DEFAULT_STEPS, STEPS, Parameters, as_stored, checked_steps
from chatui.data.editing import Edits, checked_edits
from chatui.data.options import DEFAULT_SEED, Options
from chatui.data.origins import of_path
from chatui.data.pipeline import Prepared
from chatui.data.prepare import Draft, recognise_file
from chatui.data.reading import file_bytes, how_to_read
from chatui.data.records import shortened
from chatui.data.strata import StratifyBy
from chatui.errors import BadRecipe, UnknownStep


class Recipe(BaseModel, frozen=True, extra="forbid"):
    """How a version was made; with `steps` alone it can be written by hand."""

    format: Literal[1] = 1
    file: str | None = Field(default=None, description="What the file was called.")
    file_sha256: str | None = Field(default=None, description="Of the file's bytes.")
    kind: str | None = Field(default=None, description="What the file is, in words.")
    columns: dict[str, str] = Field(default={}, description="Columns that were used, by role.")
    mapping: dict[str, str] = Field(default={}, description="Columns that were chosen, by role.")
    steps: tuple[str, ...] = Field(default=DEFAULT_STEPS, description="Cleaning steps taken.")
    parameters: Parameters = Field(default=Parameters(), description="Of those steps.")
    restored: tuple[int, ...] = Field(
        default=(), description="Rows of this very file that no step may remove."
    )
    edits: Edits = Field(
        default=(), description="Rows of this very file that were edited, left out or flagged."
    )
    seed: int = Field(default=DEFAULT_SEED, description="Of the split.")
    stratify_by: StratifyBy = Field(
        default="auto",
        description="What each split has the same share of; auto is the label above 10,000 rows.",
    )
    split_by_content: bool = Field(
        default=False, description="Whether rows that are added later leave others in their splits."
    )
    system: str | None = Field(default=None, description="System prompt of all conversations.")
    encoding: str | None = Field(default=None, description="Of the file, where it was chosen.")
    sheet: str | None = Field(default=None, description="Of a workbook, where it was chosen.")
    member: str | None = Field(default=None, description="Of an archive, where it was chosen.")

    made_by: dict[str, Any] = Field(
        default={}, description="What was done to saved versions: mix, balance or augment."
    )

    @field_validator("steps")
    @classmethod
    def _are_known(cls, steps: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return checked_steps(steps)
        except UnknownStep as error:
            raise ValueError(str(error)) from error

    @field_validator("edits")
    @classmethod
    def _are_one_a_row(cls, edits: Edits) -> Edits:
        return checked_edits(edits)

    def as_json(self) -> dict[str, Any]:
        """The recipe as an object; of the parameters, those that its steps read."""
        used = {name for step in STEPS if step.name in self.steps for name in step.parameters}
        made = self.model_dump(mode="json", exclude={"parameters": set(_ALL) - used})
        return made if self.made_by else {k: v for k, v in made.items() if k != "made_by"}

    def options(self) -> Options:
        """What it says about a draft."""
        return Options(
            mapping=tuple(sorted(self.mapping.items())),
            steps=self.steps,
            parameters=self.parameters,
            restored=self.restored,
            edits=self.edits,
            seed=self.seed,
            stratify_by=self.stratify_by,
            split_by_content=self.split_by_content,
            system=(self.system or "").strip() or None,
            encoding=self.encoding,
            sheet=self.sheet,
            member=self.member,
        )


_ALL = tuple(Parameters.model_fields)


def recipe_of(draft: Draft | Prepared) -> Recipe:
    """The recipe that makes this draft again."""
    about = {"file": draft.file, "file_sha256": draft.file_sha256, "kind": draft.kind}
    options = replace(draft.options, edits=_stored_edits(draft))
    return recipe_by(options, **about, columns=draft.columns.as_dict())


def recipe_by(options: Options, **about: Any) -> Recipe:
    """The recipe that says what options say, and `about` the file."""
    return Recipe(
        **about,
        mapping=dict(options.mapping),
        steps=options.steps,
        parameters=options.parameters,
        restored=options.restored,
        edits=options.edits,
        seed=options.seed,
        stratify_by=options.stratify_by,
        split_by_content=options.split_by_content,
        system=options.system,
        encoding=options.encoding,
        sheet=options.sheet,
        member=options.member,
    )


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a JSON file; raises FileMissing, or BadRecipe naming the field."""
    name = shortened(path.name, 60)
    try:
        return Recipe.model_validate(json.loads(file_bytes(path)))
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"]) or "the whole of it"
        said = problem["msg"].removeprefix("Value error, ").rstrip(".")
        raise BadRecipe(name, f"{field}: {said}") from error
    except (ValueError, RecursionError) as error:
        raise BadRecipe(name, f"it is no JSON ({shortened(str(error), 80)})") from error


def options_by(
    recipe: Recipe, path: Path, mapping: dict[str, str] | None = None
) -> tuple[Options, tuple[str, ...]]:
    """What a recipe says about this file, and what of it is left out for another file's rows."""
    options = recipe.options()
    if mapping:
        options = replace(options, mapping=tuple(sorted({**recipe.mapping, **mapping}.items())))
    return _rows_of_file(recipe, options, path)


def fitted(recipe: Recipe, path: Path, name: str) -> tuple[Options, list[str]]:
    """What a recipe says about a file as far as it fits, and sentences about what does not."""
    options, notes = recipe.options(), []
    known = set(recognise_file(path, name, how_to_read(options)).columns)
    if missing := {role: name for role, name in recipe.mapping.items() if name not in known}:
        named = ", ".join(f"{role} = {shortened(c, 40)!r}" for role, c in sorted(missing.items()))
        notes.append(f"The file has no such columns, so its own were taken: {named}.")
        mapping = tuple(pair for pair in options.mapping if pair[0] not in missing)
        options = replace(options, mapping=mapping)
    by_file, about_rows = _rows_of_file(recipe, options, path)
    return by_file, [*notes, *about_rows]


def notes_of_rows(recipe: Recipe) -> list[str]:
    """What of a recipe is about rows of its own file, for a user who applies it to another."""
    file = shortened(recipe.file or "another file", 60)
    notes = []
    if recipe.restored:
        notes.append(
            f"The recipe brings rows of {file} back; this is another file, so they were left out."
        )
    if recipe.edits:
        count = len(recipe.edits)
        rows = "one row" if count == 1 else f"{count:,} rows"
        notes.append(
            f"The recipe edits, leaves out or flags {rows} of {file}; this is another file, so "
            "that was not done."
        )
    return notes


def _rows_of_file(recipe: Recipe, options: Options, path: Path) -> tuple[Options, tuple[str, ...]]:
    """The options without what is about rows of another file, and sentences about that."""
    is_by_row = recipe.restored or recipe.edits
    if not is_by_row or recipe.file_sha256 in (None, _sha256(path)):
        return options, ()
    return replace(options, restored=(), edits=()), tuple(notes_of_rows(recipe))


def _stored_edits(draft: Draft | Prepared) -> Edits:
    edits = draft.options.edits
    if not edits or "pii" not in draft.options.steps:
        return edits
    return as_stored(edits, draft.kept if isinstance(draft, Draft) else draft.kept())


def _sha256(path: Path) -> str:
    return of_path(path).sha256()
