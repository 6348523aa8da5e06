"""Find out what a file is by its content, and turn its bytes into text.

The name of a file says nothing: a picture named .csv is called a picture. Bytes that are no UTF-8
are never guessed at in silence.
"""

import codecs
import re
from typing import Literal

from chatui.data.archives import names_inside
from chatui.data.records import shortened
from chatui.errors import BrokenFile, NotConversations

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
_BOMS: tuple[tuple[bytes, str, str], ...] = (
    # UTF-32 first: its mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32 with BOM"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32 with BOM"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16 LE with BOM"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16 BE with BOM"),
)
_HEAD = 65536
_MULTIBYTE = re.compile(r"[\u0080-\ud7ff\ue000-\U0010ffff]")
_ESCAPED = re.compile(r"[\udc80-\udcff]")
_MARKUP = re.compile(rb"\s*<(!doctype html|html|\?xml|svg|rss)\b", re.IGNORECASE)


def sniff(data: bytes, name: str) -> Kind:
    """Say what the bytes are; raises NotConversations when no conversations can be in them."""
    head = data[:_HEAD]
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(data, name)
    if what := _foreign(head):
        raise NotConversations(shortened(name, 60), what)
    return "text"


def decode(data: bytes, name: str) -> tuple[str, str, str | None]:
    """The text, the encoding in words, and a note where the encoding had to be assumed."""
    for bom, codec, title in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode(codec), title, None
            except UnicodeDecodeError as error:
                reason = f"it says it is {title}, but byte {error.start + 1:,} is not"
                raise BrokenFile(shortened(name, 60), reason) from error
    try:
        return data.decode("utf-8"), "UTF-8", None
    except UnicodeDecodeError as error:
        return _decode_otherwise(data, error.start)


def _decode_otherwise(data: bytes, first_bad: int) -> tuple[str, str, str]:
    text = data.decode("utf-8", "surrogateescape")
    bad = len(_ESCAPED.findall(text))
    if len(_MULTIBYTE.findall(text)) > bad:
        # Mostly UTF-8: guessing another encoding would garble the good rows to save the bad ones.
        note = (
            f"{bad:,} byte{'s' if bad > 1 else ''} not UTF-8, the first at byte {first_bad + 1:,}: "
            "rows with such a byte are left out."
        )
        return text, "UTF-8 with damage", note
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # Windows-1252 leaves five bytes open; browsers read them so
    note = (
        f"The file is not UTF-8 (byte {first_bad + 1:,}), so it was read as Windows-1252. "
        "If letters look wrong in the preview, save the file as UTF-8 and add it again."
    )
    return text, "Windows-1252", note


def _zip_kind(data: bytes, name: str) -> Literal["workbook", "zip"]:
    """Whether a zip archive is a workbook; raises NotConversations for other Office documents."""
    names = names_inside(data)
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
    has_bom = any(head.startswith(bom) for bom, _, _ in _BOMS)
    if not has_bom and head.count(0) > len(head) // 20:
        return "a binary file, or text in UTF-16 without its mark: save it as UTF-8"
    return None
