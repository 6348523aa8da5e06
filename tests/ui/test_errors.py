import inspect

import gradio as gr
import pytest

from chatui.errors import ChatUIError
from chatui.ui.errors import error_card, shows_errors

SENTENCE = "Row <script>alert(1)</script> has no reply."


class Broken(ChatUIError):
    pass


@shows_errors
def call(name: str, request: gr.Request) -> str:
    """What it is for."""
    raise Broken(SENTENCE)


@shows_errors
def stream(name: str):
    yield name
    raise Broken(SENTENCE)


def test_the_sentence_of_a_chatui_error_becomes_an_escaped_toast():
    with pytest.raises(gr.Error) as caught:
        call("x", None)

    assert caught.value.message == "Row &lt;script&gt;alert(1)&lt;/script&gt; has no reply."
    assert caught.value.print_exception is False


def test_a_generator_yields_until_it_fails():
    pieces = stream("first")

    assert next(pieces) == "first"
    with pytest.raises(gr.Error):
        next(pieces)


def test_gradio_still_sees_what_the_handler_wants():
    assert list(inspect.signature(call).parameters) == ["name", "request"]
    assert inspect.isgeneratorfunction(stream)
    assert call.__doc__ == "What it is for."


def test_a_bug_stays_a_bug():
    @shows_errors
    def divide() -> float:
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        divide()


def test_an_error_card_is_announced_and_escaped_and_absent_without_an_error():
    assert 'role="alert"' in error_card(SENTENCE)
    assert "<script>" not in error_card(SENTENCE)
    assert error_card("") == ""
