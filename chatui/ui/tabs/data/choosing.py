"""What a file leaves open, asked where it matters: which file of an archive, which sheet, letters.

Each is a dropdown that is there only where there is something to choose.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from chatui.data.encodings import Choice
from chatui.data.mapping import ROLES
from chatui.data.prepare import recognise_file
from chatui.data.reading import encoding_choices, how_to_read, member_choices, sheet_choices
from chatui.ui.tabs.data.source import Source


def fields() -> dict[str, Any]:
    """The dropdowns, by the name of the part."""
    letters = "The file doesn't say. Choose the line that looks right."
    return {
        "member": _field("File in the archive", "data-member"),
        "sheet": _field("Sheet", "data-sheet"),
        "encoding": _field("How the letters are written", "data-encoding", info=letters),
    }


def hidden() -> gr.Dropdown:
    """A field where nothing is to be chosen."""
    return gr.Dropdown(value=None, visible=False)


def member_shown(source: Source) -> gr.Dropdown:
    """The files of an archive, with the one that is read."""
    return _shown(_members(*_stamped(source)), source.options.member)


def sheet_shown(source: Source) -> gr.Dropdown:
    """The sheets of a workbook, with the one that is read."""
    return _shown(_sheets(*_stamped(source), source.options.member), source.options.sheet)


def encoding_shown(source: Source) -> gr.Dropdown:
    """The choices for a file, each with what its letters would be."""
    choices = _letters(*_stamped(source), source.options.member)
    offered = [(f"{c.title}: {' … '.join(c.preview.splitlines())}", c.codec) for c in choices]
    return gr.Dropdown(choices=offered, value=source.options.encoding, visible=bool(offered))


def settled(source: Source, chosen: dict[str, object]) -> dict[str, object]:
    """The choices as they mean something: another file or sheet has columns of its own, and
    another file its own sheets and letters. What is read anyway counts as not chosen.
    """
    known = source.options
    chosen = _fresh(source, chosen)
    member = _unusual(_members(*_stamped(source)), chosen.get("member"))
    if member != known.member:
        return _without(chosen, *ROLES, "sheet", "encoding") | {"member": member}
    sheet = _unusual(_sheets(*_stamped(source), member), chosen.get("sheet"))
    if sheet != known.sheet:
        chosen = _without(chosen, *ROLES)
    return chosen | {"member": member, "sheet": sheet}


def _fresh(source: Source, chosen: dict[str, object]) -> dict[str, object]:
    """The choices without those about the file or sheet before this one.

    A dropdown speaks twice, when something is picked and when it is left; the second time the page
    may not yet show what came of the first.
    """
    known, path = source.options, Path(source.path)
    before = source.past[-1] if source.past else known
    if (before.member, before.sheet) == (known.member, known.sheet):
        return chosen
    columns = recognise_file(path, source.file, source.how).columns
    old = set(recognise_file(path, source.file, how_to_read(before)).columns).difference(columns)
    chosen = {n: value for n, value in chosen.items() if n not in ROLES or value not in old}
    if chosen.get("encoding") == before.encoding:
        chosen = chosen | {"encoding": known.encoding}
    return chosen


def _field(label: str, name: str, info: str | None = None) -> gr.Dropdown:
    return gr.Dropdown(label=label, info=info, visible=False, allow_custom_value=True, elem_id=name)


def _shown(names: tuple[str, ...], value: str | None) -> gr.Dropdown:
    usual = names[0] if names else None
    return gr.Dropdown(choices=list(names), value=value or usual, visible=bool(names))


def _unusual(names: tuple[str, ...], value: object) -> str | None:
    return str(value) if value in names[1:] else None


def _without(chosen: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in chosen.items() if name not in names}


def _stamped(source: Source) -> tuple[Path, int]:
    path = Path(source.path)
    return path, path.stat().st_mtime_ns


@lru_cache(maxsize=8)
def _members(path: Path, stamp: int) -> tuple[str, ...]:
    return member_choices(path)


@lru_cache(maxsize=8)
def _sheets(path: Path, stamp: int, member: str | None) -> tuple[str, ...]:
    return sheet_choices(path, member)


@lru_cache(maxsize=8)
def _letters(path: Path, stamp: int, member: str | None) -> tuple[Choice, ...]:
    return encoding_choices(path, member)
