"""Find out what a file is by its content.

The name of a file says nothing: a picture named .csv is called a picture.
"""

import io
import re
from collections.abc import Callable
from typing import BinaryIO, Literal

from chatui.data.archives import names_inside
from chatui.data.encodings import mark_of
from chatui.data.records import shortened
from chatui.errors import NotConversations

Kind = Literal["parquet", "workbook", "zip", "gzip", "text"]

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"(\xb5/\xfd", "a Zstandard archive: unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an Office document of the old kind, or with a password: save it as CSV"),
    (b"SQLite format 3", "an SQLite database: export the table as CSV"),
    (b"ARROW1", "an Arrow file: save it as Parquet"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"RIFF", "a sound, picture or film (RIFF)"),
    (b"ID3", "an MP3 sound"),
    (b"OggS", "an Ogg sound or film"),
    (b"\x80\x04\x95", "a Python pickle"),
)
_ZIPPED: tuple[tuple[str, str], ...] = (
    ("xl/workbook.bin", "a binary Excel workbook: save it as .xlsx"),
    ("word/", "a Word document"),
    ("ppt/", "a PowerPoint presentation"),
    ("META-INF/manifest.xml", "an OpenDocument file: save the sheet as CSV or .xlsx"),
)
_HEAD = 65536
_MARKUP = re.compile(rb"\s*<(!doctype html|html|\?xml|svg|rss)\b", re.IGNORECASE)


def sniff(data: bytes, name: str, whole: Callable[[], BinaryIO] | None = None) -> Kind:
    """Say what a file is by its first bytes, and by the `whole` of it where it is a zip archive.

    Raises NotConversations when no conversations can be in it.
    """
    head = data[:_HEAD]
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(whole or (lambda: io.BytesIO(data)), name)
    if what := _foreign(head):
        raise NotConversations(shortened(name, 60), what)
    return "text"


def _zip_kind(whole: Callable[[], BinaryIO], name: str) -> Literal["workbook", "zip"]:
    """Whether a zip archive is a workbook; raises NotConversations for other Office documents."""
    with whole() as file:
        names = names_inside(file)
    if "xl/workbook.xml" in names:
        return "workbook"
    for mark, what in _ZIPPED:
        if any(inside.startswith(mark) for inside in names):
            raise NotConversations(shortened(name, 60), what)
    return "zip"


def _foreign(head: bytes) -> str | None:
    """What a file is that cannot hold conversations, in words."""
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    if head[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    if _MARKUP.match(head):
        return "a web page or XML document"
    if not mark_of(head) and head.count(0) > len(head) // 20:
        return "a binary file, or text in UTF-16 without its mark: save it as UTF-8"
    return None
