"""Recognise which column says what, or take the user's word for it.

Knows which names and shapes mean what; turning values into turns is `formats.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from chatui.data.names import (
    ASSISTANT_NAMES,
    LABEL_NAMES,
    MESSAGE_NAMES,
    ORDER_NAMES,
    PARENT_NAMES,
    SAID_NAMES,
    SPEAKER_NAMES,
    SPEAKERS,
    SYSTEM_NAMES,
    THREAD_NAMES,
    USER_NAMES,
    all_named,
    first_named,
)
from chatui.data.records import Record, shortened
from chatui.data.shapes import conversation_column
from chatui.errors import BadColumn, BadMapping, ColumnsUnknown

ROLES = ("user", "assistant", "system")  # what a user may map


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what: `conversation`, or `user` and `assistant`, or `speaker` and `said`.

    Where `thread`, or `message` and `parent`, are there too, rows are joined into conversations.
    """

    user: str | None = None
    assistant: str | None = None
    context: str | None = None  # the "input" of instruction data, joined to the instruction
    history: str | None = None  # earlier [question, reply] pairs of instruction data
    conversation: str | None = None
    system: str | None = None
    label: str | None = None
    rejected: str | None = None
    speaker: str | None = None  # who speaks, where a row is one message
    said: str | None = None
    thread: str | None = None  # names the conversation of a row
    order: str | None = None  # numbers or times by which the rows of a conversation are ordered
    message: str | None = None  # names a row
    parent: str | None = None  # names the row that a row replies to
    together: str | None = None  # names the conversation of a row that is not joined to others

    @property
    def is_threaded(self) -> bool:
        """Whether several rows make one conversation."""
        return bool(self.thread or self.parent)

    @property
    def is_complete(self) -> bool:
        """Whether conversations can be made of it."""
        is_pair = self.user and self.assistant
        return bool(self.conversation or is_pair or (self.speaker and self.said))

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
    format: str = "question and reply columns"  # what it was taken for, in words
    confidence: float = 0.0  # share of the first rows that are conversations if read so


def recognise(columns: Sequence[str], sample: Sequence[Record]) -> Recognition:
    """Find the columns by their usual names, and conversations by their shape."""
    found = _by_names_and_shapes(columns, sample)
    used = found.chosen.as_dict().values()
    names = [column for column in all_named(columns, THREAD_NAMES) if column not in used]
    if found.chosen.thread or not names:
        return found
    return replace(found, chosen=replace(found.chosen, together=names[0]))


def _by_names_and_shapes(columns: Sequence[str], sample: Sequence[Record]) -> Recognition:
    extras = Columns(
        system=first_named(columns, SYSTEM_NAMES),
        label=first_named(columns, LABEL_NAMES),
        rejected=first_named(columns, ("rejected",)),
    )
    if found := conversation_column(columns, sample):
        # Beside whole conversations, some exports have a whole rejected one: that is not a reply.
        is_text = all(isinstance(r.values.get("rejected"), str | None) for r in sample)
        rejected = extras.rejected if is_text else None
        chosen = replace(extras, conversation=found[0], rejected=rejected)
        return Recognition(tuple(columns), chosen, is_sure=True, format=found[1])
    chosen, notes = _pair(columns, extras)
    chosen, joining = _threaded(columns, sample, chosen)
    if chosen.speaker:
        return Recognition(tuple(columns), chosen, True, format=joining)
    if not chosen.user or not chosen.assistant:
        others = [c for c in columns if c not in (chosen.system, chosen.label, chosen.rejected)]
        if len(others) == 2:
            guess = _guess_of_two(chosen, others)
            notes = (f"{_quoted(guess.user)} was taken as what the user says, because it is one "
                     f"of two columns, and {_quoted(guess.assistant)} as the reply.",)  # fmt: skip
            return Recognition(tuple(columns), guess, is_sure=False, notes=notes)
    kind = joining or _kind_of_pair(chosen)
    if joining:
        notes = (*notes, f"Rows with the same {_quoted(chosen.thread)} were joined.")
    return Recognition(tuple(columns), chosen, chosen.is_complete and not notes, notes, kind)


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
        chosen = _as_pair(chosen)
    if "user" in wanted and chosen.context == wanted["user"]:
        chosen = replace(chosen, context=None)
    chosen = replace(_without_together(chosen, wanted), **wanted)
    if not chosen.is_complete:
        raise ColumnsUnknown(file, [shortened(c, 40) for c in found.columns])
    if chosen.user is not None and chosen.user == chosen.assistant:
        raise BadMapping(f"{_quoted(chosen.user)} can't be both what the user says and the reply")
    return chosen


def _without_together(chosen: Columns, wanted: Mapping[str, str]) -> Columns:
    """The columns, where that for the conversation's name is not wanted as something else."""
    return replace(chosen, together=None) if chosen.together in wanted.values() else chosen


def _as_pair(chosen: Columns) -> Columns:
    """The columns without what makes a row a message or a whole conversation."""
    if chosen.speaker:  # rows that are joined as messages are no pairs to be joined
        chosen = replace(chosen, together=chosen.together or chosen.thread)
        chosen = replace(chosen, thread=None, order=None, message=None, parent=None)
    return replace(chosen, conversation=None, speaker=None, said=None)


def _pair(columns: Sequence[str], extras: Columns) -> tuple[Columns, tuple[str, ...]]:
    users = all_named(columns, USER_NAMES)
    assistants = [c for c in all_named(columns, ASSISTANT_NAMES) if c not in users]
    context = history = None
    instruction = first_named(columns, ("instruction",))
    if instruction and instruction == next(iter(users), None):
        context, history = first_named(columns, ("input",)), first_named(columns, ("history",))
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


def _kind_of_pair(chosen: Columns) -> str:
    if chosen.rejected:
        return "replies that were preferred and rejected"
    if chosen.context or chosen.history:
        return "instructions with their input"
    return "question and reply columns"


def _threaded(
    columns: Sequence[str], sample: Sequence[Record], pair: Columns
) -> tuple[Columns, str]:
    """The columns by which rows are joined into conversations, and how, in words."""
    thread, order = first_named(columns, THREAD_NAMES), first_named(columns, ORDER_NAMES)
    speaker, said = first_named(columns, SPEAKER_NAMES), first_named(columns, SAID_NAMES)
    message, parent = first_named(columns, MESSAGE_NAMES), first_named(columns, PARENT_NAMES)
    if speaker and said and _speak(sample, speaker):
        extras = replace(pair, user=None, assistant=None, context=None, history=None, rejected=None)
        messages = replace(extras, speaker=speaker, said=said)
        if message and parent and any(record.values.get(parent) for record in sample):
            by_parent = replace(messages, message=message, parent=parent)
            return by_parent, f"messages joined by {_quoted(parent)}"
        if thread:
            by_id = replace(messages, thread=thread, order=order)
            return by_id, f"messages joined by {_quoted(thread)}"
    ids = [value for r in sample if thread and (value := r.values.get(thread))]
    if pair.user and pair.assistant and len(set(map(str, ids))) < len(ids):
        joined = replace(pair, thread=thread, order=order, rejected=None)
        return joined, f"questions and replies joined by {_quoted(thread)}"
    return pair, ""


def _speak(sample: Sequence[Record], column: str) -> bool:
    """Whether a column mostly says who speaks."""
    known = sum(str(r.values.get(column)).strip().lower() in SPEAKERS for r in sample)
    return bool(sample) and 2 * known >= len(sample)


def _quoted(name: str | None) -> str:
    return repr(shortened(name or "", 40))
