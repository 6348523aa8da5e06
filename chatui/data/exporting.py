"""Write a version in the formats that other programs read, and that this one reads back.

Texts stay exactly as they are. What a format has no place for is an error, never left out.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from chatui.conversation import Conversation
from chatui.data.store import DatasetStore
from chatui.errors import FileNotWritable, NotExportable
from chatui.workspace import write_bytes

Row = dict[str, Any]
_EXTRAS = ("label", "rejected", "source", "parent", "made_by")
Format = Literal["messages", "pairs", "sharegpt", "alpaca", "parquet"]


def export(store: DatasetStore, dataset_id: str, form: Format, path: Path) -> dict[str, object]:
    """Write a version to a file, whole or not at all; returns what was written.

    Each conversation stands below the version's system prompt. Raises NotExportable where the
    format has no place for something.
    """
    conversations = store.conversations(dataset_id)
    data = _WRITERS[form](dataset_id, conversations)
    _write(path, data)
    return {
        "dataset": dataset_id,
        "format": form,
        "file": str(path),
        "rows": len(conversations),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def export_key(values: Mapping[str, str], path: Path) -> None:
    """Write the values behind placeholders as JSON, readable for this user only."""
    text = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
    _write(path, text.encode(), mode=0o600)


def _write(path: Path, data: bytes, mode: int = 0o644) -> None:
    try:
        write_bytes(path, data, mode)
    except OSError as error:
        raise FileNotWritable(str(path)[:120], (error.strerror or "it fails").lower()) from error


def messages(row: Conversation) -> Row:
    """`{"messages": [{"role", "content"}, …], "split", "id"}`, and label, rejected, source, and of
    an added row its parent and how it was made, if any.
    """
    said = [turn.as_message() for turn in row.turns]
    return {"messages": said, "split": row.split, "id": row.id, **_extras(row)}


def sharegpt(row: Conversation) -> Row:
    """`{"conversations": [{"from", "value"}, …]}`."""
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    said = [{"from": names[turn.speaker], "value": turn.text} for turn in row.turns]
    return {"conversations": said, "split": row.split, "id": row.id, **_extras(row)}


def pair(row: Conversation) -> Row:
    """`{"user", "agent"}` of a conversation with one question and one reply."""
    system = {"system": row.turns[0].text} if row.turns[0].speaker == "system" else {}
    said = {"user": row.turns[-2].text, "agent": row.turns[-1].text}
    return {**system, **said, "split": row.split, "id": row.id, **_extras(row)}


def alpaca(row: Conversation) -> Row:
    """`{"instruction", "input", "output", "history"}`; earlier turns are pairs in `history`."""
    system = {"system": row.turns[0].text} if row.turns[0].speaker == "system" else {}
    texts = [turn.text for turn in row.turns if turn.speaker != "system"]
    earlier = [list(texts[n : n + 2]) for n in range(0, len(texts) - 2, 2)]
    said: Row = {"instruction": texts[-2], "input": "", "output": texts[-1]}
    if earlier:
        said["history"] = earlier
    return {**system, **said, "split": row.split, "id": row.id, **_extras(row)}


def _extras(row: Conversation) -> Row:
    extras = {name: getattr(row, name) for name in _EXTRAS}
    return {name: value for name, value in extras.items() if value is not None}


def _lines(make: Callable[[Conversation], Row]) -> Callable[[str, Sequence[Conversation]], bytes]:
    def written(_: str, rows: Sequence[Conversation]) -> bytes:
        lines = (json.dumps(make(row), ensure_ascii=False) + "\n" for row in rows)
        return "".join(lines).encode()

    return written


def _pairs(dataset_id: str, rows: Sequence[Conversation]) -> bytes:
    longer = sum(sum(turn.speaker == "user" for turn in row.turns) > 1 for row in rows)
    if longer:
        problem = f"{longer:,} of {len(rows):,} conversations have more than one question"
        raise NotExportable(dataset_id, "pairs", problem)
    return _lines(pair)(dataset_id, rows)


def _parquet(_: str, rows: Sequence[Conversation]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    text = pyarrow.string()
    turn = pyarrow.struct([("role", text), ("content", text)])
    names = ("split", "id", *_EXTRAS)
    schema = pyarrow.schema([("messages", pyarrow.list_(turn)), *((n, text) for n in names)])
    table = pyarrow.Table.from_pylist([messages(row) for row in rows], schema=schema)
    out = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, out, compression="zstd")
    return bytes(out.getvalue().to_pybytes())


_WRITERS: dict[Format, Callable[[str, Sequence[Conversation]], bytes]] = {
    "messages": _lines(messages),
    "pairs": _pairs,
    "sharegpt": _lines(sharegpt),
    "alpaca": _lines(alpaca),
    "parquet": _parquet,
}
