"""Append-only records, one JSON object a line: what is written stays, also after a kill.

A line that a kill cut in the middle is skipped when read and never glued to the next one.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from chatui.workspace import disk_full_in_words


def append_record(path: Path, record: Mapping[str, object]) -> None:
    """Write one record; it is whole and on disk before this returns."""
    line = json.dumps(record, ensure_ascii=True, allow_nan=False) + "\n"
    with disk_full_in_words(path.name), path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        if size and _last_byte(path) != b"\n":
            line = "\n" + line
        file.write(line.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


def read_records(path: Path) -> Iterator[dict[str, object]]:
    """All whole records, oldest first; none if there is no file yet."""
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:  # empty, or cut by a kill
            continue
        if isinstance(record, dict):
            yield record


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
