"""What "What it learns" does: three rows at once, then all of them counted beside the page."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from chatui.conversation import Conversation
from chatui.data.store import DatasetStore
from chatui.errors import ChatUIError
from chatui.model.catalog import BaseModel, find_base
from chatui.model.encoding import ChatEncoder
from chatui.model.rendering import encoder_of
from chatui.services import Services
from chatui.train.config import TrainConfig
from chatui.train.preview import Span, reach, shown_rows, spans
from chatui.ui.background import Beside
from chatui.ui.errors import error_card
from chatui.ui.tabs.train import lesson

MOST_AT_ONCE = 3000  # conversations that are read without being asked: about four seconds
_REMEMBERED = 8  # versions, each with a base model
Drawn = tuple[Any, Any, Any]  # the accordion, its content, the button


class Lessons:
    """The listeners of the preview."""

    def __init__(self, services: Services) -> None:
        self._store: DatasetStore = services.datasets
        self._known: dict[tuple[str, str], list[Span]] = {}

    def at_once(self, dataset: str | None, base: str, max_length: float | None) -> Iterator[Drawn]:
        """Show and count what is small and on this disk; offer a button for the rest."""
        try:
            model = find_base(base or "")
            rows = self._rows(dataset)
        except ChatUIError:  # told beside Start already
            yield gr.Accordion(lesson.title(None)), "", gr.Button(visible=False)
            return
        if not model.is_local:
            told = f"The tokenizer of {model.title} is downloaded first, if it is not here yet."
            button = gr.Button("Show what it learns", visible=True)
            yield gr.Accordion(lesson.title(None)), f'<p class="chatui-muted">{told}</p>', button
            return
        yield from self._drawn(rows, dataset, model, _limit(max_length))

    def all_of_them(
        self, dataset: str | None, base: str, max_length: float | None
    ) -> Iterator[Drawn]:
        """Show and count whatever is chosen."""
        try:
            found = find_base(base or ""), self._rows(dataset)
        except ChatUIError as error:
            yield gr.skip(), error_card(str(error)), gr.skip()
            return
        yield from self._drawn(found[1], dataset, found[0], _limit(max_length), asked=True)

    def _drawn(
        self,
        rows: list[Conversation],
        dataset: str | None,
        model: BaseModel,
        limit: int,
        *,
        asked: bool = False,
    ) -> Iterator[Drawn]:
        try:
            encoder = encoder_of(model)
        except ChatUIError as error:
            yield gr.Accordion(lesson.title(None)), error_card(str(error)), gr.skip()
            return
        shown = lesson.rows_html(shown_rows(rows, encoder, limit))
        key = (self._store.view(dataset or "").sha256, model.name)
        if key not in self._known and len(rows) > MOST_AT_ONCE and not asked:
            button = gr.Button(f"Count all {len(rows):,} conversations", visible=True)
            yield gr.Accordion(lesson.title(None)), shown, button
            return
        for done in self._counted(key, rows, encoder):
            told = lesson.progress_html(done, len(rows))
            yield gr.skip(), told + shown, gr.Button(visible=False)
        found = reach(self._known[key], min(limit, encoder.context))
        heading = gr.Accordion(lesson.title(found))
        yield heading, lesson.reach_html(found) + shown, gr.Button(visible=False)

    def _counted(
        self, key: tuple[str, str], rows: list[Conversation], encoder: ChatEncoder
    ) -> Iterator[int]:
        """Count beside the page, telling how far it is; afterwards the result is known."""
        if key in self._known:
            return
        counting = Beside(lambda tell: spans(rows, encoder, tell))
        yield from counting
        while len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        self._known[key] = counting.found

    def _rows(self, dataset: str | None) -> list[Conversation]:
        rows = self._store.conversations(dataset or "", "train")
        return list(rows)


def _limit(chosen: float | None) -> int:
    return int(chosen) if chosen and chosen >= 1 else TrainConfig().max_length
