"""The files of a dataset version: what each holds, written so that equal content is equal bytes.

Knows pyarrow and the schema, neither names nor numbers of versions. `format: 1` in the manifest
stands for exactly these columns.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from chatui.conversation import Conversation, Split, Turn, content_hash
from chatui.data.cleaning import RemovedRow

FORMAT = 1


def content_of(conversations: Sequence[Conversation], system: str | None) -> str:
    """SHA-256 of what is learned and tested, whatever file it came from."""
    rows = [
        [_pairs(c.turns), c.split, c.label, c.rejected, c.group, c.source, c.parent]
        for c in conversations
    ]
    return content_hash({"format": FORMAT, "system": system, "rows": rows})


def split_hash(conversations: Sequence[Conversation], split: Split, system: str | None) -> str:
    """SHA-256 of a split's items in the order of their names; any order of rows is the same."""
    items = [[c.id, _pairs(c.turns)] for c in conversations if c.split == split]
    return content_hash([system, sorted(items)])


def write_conversations(path: Path, conversations: Sequence[Conversation]) -> None:
    """Write `conversations.parquet`."""
    rows = [
        {**{name: getattr(c, name) for name in _TEXTS}, "turns": _messages(c.turns), "row": c.row}
        for c in conversations
    ]
    _write(path, rows, {name: "text" for name in _TEXTS} | {"turns": "turns", "row": "number"})


def read_conversations(path: Path) -> list[Conversation]:
    """Read `conversations.parquet` or `added.parquet`."""
    return [Conversation(**{**row, "turns": _turns(row["turns"])}) for row in _read(path)]


def write_added(path: Path, added: Sequence[Conversation]) -> None:
    """Write `added.parquet`, which only versions with repeated or derived rows have."""
    kinds = {name: "text" for name in (*_TEXTS, "made_by")} | {"turns": "turns", "row": "number"}
    rows = [
        {**{name: getattr(row, name) for name in kinds}, "turns": _messages(row.turns)}
        for row in added
    ]
    _write(path, rows, kinds)


def write_removed(path: Path, removed: Sequence[RemovedRow]) -> None:
    """Write `removed.parquet`: all of what was removed, so that it can be brought back."""
    kinds = {name: "text" for name in RemovedRow.__slots__} | {"row": "number", "turns": "turns"}
    rows = [
        {**{name: getattr(row, name) for name in kinds}, "turns": _messages(row.turns)}
        for row in removed
    ]
    _write(path, rows, kinds)


def read_removed(path: Path) -> list[RemovedRow]:
    """Read `removed.parquet`."""
    return [RemovedRow(**{**row, "turns": _turns(row["turns"])}) for row in _read(path)]


def write_recipe(path: Path, recipe: dict[str, object]) -> None:
    """Write `recipe.json`: how the version was made, with nothing in it that changes by itself."""
    text = json.dumps(recipe, indent=2, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


_TEXTS = ("id", "split", "rejected", "label", "source", "group", "parent", "file")


def _write(path: Path, rows: list[dict[str, Any]], kinds: dict[str, str]) -> None:
    import pyarrow
    import pyarrow.parquet

    turn = pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())])
    types = {
        "text": pyarrow.string(),
        "number": pyarrow.int64(),
        "turns": pyarrow.list_(turn),
    }
    schema = pyarrow.schema([(name, types[kind]) for name, kind in kinds.items()])
    table = pyarrow.Table.from_pylist(rows, schema=schema)
    pyarrow.parquet.write_table(table, path, compression="zstd")


def _read(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet

    return cast(list[dict[str, Any]], pyarrow.parquet.read_table(path).to_pylist())


def _pairs(turns: Sequence[Turn]) -> list[list[str]]:
    return [[turn.speaker, turn.text] for turn in turns]


def _messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    return [turn.as_message() for turn in turns]


def _turns(messages: list[dict[str, Any]]) -> tuple[Turn, ...]:
    return tuple(Turn(message["role"], message["content"]) for message in messages)
