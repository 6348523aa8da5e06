"""Recognise which column says what, or take the user's word for it.

Knows names of columns and a few values; turning values into turns is `formats.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from chatui.data.records import Record, shortened
from chatui.errors import BadColumn, BadMapping, ColumnsUnknown

# Best known first: where a file has several of them, the first is taken and the doubt is told.
USER_NAMES = (
    "user", "prompt", "question", "instruction", "input", "query", "human", "customer", "request",
    "user_message", "customer_message", "user_input", "message", "utterance", "problem", "q",
)  # fmt: skip
ASSISTANT_NAMES = (
    "assistant", "agent", "completion", "answer", "output", "response", "reply", "chosen", "bot",
    "chatbot", "gpt", "support", "agent_reply", "agent_message", "assistant_message",
    "bot_reply", "solution", "target", "a",
)  # fmt: skip
SYSTEM_NAMES = ("system", "system_prompt", "system_message")
LABEL_NAMES = ("label", "category", "topic", "intent", "class", "tag")
CONVERSATION_NAMES = (
    "messages", "conversations", "conversation", "turns", "dialog", "dialogue", "chat",
)  # fmt: skip
ROLES = ("user", "assistant", "system")  # what a user may map
_KNOWN = frozenset(
    (*USER_NAMES, *ASSISTANT_NAMES, *SYSTEM_NAMES, *LABEL_NAMES, *CONVERSATION_NAMES, "rejected")
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; either `conversation`, or `user` and `assistant`."""

    user: str | None = None
    assistant: str | None = None
    context: str | None = None  # the "input" of instruction data, joined to the instruction
    history: str | None = None  # earlier [question, reply] pairs of instruction data
    conversation: str | None = None
    system: str | None = None
    label: str | None = None
    rejected: str | None = None

    def as_dict(self) -> dict[str, str]:
        """The columns that are used, by role."""
        return {role: name for role, name in asdict(self).items() if name is not None}


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was recognised, and whether somebody should look at it."""

    columns: tuple[str, ...]  # all there are
    chosen: Columns
    is_sure: bool
    notes: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether conversations can be made of it."""
        return bool(self.chosen.conversation or (self.chosen.user and self.chosen.assistant))


def recognise(columns: Sequence[str], sample: Sequence[Record]) -> Recognition:
    """Find the columns by their usual names, and conversations by their shape."""
    extras = Columns(
        system=_first(columns, SYSTEM_NAMES),
        label=_first(columns, LABEL_NAMES),
        rejected=_first(columns, ("rejected",)),
    )
    if conversation := _conversation_column(columns, sample):
        # Beside whole conversations, some exports have a whole rejected one: that is not a reply.
        is_text = all(isinstance(r.values.get("rejected"), str | None) for r in sample)
        rejected = extras.rejected if is_text else None
        chosen = replace(extras, conversation=conversation, rejected=rejected)
        return Recognition(tuple(columns), chosen, is_sure=True)
    chosen, notes = _pair(columns, extras)
    if not chosen.user or not chosen.assistant:
        others = [c for c in columns if c not in (chosen.system, chosen.label, chosen.rejected)]
        if len(others) == 2:
            guess = _guess_of_two(chosen, others)
            notes = (f"{_quoted(guess.user)} was taken as what the user says, because it is one "
                     f"of two columns, and {_quoted(guess.assistant)} as the reply.",)  # fmt: skip
            return Recognition(tuple(columns), guess, is_sure=False, notes=notes)
    found = Recognition(tuple(columns), chosen, False, notes)
    return replace(found, is_sure=found.is_complete and not notes)


def apply_mapping(found: Recognition, mapping: Mapping[str, str], file: str) -> Columns:
    """The columns to use: the user's word where there is one, else what was recognised."""
    wanted = {role: name for role, name in mapping.items() if name}
    for role, name in wanted.items():
        if role not in ROLES:
            raise BadMapping(f"{shortened(role, 40)!r} is none of {', '.join(ROLES)}")
        if name not in found.columns:
            raise BadColumn(file, name, [shortened(c, 40) for c in found.columns])
    chosen = found.chosen
    if "user" in wanted or "assistant" in wanted:
        chosen = replace(chosen, conversation=None)
    if "user" in wanted and chosen.context == wanted["user"]:
        chosen = replace(chosen, context=None)
    chosen = replace(chosen, **wanted)
    if not chosen.conversation and not (chosen.user and chosen.assistant):
        raise ColumnsUnknown(file, [shortened(c, 40) for c in found.columns])
    if chosen.user is not None and chosen.user == chosen.assistant:
        raise BadMapping(f"{_quoted(chosen.user)} can't be both what the user says and the reply")
    return chosen


def is_known_name(name: str) -> bool:
    """Whether a column is usually called so."""
    return _plain(name) in _KNOWN


def names_a_pair(columns: Sequence[str]) -> bool:
    """Whether a header names a question and a reply, or a whole conversation."""
    plain = {_plain(name) for name in columns}
    is_pair = not plain.isdisjoint(USER_NAMES) and not plain.isdisjoint(ASSISTANT_NAMES)
    return is_pair or not plain.isdisjoint(CONVERSATION_NAMES)


def _pair(columns: Sequence[str], extras: Columns) -> tuple[Columns, tuple[str, ...]]:
    users = _all(columns, USER_NAMES)
    assistants = [c for c in _all(columns, ASSISTANT_NAMES) if c not in users]
    context = history = None
    instruction = _first(columns, ("instruction",))
    if instruction and instruction == next(iter(users), None):
        context, history = _first(columns, ("input",)), _first(columns, ("history",))
        users = [c for c in users if c != context]
    chosen = replace(
        extras,
        user=users[0] if users else None,
        assistant=assistants[0] if assistants else None,
        context=context,
        history=history,
    )
    notes = tuple(
        f"Several columns could be {what}: {', '.join(_quoted(c) for c in found)}. "
        f"{_quoted(found[0])} was taken."
        for what, found in (("what the user says", users), ("the reply", assistants))
        if len(found) > 1
    )
    return chosen, notes


def _guess_of_two(chosen: Columns, others: list[str]) -> Columns:
    if chosen.assistant in others:
        others = sorted(others, key=lambda name: name == chosen.assistant)
    elif chosen.user in others:
        others = sorted(others, key=lambda name: name != chosen.user)
    return replace(chosen, user=others[0], assistant=others[1])


def _conversation_column(columns: Sequence[str], sample: Sequence[Record]) -> str | None:
    """A column whose values are lists of turns; in tables they may be written as JSON."""
    named = _all(columns, CONVERSATION_NAMES)
    for column in (*named, *columns):
        values = [record.values.get(column) for record in sample]
        lists = [value for value in values if _is_list_of_turns(value)]
        if lists and 2 * len(lists) >= sum(value is not None for value in values):
            return column
    return None


def _is_list_of_turns(value: object) -> bool:
    if isinstance(value, str):
        return bool(re.match(r'\s*\[\s*\{\s*"(role|content|from|value)"', value))
    if not isinstance(value, list) or not value:
        return False
    keys = set(value[0]) if isinstance(value[0], dict) else set()
    return keys >= {"role", "content"} or keys >= {"from", "value"}


def _all(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    plain = {_plain(column): column for column in reversed(columns)}
    return [plain[name] for name in names if name in plain]


def _first(columns: Sequence[str], names: Sequence[str]) -> str | None:
    return next(iter(_all(columns, names)), None)


def _plain(name: str) -> str:
    return re.sub(r"[\s\-_]+", "_", name.strip().lower())


def _quoted(name: str | None) -> str:
    return repr(shortened(name or "", 40))
