"""What becomes of a system turn where a chat template has no place for one.

Some templates refuse it and others leave it out without a word. Its text then stands before the
first question, wherever a conversation is read: in training, scores, replies and the page.
"""

from collections.abc import Callable, Sequence

from jinja2 import TemplateError

from chatui.conversation import Turn

_PROBE = "PROBE"
Render = Callable[[list[dict[str, str]]], str]


def takes_system(render: Render) -> bool:
    """Whether a template lets a model read a system turn; `render` writes messages as it does."""
    question = Turn("user", "a").as_message()
    try:
        render([question])
    except TemplateError:
        return True  # it refuses more than that: nothing is known
    try:
        return _PROBE in render([Turn("system", _PROBE).as_message(), question])
    except TemplateError:
        return False


def without_system(turns: Sequence[Turn]) -> list[Turn]:
    """A first system turn put before the question that follows it; other turns as they are."""
    if len(turns) < 2 or turns[0].speaker != "system" or turns[1].speaker != "user":
        return list(turns)
    return [Turn("user", f"{turns[0].text}\n\n{turns[1].text}"), *turns[2:]]
