"""What the Data tab shows to a visitor: a file that is being prepared, or a saved version.

Frozen and hashable, so that `gr.State` sees every change; drafts themselves are made again from it.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from chatui.data.cleaning import STEP_NAMES, Parameters
from chatui.data.editing import flagged, flagged_rows
from chatui.data.mapping import ROLES, Columns
from chatui.data.prepare import DEFAULT_SEED, Draft, Options, preview_of
from chatui.data.reading import HowToRead, how_to_read
from chatui.data.store import SAMPLE_FILE, SAMPLE_NAME, DatasetStore, DatasetView
from chatui.errors import BadParameter
from chatui.ui.forms import label_of

_MOST_STEPS = 100  # that can be undone
FILE = "file"  # stands for the file that is prepared, where versions are listed


@dataclass(frozen=True, slots=True)
class Source:
    """A file with its options, or nothing but the version that is looked at."""

    path: str = ""  # empty: the saved version `version` is shown as it is
    file: str = ""  # what the user calls the file
    name: str = ""  # of the dataset that it will be saved as
    options: Options = Options()
    version: str | None = None  # the version that was selected when this was made
    is_saved: bool = False  # whether the file, as it is now, is that version
    past: tuple[Options, ...] = ()  # what was chosen before, the last at the end
    future: tuple[Options, ...] = ()  # what was taken back, the last at the end

    @property
    def is_file(self) -> bool:
        """Whether something is being prepared."""
        return bool(self.path)

    @property
    def how(self) -> HowToRead:
        """What was chosen about reading the file."""
        return how_to_read(self.options)

    def changed(self, options: Options) -> "Source":
        """The source with other choices; those before can be had back with `undone`."""
        if options == self.options:
            return self
        past = (*self.past, self.options)[-_MOST_STEPS:]
        return replace(self, options=options, past=past, future=())

    def undone(self) -> "Source":
        """The source with the choices before the last change."""
        if not self.past:
            return self
        *past, options = self.past
        future = (*self.future, self.options)
        return replace(self, options=options, past=tuple(past), future=future)

    def redone(self) -> "Source":
        """The source with the choices that were taken back last."""
        if not self.future:
            return self
        *future, options = self.future
        past = (*self.past, self.options)
        return replace(self, options=options, past=past, future=tuple(future))

    def draft(self) -> Draft:
        """The draft of the file, or of the beginning of a large one; raises a ChatUIError when
        nothing in it can be used."""
        return preview_of(Path(self.path), self.options, self.file)


SAMPLE = Source(str(SAMPLE_FILE), SAMPLE_FILE.name, SAMPLE_NAME)


def of_version(view: DatasetView) -> Source:
    """A saved version; the sample is shown as the file it came from, to try cleaning with."""
    if view.sample:
        return replace(SAMPLE, name=view.name, version=view.id)
    return Source(name=view.name, version=view.id)


def of_upload(path: str, version: str | None) -> Source:
    """A file that was dropped."""
    file = Path(path).name
    return Source(path, file, _name_of(file), version=version)


def of_cleaning_again(store: DatasetStore, view: DatasetView) -> Source:
    """The conversations of a saved version, to be cleaned into the next one."""
    options = Options(system=view.system)
    return Source(str(store.file(view.id)), view.id, view.name, options, view.id)


def of_changing_rows(store: DatasetStore, view: DatasetView) -> Source:
    """The conversations of a saved version as they are, to decide about single rows."""
    known = set(flagged_rows(store.recipe(view.id).edits))
    flags = [at for at, c in enumerate(store.rows(view.id), start=1) if c.row in known]
    options = Options(steps=(), system=view.system, edits=flagged((), flags))
    return Source(str(store.file(view.id)), view.id, view.name, options, view.id)


def options_of(chosen: dict[str, object], recognised: Columns | None) -> Options:
    """The options that the switches and fields of the tab stand for."""
    usual = recognised.as_dict() if recognised else {}
    picked = {role: str(chosen[role]) for role in ROLES if chosen.get(role)}
    is_changed = any(usual.get(role) != name for role, name in picked.items())
    seed = chosen.get("seed")
    return Options(
        mapping=tuple(sorted(picked.items())) if is_changed else (),
        steps=tuple(name for name in STEP_NAMES if chosen.get(name)),
        parameters=_parameters(chosen),
        seed=int(seed) if isinstance(seed, int | float) else DEFAULT_SEED,
        system=_text_of(chosen, "prompt"),
        split_by_content=bool(chosen.get("split_by_content")),
        encoding=_text_of(chosen, "encoding"),
        sheet=_text_of(chosen, "sheet"),
        member=_text_of(chosen, "member"),
    )


def _text_of(chosen: dict[str, object], name: str) -> str | None:
    return str(chosen.get(name) or "").strip() or None


def _parameters(chosen: dict[str, object]) -> Parameters:
    """The parameters that were filled in; raises BadParameter with what is wrong with one."""
    given = {n: chosen[n] for n in Parameters.model_fields if chosen.get(n) not in (None, "")}
    try:
        return Parameters.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        said = problem["msg"].removeprefix("Value error, ")
        raise BadParameter(label_of(name, Parameters.model_fields[name]), said) from error


def _name_of(file: str) -> str:
    """A dataset's name from a file's: "my-chats (2).csv" is "my-chats 2"."""
    words = re.sub(r"[^\w \-]+", " ", Path(file).stem).strip(" -_")
    return " ".join(words.split())[:60] or "Dataset"
