"""The handlers that measure what is shown: small datasets at once, large ones when asked.

Measuring runs beside the page: what it found comes when it is there, and nothing waits for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gradio as gr

from chatui.conversation import Conversation
from chatui.data.editing import flagged_rows
from chatui.data.health import examine
from chatui.data.measures import measure
from chatui.errors import ChatUIError
from chatui.model.catalog import BaseModel, find_base
from chatui.model.counting import counter_of
from chatui.services import Services
from chatui.train.config import TrainConfig
from chatui.ui.background import Beside
from chatui.ui.errors import error_card
from chatui.ui.tabs.data.contents import contents_html, health_html, progress_html
from chatui.ui.tabs.data.drawing import Changes, Drawing, told
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import Source

MOST_AT_ONCE = 3000  # conversations that are measured without being asked: about a second


@dataclass(frozen=True, slots=True)
class _Shown:
    """The conversations that are looked at, and the rows among them that somebody flagged."""

    rows: Sequence[Conversation]
    flagged: Sequence[int]


class MeasuringHandlers:
    """What happens in "What is in it"."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._store = services.datasets
        self._parts = parts
        self._drawing = Drawing(services, parts)

    def at_once(self, source: Source, base: str, limit: float | None) -> Iterator[Changes]:
        """Say what stands out, and measure a dataset that is small enough for that."""
        parts = self._parts
        try:
            shown = self._shown(source)
        except ChatUIError:  # nothing usable is shown, and the page says so already
            yield {parts.health: "", parts.measured: "", parts.count: gr.Button(visible=False)}
            return
        is_small = len(shown.rows) <= MOST_AT_ONCE
        label = f"Count all {len(shown.rows):,} conversations"
        yield {
            parts.health: health_html(examine(shown.rows, flagged=shown.flagged)),
            parts.count: gr.Button(label, visible=not is_small),
            **({} if is_small else {parts.measured: ""}),
        }
        if is_small:
            yield from self._measured(shown, base, limit)

    def all_of_them(self, source: Source, base: str, limit: float | None) -> Iterator[Changes]:
        """Measure whatever is shown, and tell how far it is."""
        try:
            yield from self._measured(self._shown(source), base, limit)
        except ChatUIError as error:
            yield {self._parts.measuring_problem: told(error_card(str(error)))}

    def _measured(self, shown: _Shown, base: str, limit: float | None) -> Iterator[Changes]:
        parts = self._parts
        try:
            model = find_base(base)
            counter = counter_of(model)
        except ChatUIError as error:
            yield {parts.measuring_problem: told(error_card(str(error)))}
            return
        length = _limit(limit, model)
        measuring = Beside(
            lambda tell: measure(shown.rows, counter, model.title, length, progress=tell)
        )
        for done in measuring:
            yield {parts.measured: progress_html(done, len(shown.rows))}
        found = measuring.found
        yield {
            parts.health: health_html(examine(shown.rows, found, shown.flagged)),
            parts.measured: contents_html(found),
            parts.measuring_problem: told(""),
            parts.count: gr.Button(visible=False),
        }

    def _shown(self, source: Source) -> _Shown:
        if source.is_file:
            draft = source.draft()
            rows = self._drawing.below_system(draft)
            return _Shown(rows, flagged_rows(draft.options.edits))
        view = self._store.view(source.version or "")
        flagged = flagged_rows(self._store.recipe(view.id).edits)
        return _Shown(self._drawing.conversations(view), flagged)


def usual_limit() -> int:
    """How many tokens of a conversation training reads if nobody chooses."""
    return TrainConfig().max_length


def _limit(chosen: float | None, base: BaseModel) -> int:
    limit = int(chosen) if chosen and chosen >= 1 else usual_limit()
    return min(limit, base.context or limit)
