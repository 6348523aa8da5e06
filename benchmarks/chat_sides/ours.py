"""chatui's engine."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chat_sides.asking import Answer, base_of
from chatui.settings import quiet_environment


@contextmanager
def open_side(shape: str, folder: Path) -> Iterator[tuple[Answer, Callable[[], float]]]:
    engine, adapter = _engine(shape, folder)
    engine.encoder.end_ids = frozenset()  # everybody writes as much as was asked for

    def answer(text: str, tokens: int) -> int:
        return _ask(engine, adapter, [text], tokens)

    yield answer, time.process_time


def first_token(shape: str, folder: Path) -> dict:
    """Seconds of the processor: to the first token after a history, and for other adapters."""
    engine, adapter = _engine(shape, folder)
    history = "Where is the parcel with the blue shirt that I have ordered last week, please? " * 12
    history = _of_length(engine, history, 600)
    _ask(engine, adapter, ["Hello"], 4)
    read, unread = [], []
    for number in range(5):
        began = f"Talk {number}. {history}"
        turns = [began, "It is on its way.", "And the other one, when will that be here? Thanks!"]
        started = time.process_time()
        _ask(engine, adapter, turns, 1)
        unread.append(time.process_time() - started)
        turns[-1] = "No, I have meant the large one; when will that be with me? Thank you!"
        started = time.process_time()
        _ask(engine, adapter, turns, 1)
        read.append(time.process_time() - started)
    other = engine.attach(folder / "other")
    switches = []
    for name in (other, adapter) * 5:
        started = time.process_time()
        engine._adapters.using(name)  # noqa: SLF001 - what a likelihood of another adapter costs
        switches.append(time.process_time() - started)
    return {
        "read": statistics.median(read),
        "unread": statistics.median(unread),
        "switch": statistics.median(switches),
    }


def _engine(shape: str, folder: Path):
    quiet_environment()
    from chatui.model.catalog import find_base
    from chatui.model.engine import Engine

    engine = Engine.open(find_base(str(base_of(shape, folder))), decodes_only=True)
    return engine, engine.attach(folder / "adapter")


def _ask(engine, adapter: str, texts: list[str], tokens: int) -> int:
    from chatui.conversation import Turn
    from chatui.model.decoding import Decoding
    from chatui.model.requests import Request

    turns = tuple(Turn("assistant" if i % 2 else "user", t) for i, t in enumerate(texts))
    stream = engine.stream(Request(turns, adapter, Decoding(max_new_tokens=tokens)), lambda: False)
    while True:
        try:
            next(stream)
        except StopIteration as end:
            return end.value.tokens


def _of_length(engine, text: str, tokens: int) -> str:
    """The beginning of a text that is so many tokens long."""
    from chatui.conversation import Turn

    words = text.split()
    while len(engine.encoder.prompt((Turn("user", " ".join(words)),), 1)) > tokens:
        words.pop()
    return " ".join(words)
