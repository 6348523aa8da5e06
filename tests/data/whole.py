"""Read and prepare whole files in one call: what tests look at, and the app never does."""

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from chatui.data.origins import Origin, of_path
from chatui.data.prepare import Draft, draft_of
from chatui.data.reading import collected, open_reading
from chatui.data.recipe import Recipe, options_by
from chatui.data.records import Records


def of_bytes(data: bytes, name: str) -> Origin:
    """The content of a file."""
    return Origin(name, len(data), lambda: io.BytesIO(data))


def read_bytes(data: bytes, name: str) -> Records:
    """All records of a file's content."""
    return collected(open_reading(of_bytes(data, name)))


def read_file(path: Path) -> Records:
    """All records of a file."""
    return collected(open_reading(of_path(path)))


def prepare_by(recipe: Recipe, path: Path, mapping: Mapping[str, str] | None = None) -> Draft:
    """The draft of a file by a recipe, with what of it is left out for another file's rows."""
    options, notes = options_by(recipe, path, dict(mapping or {}))
    draft = draft_of(path, options, path.name)
    return replace(draft, notes=(*draft.notes, *notes))
