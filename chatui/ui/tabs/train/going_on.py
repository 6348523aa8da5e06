"""Going on from an adapter: its name fills the form with what made it, and is checked with it."""

from html import escape
from typing import Any

import gradio as gr

from chatui.errors import CannotContinue, ChatUIError
from chatui.services import Services
from chatui.train.beginnings import Beginning
from chatui.train.config import TrainConfig
from chatui.train.problem import Problem
from chatui.ui.errors import error_card

_SAME = gr.skip()


class GoingOn:
    """The listeners of "Go on from an adapter"."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def fill(self, adapter: str | None, base: str) -> tuple[Any, ...]:
        """A note, and the base model and the options that made the adapter."""
        nothing = (_SAME,) * (2 + len(TrainConfig.model_fields))
        if not (adapter or "").strip():
            return "", *nothing
        try:
            found = self._found(adapter or "", base)
        except ChatUIError as error:
            return error_card(str(error)), *nothing
        told = f"The form holds the base model and the options that made {found.name}."
        filled = (found.options.get(name, _SAME) for name in TrainConfig.model_fields)
        note = f'<p class="chatui-note" role="status">{escape(told)}</p>'
        return note, found.base, found.base, *filled

    def named(self, adapter: str | None, base: str) -> tuple[Beginning | None, list[Problem]]:
        """The adapter that is named, or what is wrong with it; nothing where none is."""
        if not (adapter or "").strip():
            return None, []
        try:
            return self._services.runs.beginning(adapter or "", base), []
        except ChatUIError as error:
            return None, [Problem("adapter", str(error))]

    def _found(self, adapter: str, base: str) -> Beginning:
        """By the base model that the adapter names, else by the one in the form."""
        try:
            return self._services.runs.beginning(adapter)
        except CannotContinue:
            return self._services.runs.beginning(adapter, base)
