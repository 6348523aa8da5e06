"""Read a file of conversations of any usual kind, by what is in it and not by its name.

No value is changed on the way. What cannot be read as a whole is an error with a sentence; what is
wrong with a single record is told of that record.
"""

from dataclasses import replace
from pathlib import Path

from chatui.data.documents import looks_like_json, read_json, read_parquet
from chatui.data.records import Records, shortened
from chatui.data.sniffing import decode, sniff
from chatui.data.tables import read_table
from chatui.errors import FileMissing, NoRows


def read_file(path: Path, name: str | None = None) -> Records:
    """Read all records of a file; `name` is what the user calls it."""
    return read_bytes(file_bytes(path), name or path.name)


def file_bytes(path: Path) -> bytes:
    """The content of a file; raises FileMissing in words."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise FileMissing(shortened(str(path), 120), reason) from error


def read_bytes(data: bytes, name: str) -> Records:
    """Read all records of a file's content."""
    if not data:
        raise NoRows(shortened(name, 60), "the file is empty")
    if sniff(data, name) == "parquet":
        return _with_rows(read_parquet(data, name), name)
    text, encoding, note = decode(data, name)
    if not text.strip("\ufeff \t\r\n"):
        raise NoRows(shortened(name, 60), "there is only white space in it")
    records = read_json(text) if looks_like_json(text) else read_table(text)
    notes = (*([note] if note else []), *records.notes)
    return _with_rows(replace(records, kind=f"{records.kind}, {encoding}", notes=notes), name)


def _with_rows(records: Records, name: str) -> Records:
    if not records.rows_read:
        raise NoRows(shortened(name, 60), "there is only a header, or an empty list, in it")
    return records
