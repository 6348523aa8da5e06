"""Make conversations of records: one of each, or joined by conversation id or by parent id.

A joined conversation has the number of its last row; the rows before it are counted as joined to
it. A message that several others reply to begins several conversations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chatui.conversation import Turn
from chatui.data.chatgpt import is_tree, left_out
from chatui.data.formats import RawRow, conversation_of, turns_of_message
from chatui.data.mapping import Columns
from chatui.data.records import BadRow, Record, shortened
from chatui.data.spool import Spool

_LONGEST = 1000  # messages from the first to the last reply; more is a loop or a log


@dataclass(slots=True)
class Joined:
    """Conversations, rows that are in none with the reason, and to which row others belong."""

    rows: "list[RawRow] | Spool[RawRow]" = field(default_factory=list)
    refused: list[tuple[Record, BadRow]] = field(default_factory=list)
    joined: dict[int, int] = field(default_factory=dict)

    def add(self, records: Sequence[Record], columns: Columns) -> None:
        """Make a conversation of records in their order."""
        last = records[-1]
        self.joined |= {r.row: last.row for r in records[:-1] if r.row not in self.joined}
        turns: list[Turn] = []
        label = rejected = None
        for record in records:
            try:
                row = _row(record, columns)
            except BadRow as problem:
                reason = problem.reason if record is last else f"row {record.row}: {problem.reason}"
                self.refused.append((last, BadRow(reason, problem.field)))
                return
            is_repeated = bool(turns) and row.turns[0] == turns[0] and turns[0].speaker == "system"
            turns += row.turns[is_repeated:]
            label, rejected = label or row.label, row.rejected
        self.rows.append(RawRow(last.row, tuple(turns), label, rejected))


def rows_of(records: Sequence[Record], columns: Columns) -> Joined:
    """The conversations of all records; each record is in one, joined to one or refused."""
    rows: list[RawRow] = []
    result = Joined(rows)
    if columns.is_threaded:
        join(records, columns, result)
        rows.sort(key=lambda row: row.row)
    else:
        for record in records:
            result.add([record], columns)
    return result


def join(records: Sequence[Record], columns: Columns, result: Joined) -> None:
    """Make conversations of several records each; records are read again by their positions."""
    if columns.parent:
        _by_parent(records, columns, result)
    else:
        _by_id(records, columns, result)


def share_that_fits(sample: Sequence[Record], columns: Columns) -> float:
    """The share of conversations with a question and a reply among all that could be ones."""
    found = rows_of(sample, columns)
    whole = sum({"user", "assistant"} <= _speakers(row) for row in found.rows)
    return whole / max(1, len(found.rows) + len(found.refused))


@dataclass(slots=True)
class LeftOut:
    """What is left out of conversations on purpose, counted."""

    conversations: int = 0
    messages: int = 0

    def count(self, records: Sequence[Record], columns: Columns) -> None:
        """Count what is left out of records."""
        for record in records if columns.conversation else ():
            messages = _left_out(record, columns)
            self.conversations += messages > 0
            self.messages += messages

    def notes(self) -> tuple[str, ...]:
        """In a sentence."""
        if not self.conversations:
            return ()
        count = self.conversations
        where = "1 conversation has" if count == 1 else f"{count:,} conversations have"
        what = "message there is" if self.messages == 1 else "messages there are"
        return (
            f"{where} other branches (edited questions, replies made again): {self.messages:,} "
            f"{what} left out, the branch that was read last is kept.",
        )


def _left_out(record: Record, columns: Columns) -> int:
    tree = record.values.get(columns.conversation or "")
    return left_out(tree, record.values.get("current_node")) if is_tree(tree) else 0


def _speakers(row: RawRow) -> set[str]:
    return {turn.speaker for turn in row.turns if turn.text.strip()}


def _row(record: Record, columns: Columns) -> RawRow:
    if columns.speaker:
        return turns_of_message(record, columns)
    return conversation_of(record, columns)


def _by_id(records: Sequence[Record], columns: Columns, result: Joined) -> None:
    conversations: dict[str, list[int]] = {}
    for position, record in enumerate(records):
        name = key_in(record, columns.thread)
        if name is None:
            why = f"the column {columns.thread!r} names no conversation"
            result.refused.append((record, BadRow(why, columns.thread)))
        else:
            conversations.setdefault(name, []).append(position)
    for positions in conversations.values():
        members = [records[position] for position in positions]
        result.add(_ordered(members, columns.order), columns)


def _ordered(records: list[Record], column: str | None) -> list[Record]:
    """In the order that a column gives, as numbers if all are; else as they stand in the file."""
    keys = [key_in(record, column) for record in records]
    if any(key is None for key in keys):
        return records
    try:
        numbers = [float(key or "") for key in keys]
    except ValueError:
        return [
            r for _, r in sorted(zip(keys, records, strict=True), key=lambda pair: str(pair[0]))
        ]
    return [r for _, r in sorted(zip(numbers, records, strict=True), key=lambda pair: pair[0])]


def _by_parent(records: Sequence[Record], columns: Columns, result: Joined) -> None:
    by_id: dict[str, int] = {}
    parents: set[str | None] = set()
    for position, record in enumerate(records):
        name = key_in(record, columns.message)
        if name is None or name in by_id:
            what = "is blank" if name is None else f"{shortened(name, 40)!r} stands twice"
            why = f"the id in the column {columns.message!r} {what}"
            result.refused.append((record, BadRow(why, columns.message)))
        else:
            by_id[name] = position
            parents.add(key_in(record, columns.parent))
    seen: set[int] = set()
    for name, position in by_id.items():
        if name not in parents:
            seen.update(_Climb(records, by_id, columns).from_leaf(records[position], result))
    for position in by_id.values():
        if position not in seen:
            why = "its parents follow each other in a circle"
            result.refused.append((records[position], BadRow(why, columns.parent)))


@dataclass(frozen=True, slots=True)
class _Climb:
    """The way from a last message to the first."""

    records: Sequence[Record]
    by_id: dict[str, int]
    columns: Columns

    def from_leaf(self, leaf: Record, result: Joined) -> list[int]:
        """Make a conversation of a last message and all before it; returns their positions."""
        members, problem = [leaf], ""
        positions = [self.by_id[key_in(leaf, self.columns.message) or ""]]
        while (parent := key_in(members[-1], self.columns.parent)) and not problem:
            if parent not in self.by_id:
                problem = f"its beginning is missing: no row has the id {shortened(parent, 40)!r}"
            elif len(members) == _LONGEST:
                problem = f"it has more than {_LONGEST:,} messages, or they follow in a circle"
            else:
                positions.append(self.by_id[parent])
                members.append(self.records[positions[-1]])
        if problem:
            rows = {r.row: leaf.row for r in members[1:] if r.row not in result.joined}
            result.joined |= rows
            result.refused.append((leaf, BadRow(problem, self.columns.parent)))
        else:
            result.add(members[::-1], self.columns)
        return positions


def key_in(record: Record, column: str | None) -> str | None:
    """An id as a text, whatever type it has; None if there is none."""
    value = record.values.get(column) if column else None
    if value is None or isinstance(value, list | dict):
        return None
    return str(value).strip() or None
