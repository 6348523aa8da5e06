"""The files of a dataset version: what each holds, written so that equal content is equal bytes.

Knows pyarrow and the schema, neither names nor numbers of versions. `format: 1` in the manifest
stands for exactly these columns, and `thread` where rows were cut out of conversations.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from chatui.conversation import Conversation, Turn
from chatui.data.cleaning import RemovedRow

FORMAT = 1
_GROUP_ROWS = 10_000
_GROUP_SIZE = 8_000_000  # characters; nobody reads a part of a group


def write_conversations(
    path: Path, conversations: Iterable[Conversation], more: Sequence[str] = ()
) -> None:
    """Write `conversations.parquet`, with `more` texts of each row."""
    kinds = {name: "text" for name in (*_TEXTS, *more)} | {"turns": "turns", "row": "number"}
    _write(path, ((c, c.turns) for c in conversations), kinds)


def read_conversations(path: Path, limit: int | None = None) -> list[Conversation]:
    """Read `conversations.parquet` or `added.parquet`, or the first rows of it."""
    return [Conversation(**{**row, "turns": _turns(row["turns"])}) for row in _read(path, limit)]


def write_added(path: Path, added: Iterable[Conversation], more: Sequence[str] = ()) -> None:
    """Write `added.parquet`, which only versions with repeated or derived rows have."""
    write_conversations(path, added, ("made_by", *more))


def write_removed(path: Path, removed: Iterable[RemovedRow], more: Sequence[str] = ()) -> None:
    """Write `removed.parquet`: all of what was removed, so that it can be brought back."""
    texts = (*(name for name in RemovedRow.__slots__ if name != "thread"), *more)
    kinds = {name: "text" for name in texts} | {"row": "number", "turns": "turns"}
    _write(path, ((row, row.turns) for row in removed), kinds)


def read_removed(path: Path) -> list[RemovedRow]:
    """Read `removed.parquet`."""
    return [RemovedRow(**{**row, "turns": _turns(row["turns"])}) for row in _read(path)]


def write_recipe(path: Path, recipe: dict[str, object]) -> None:
    """Write `recipe.json`: how the version was made, with nothing in it that changes by itself."""
    text = json.dumps(recipe, indent=2, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


_TEXTS = ("id", "split", "rejected", "label", "source", "group", "parent", "file")


def _write(
    path: Path, rows: Iterable[tuple[object, Sequence[Turn]]], kinds: dict[str, str]
) -> None:
    """Write rows in groups, so that never more than a group of them is in memory."""
    import pyarrow
    import pyarrow.parquet

    turn = pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())])
    types = {
        "text": pyarrow.string(),
        "number": pyarrow.int64(),
        "turns": pyarrow.list_(turn),
    }
    schema = pyarrow.schema([(name, types[kind]) for name, kind in kinds.items()])
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(rows):
            columns = [
                _column_of_turns([turns for _, turns in group], turn)
                if kind == "turns"
                else pyarrow.array([getattr(row, name) for row, _ in group], types[kind])
                for name, kind in kinds.items()
            ]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))


def _groups(
    rows: Iterable[tuple[object, Sequence[Turn]]],
) -> Iterator[list[tuple[object, Sequence[Turn]]]]:
    """Rows in groups that depend on the rows alone: the same rows are the same bytes."""
    group: list[tuple[object, Sequence[Turn]]] = []
    size = 0
    for row in rows:
        group.append(row)
        size += sum(len(turn.text) for turn in row[1])
        if len(group) == _GROUP_ROWS or size >= _GROUP_SIZE:
            yield group
            group, size = [], 0
    if group:
        yield group


def _column_of_turns(rows: Sequence[Sequence[Turn]], kind: Any) -> Any:
    """A column of lists of turns, made without an object for each turn."""
    import pyarrow

    ends = accumulate(map(len, rows), initial=0)
    roles = pyarrow.array([turn.speaker for turns in rows for turn in turns], pyarrow.string())
    texts = pyarrow.array([turn.text for turns in rows for turn in turns], pyarrow.string())
    turns = pyarrow.StructArray.from_arrays([roles, texts], fields=list(kind))
    return pyarrow.ListArray.from_arrays(pyarrow.array(ends, pyarrow.int32()), turns)


def _read(path: Path, limit: int | None = None) -> list[dict[str, Any]]:
    import pyarrow.parquet

    rows: list[dict[str, Any]] = []
    with pyarrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_GROUP_ROWS, use_threads=False):
            rows += batch.to_pylist()
            if limit is not None and len(rows) >= limit:
                return rows[:limit]
    return rows


def _turns(messages: list[dict[str, Any]]) -> tuple[Turn, ...]:
    return tuple(Turn(message["role"], message["content"]) for message in messages)
