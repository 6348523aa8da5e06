"""Read a file of conversations of any usual kind, by what is in it and not by its name.

No value is changed on the way. What cannot be read as a whole is an error with a sentence; what is
wrong with a single record is told of that record.
"""

from dataclasses import replace
from pathlib import Path

from chatui.data.archives import gunzipped, unzipped
from chatui.data.documents import looks_like_json, read_json, read_parquet
from chatui.data.marked import marks_of, read_marked
from chatui.data.records import Records, shortened
from chatui.data.sniffing import Kind, decode, sniff
from chatui.data.tables import read_table
from chatui.data.workbooks import read_workbook
from chatui.errors import FileMissing, NoRows, NotConversations


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
    """Read all records of a file's content, which may be packed once."""
    if not data:
        raise NoRows(shortened(name, 60), "the file is empty")
    kind = sniff(data, name)
    packing = ""
    if kind == "gzip":
        data, packing = gunzipped(data, name), "gzip"
    elif kind == "zip":
        data, inside = unzipped(data, name)
        packing, name = f"zip of {inside}", f"{inside} in {shortened(name, 60)}"
    if not packing:
        return _with_rows(_read_as(kind, data, name), name)
    if not data:
        raise NoRows(shortened(name, 130), "the file is empty")
    kind = sniff(data, name)
    if kind in ("zip", "gzip"):
        raise NotConversations(shortened(name, 130), "an archive in an archive: unpack it first")
    records = _read_as(kind, data, name)
    return _with_rows(replace(records, kind=f"{records.kind}, {packing}"), name)


def _read_as(kind: Kind, data: bytes, name: str) -> Records:
    if kind == "parquet":
        return read_parquet(data, name)
    if kind == "workbook":
        return read_workbook(data, name)
    text, encoding, note = decode(data, name)
    if not text.strip("\ufeff \t\r\n"):
        raise NoRows(shortened(name, 130), "there is only white space in it")
    if marks_of(text):
        records = read_marked(text)
    else:
        records = read_json(text) if looks_like_json(text) else read_table(text)
    notes = (*([note] if note else []), *records.notes)
    return replace(records, kind=f"{records.kind}, {encoding}", notes=notes)


def _with_rows(records: Records, name: str) -> Records:
    if not records.rows_read:
        raise NoRows(shortened(name, 130), "there is only a header, or an empty list, in it")
    return records
