"""What a visitor has selected, and what the tabs of one page share.

A selection holds ids only, is frozen and hashable, and stands in the address of the page, so that a
reload or a link lands in the same place.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

# For listeners that only draw, or that show by themselves how far they are.
QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_limit": None,
    "api_visibility": "private",
}
TABS = ("data", "train", "score", "rate", "chat")


@dataclass(frozen=True, slots=True)
class Selection:
    """One chain: dataset version → run → score → study, and the open tab."""

    tab: str = "data"
    dataset: str | None = None
    run: str | None = None
    score: str | None = None
    study: str | None = None
    unsaved: bool = False  # whether the Data tab shows something that is not saved yet


def look(selection: Selection, news: str) -> str:
    """What a tab draws from, as a text: as long as it is the same, so is the tab."""
    return f"{selection} {news}"


@dataclass(frozen=True, slots=True)
class Page:
    """The components that every tab listens to; made once by `ui/app.py`."""

    blocks: gr.Blocks
    selection: gr.State  # holds a Selection; tabs write it
    looks: dict[str, gr.State]  # by tab: changes when the open tab has to be drawn anew
    tabs: gr.Tabs
