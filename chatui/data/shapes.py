"""Recognise a whole conversation in one value: a list of turns, a ChatGPT tree, marks, pairs.

Looks at values whatever their column is called; `formats.py` makes turns of them.
"""

from collections.abc import Sequence
from contextlib import suppress

from chatui.data import chatgpt
from chatui.data.documents import loosely_parsed
from chatui.data.marked import has_reply, marks_of
from chatui.data.names import (
    ASSISTANT_NAMES,
    CONVERSATION_NAMES,
    USER_NAMES,
    all_named,
    names_a_pair,
)
from chatui.data.records import Record

_ROWS = ("chat messages", "ShareGPT conversations", "lists of pairs", "ChatGPT export")


def conversation_column(columns: Sequence[str], sample: Sequence[Record]) -> tuple[str, str] | None:
    """A column of which at least half of the values are conversations, and their shape in words."""
    named = all_named(columns, CONVERSATION_NAMES)
    is_pair = names_a_pair(columns)
    for column in dict.fromkeys((*named, *columns)):
        values = [v for r in sample if (v := r.values.get(column)) is not None]
        shapes = [shape for value in values if (shape := shape_of(value))]
        if is_pair and column not in named:  # then a text or dictionary is no more
            shapes = [shape for shape in shapes if shape in _ROWS]
        if shapes and 2 * len(shapes) >= len(values):
            return column, shapes[0]
    return None


def shape_of(value: object) -> str | None:
    """What kind of conversation a value is, in words; None for other values."""
    if isinstance(value, str):
        if marks := marks_of(value):
            return f"text with {marks} marks" if has_reply(value) else None
        value = _parsed(value)
    if chatgpt.is_tree(value):
        return "ChatGPT export"
    if isinstance(value, dict):
        return "pairs in a dictionary" if pair_keys(value) else None
    first = value[0] if isinstance(value, list) and value else None
    return _shape_of_list(first) if isinstance(first, dict) else None


def _shape_of_list(first: dict[str, object]) -> str | None:
    if first.keys() >= {"role", "content"}:
        return "chat messages"
    if first.keys() >= {"from", "value"}:
        return "ShareGPT conversations"
    return "lists of pairs" if pair_keys(first) else None


def _parsed(text: str) -> object:
    """The list or dictionary that a text is, if it is one."""
    if text.lstrip().startswith(("[", "{")):
        with suppress(ValueError):
            return loosely_parsed(text)
    return None


def pair_keys(value: dict[str, object]) -> tuple[str, str] | None:
    """The keys of the question and of the reply in a dictionary that holds such a pair."""
    keys = [key for key in value if isinstance(key, str)]
    users = all_named(keys, USER_NAMES)
    replies = [key for key in all_named(keys, ASSISTANT_NAMES) if key not in users[:1]]
    return (users[0], replies[0]) if users and replies else None
