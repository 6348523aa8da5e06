"""Turn a record into the turns of a conversation: pairs, chat messages, ShareGPT, ChatGPT, marks.

Knows the shapes that people export. Texts stay exactly as they are; putting turns in order is a
cleaning step that everybody can see.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chatui.conversation import Speaker, Turn
from chatui.data import chatgpt
from chatui.data.documents import in_words, loosely_parsed
from chatui.data.mapping import Columns
from chatui.data.marked import marked_turns, marks_of
from chatui.data.names import SPEAKERS
from chatui.data.records import BadRow, Record, Unreadable, shortened
from chatui.data.shapes import pair_keys

MAX_TEXT = 1_000_000  # characters of a turn; no model reads as much, and a page would stand still


@dataclass(frozen=True, slots=True)
class RawRow:
    """A conversation as the file has it."""

    row: int
    turns: tuple[Turn, ...]
    label: str | None = None
    rejected: str | None = None


def conversation_of(record: Record, columns: Columns) -> RawRow:
    """The conversation of a record; raises BadRow when there is none in it."""
    values = record.values
    system = _optional(values, columns.system)
    turns = [Turn("system", system)] if system and system.strip() else []
    if columns.conversation:
        turns += _whole(values, columns.conversation)
    else:
        turns += _from_pair(values, columns)
    label = _label(values, columns.label)
    return RawRow(record.row, tuple(turns), label, _optional(values, columns.rejected))


def _from_pair(values: dict[str, object], columns: Columns) -> list[Turn]:
    said = _text(values, columns.user or "")
    context = _optional(values, columns.context)
    if context and context.strip():
        said = f"{said}\n\n{context}"
    reply = _text(values, columns.assistant or "")
    return [*_history(values, columns.history), Turn("user", said), Turn("assistant", reply)]


def _history(values: dict[str, object], column: str | None) -> list[Turn]:
    """Earlier turns, written as a list of [question, reply] pairs."""
    value = values.get(column) if column else None
    turns: list[Turn] = []
    for pair in value if isinstance(value, list) else []:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise BadRow(
                f"the column {column!r} should hold pairs of a question and a reply", column
            )
        turns.append(Turn("user", _checked(pair[0], f"the column {column!r}", column)))
        turns.append(Turn("assistant", _checked(pair[1], f"the column {column!r}", column)))
    return turns


def turns_of_message(record: Record, columns: Columns) -> RawRow:
    """The one turn of a record that is a message; raises BadRow."""
    values, column = record.values, columns.speaker or ""
    speaker = _speaker(values.get(column), f"the column {shortened(column, 40)!r}", column)
    turn = Turn(speaker, _text(values, columns.said or ""))
    return RawRow(record.row, (turn,), _label(values, columns.label))


def _whole(values: dict[str, object], column: str) -> list[Turn]:
    """The turns of a value that is a whole conversation, however it is written."""
    value = values.get(column)
    where = f"the column {shortened(column, 40)!r}"
    if isinstance(value, str):
        value = _checked(value, where, column)
        if marks_of(value):
            return _told_of(column, marked_turns, value)
        try:
            value = loosely_parsed(value)
        except ValueError:
            reason = f"{where} holds a text that is no list of turns"
            raise BadRow(reason, column) from None
    if isinstance(value, dict):
        if chatgpt.is_tree(value):
            turns = chatgpt.turns_of(value, values.get("current_node"))
            return [Turn(t.speaker, _checked(t.text, where, column)) for t in turns]
        value = [value]
    if not isinstance(value, list) or not value:
        what = "an empty list" if value == [] else in_words(value)
        raise BadRow(f"{where} holds {what}, not a list of turns", column)
    numbered = enumerate(value, start=1)
    return [turn for number, item in numbered for turn in _turns(item, number, column)]


def _told_of(column: str, parse: Callable[[str], list[Turn]], value: str) -> list[Turn]:
    try:
        return parse(value)
    except BadRow as problem:
        raise BadRow(f"the column {shortened(column, 40)!r}: {problem.reason}", column) from None


def _turns(item: object, number: int, column: str) -> list[Turn]:
    """The turns of an element of a list: one, or a question with its reply."""
    where = f"turn {number} of the column {shortened(column, 40)!r}"
    if not isinstance(item, dict):
        raise BadRow(f"{where} is {in_words(item)}, not an object", column)
    if not item.keys() & {"role", "from"} and (keys := pair_keys(item)):
        texts = [_checked(item[key], f"{key!r} in {where}", column) for key in keys]
        return [Turn("user", texts[0]), Turn("assistant", texts[1])]
    speaker = _speaker(item.get("role", item.get("from")), where, column)
    said = item.get("content", item.get("value"))
    if isinstance(said, list):
        said = _joined_parts(said, where, column)
    return [Turn(speaker, _checked(said, where, column))]


def _speaker(role: object, where: str, column: str) -> Speaker:
    speaker = SPEAKERS.get(role.strip().lower()) if isinstance(role, str) else None
    if speaker is None:
        known = "system, user and assistant"
        what = f"{where} has the role {shortened(str(role), 40)!r}; known are {known}"
        raise BadRow(what, column)
    return speaker


def _joined_parts(parts: list[object], where: str, column: str) -> str:
    """The texts of a message written in parts; other parts, such as pictures, are refused."""
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            raise BadRow(f"{where} has a part that is no text; only texts can be learned", column)
        texts.append(text)
    return "".join(texts)


def _text(values: dict[str, object], column: str) -> str:
    return _checked(values.get(column), f"the column {shortened(column, 40)!r}", column)


def _optional(values: dict[str, object], column: str | None) -> str | None:
    if column is None or values.get(column) is None:
        return None
    return _text(values, column)


def _label(values: dict[str, object], column: str | None) -> str | None:
    value = values.get(column) if column else None
    if value is None or value == "" or isinstance(value, list | dict):
        return None
    return _checked(str(value), f"the column {column!r}", column or "")


def _checked(value: object, where: str, column: str | None) -> str:
    """A text that can be stored; nothing at all counts as a blank text."""
    if value is None:
        return ""
    if isinstance(value, Unreadable):
        raise BadRow(value.reason, column)
    if not isinstance(value, str):
        raise BadRow(f"{where} holds {in_words(value)}, not a text", column)
    if len(value) > MAX_TEXT:
        size = f"{len(value):,} characters; a turn may have {MAX_TEXT:,}"
        raise BadRow(f"{where} holds {size}", column)
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            reason = f"{where} has a broken character at position {error.start + 1}"
            raise BadRow(reason, column) from None
    return value
