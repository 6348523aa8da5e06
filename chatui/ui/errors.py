"""Show the sentence of a ChatUIError to the visitor; leave bugs loud in the log.

A toast confirms or refuses what was just pressed; an error that must stay until it is solved is an
`error_card` in the tab.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import ParamSpec, TypeVar, cast

import gradio as gr

from chatui.errors import ChatUIError

P = ParamSpec("P")
R = TypeVar("R")


def shows_errors(handler: Callable[P, R]) -> Callable[P, R]:
    """Turn a handler's ChatUIError into a toast with its sentence, escaped.

    Works on functions and generators; the signature is kept, so that Gradio still hands over
    `gr.Request`, `gr.EventData` and `gr.Progress`.
    """
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def stream(*args: P.args, **kwargs: P.kwargs) -> Iterator[object]:
            with _in_a_toast():
                yield from handler(*args, **kwargs)

        return cast(Callable[P, R], stream)

    @functools.wraps(handler)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with _in_a_toast():
            return handler(*args, **kwargs)

    return call


def error_card(sentence: str) -> str:
    """An error that stays until it is solved, announced to screen readers; nothing if empty."""
    if not sentence:
        return ""
    return f'<div class="chatui-card chatui-error" role="alert">{escape(sentence)}</div>'


@contextmanager
def _in_a_toast() -> Iterator[None]:
    try:
        yield
    except ChatUIError as error:
        raise gr.Error(
            escape(str(error)), title="Not done", duration=15, print_exception=False
        ) from error
