"""Turn a record into the turns of a conversation: pairs, chat messages, ShareGPT.

Knows the shapes that people export. Texts stay exactly as they are; putting turns in order is a
cleaning step that everybody can see.
"""

from dataclasses import dataclass

from chatui.conversation import Speaker, Turn
from chatui.data.documents import in_words, parse_json
from chatui.data.mapping import Columns
from chatui.data.records import BadRow, Record, Unreadable, shortened

_SPEAKERS: dict[str, Speaker] = {
    "user": "user", "human": "user", "customer": "user", "client": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "agent": "assistant", "bot": "assistant",
    "model": "assistant", "chatgpt": "assistant", "ai": "assistant", "support": "assistant",
    "system": "system", "developer": "system",
}  # fmt: skip


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
        turns += _from_list(values, columns.conversation)
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
            raise BadRow(f"the column {column!r} should hold pairs of a question and a reply")
        turns.append(Turn("user", _checked(pair[0], f"the column {column!r}")))
        turns.append(Turn("assistant", _checked(pair[1], f"the column {column!r}")))
    return turns


def _from_list(values: dict[str, object], column: str) -> list[Turn]:
    value = values.get(column)
    shown = repr(shortened(column, 40))
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except (ValueError, RecursionError):
            raise BadRow(f"the column {shown} holds a text that is no list of turns") from None
    if not isinstance(value, list) or not value:
        what = "an empty list" if value == [] else in_words(value)
        raise BadRow(f"the column {shown} holds {what}, not a list of turns")
    return [_turn(item, number, shown) for number, item in enumerate(value, start=1)]


def _turn(item: object, number: int, column: str) -> Turn:
    where = f"turn {number} of the column {column}"
    if not isinstance(item, dict):
        raise BadRow(f"{where} is {in_words(item)}, not an object")
    role, said = item.get("role", item.get("from")), item.get("content", item.get("value"))
    speaker = _SPEAKERS.get(role.strip().lower()) if isinstance(role, str) else None
    if speaker is None:
        known = "system, user and assistant"
        raise BadRow(f"{where} has the role {shortened(str(role), 40)!r}; known are {known}")
    if isinstance(said, list):
        said = _joined_parts(said, where)
    return Turn(speaker, _checked(said, where))


def _joined_parts(parts: list[object], where: str) -> str:
    """The texts of a message written in parts; other parts, such as pictures, are refused."""
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            raise BadRow(f"{where} has a part that is no text; only texts can be learned")
        texts.append(text)
    return "".join(texts)


def _text(values: dict[str, object], column: str) -> str:
    return _checked(values.get(column), f"the column {shortened(column, 40)!r}")


def _optional(values: dict[str, object], column: str | None) -> str | None:
    if column is None or values.get(column) is None:
        return None
    return _text(values, column)


def _label(values: dict[str, object], column: str | None) -> str | None:
    value = values.get(column) if column else None
    if value is None or value == "" or isinstance(value, list | dict):
        return None
    return _checked(str(value), f"the column {column!r}")


def _checked(value: object, where: str) -> str:
    """A text that can be stored; nothing at all counts as a blank text."""
    if value is None:
        return ""
    if isinstance(value, Unreadable):
        raise BadRow(value.reason)
    if not isinstance(value, str):
        raise BadRow(f"{where} holds {in_words(value)}, not a text")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadRow(f"{where} has a broken character at position {error.start + 1}") from None
    return value
