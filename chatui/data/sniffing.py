"""Find out what a file is by its content, and turn its bytes into text.

The name of a file says nothing: a picture named .csv is called a picture. Where bytes are no UTF-8,
a note tells what they were taken for.
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
_ENCODINGS = {
    "cp1251": "Windows-1251", "koi8_r": "KOI8-R", "cp866": "DOS 866", "iso8859_5": "ISO 8859-5",
    "cp1253": "Windows-1253", "cp1255": "Windows-1255", "cp1256": "Windows-1256",
    "cp874": "Windows-874", "cp932": "Shift JIS", "euc_jp": "EUC-JP", "gb18030": "GB 18030",
    "big5": "Big5", "cp949": "Korean (CP949)",
}  # fmt: skip
_GUESSED_FROM = 2**18  # bytes
_FOREIGN_SHARE = 0.3  # of the bytes that are no white space; Latin texts have about a tenth
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
    whole, bad = _utf8_and_not(data[:_HEAD].decode("utf-8", "surrogateescape"))
    if whole >= bad:  # also where the head is all ASCII
        text = data.decode("utf-8", "surrogateescape")
        whole, bad = _utf8_and_not(text)
    if whole > bad:
        # Mostly UTF-8: guessing another encoding would garble the good rows to save the bad ones.
        note = (
            f"{bad:,} byte{'s' if bad > 1 else ''} not UTF-8, the first at byte {first_bad + 1:,}: "
            "rows with such a byte are left out."
        )
        return text, "UTF-8 with damage", note
    if guess := _guess(data):
        codec, title = guess
        text = data.decode(codec, "surrogateescape")  # what does not fit costs its row
        note = (
            f"The file is not UTF-8 (byte {first_bad + 1:,}); by its letters it was taken for "
            f"{title}. If they look wrong in the preview, save the file as UTF-8 and add it again."
        )
        return text, title, note
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # Windows-1252 leaves five bytes open; browsers read them so
    note = (
        f"The file is not UTF-8 (byte {first_bad + 1:,}), so it was read as Windows-1252. "
        "If letters look wrong in the preview, save the file as UTF-8 and add it again."
    )
    return text, "Windows-1252", note


def _utf8_and_not(text: str) -> tuple[int, int]:
    """How many letters beyond ASCII, and how many bytes that are no UTF-8."""
    return len(_MULTIBYTE.findall(text)), len(_ESCAPED.findall(text))


def _guess(data: bytes) -> tuple[str, str] | None:
    """The codec of a text that is written in other letters than Latin ones, and its name.

    Latin texts are not asked for: there charset-normalizer takes Windows-1252 for Windows-1250 or
    worse. Where most bytes are letters beyond ASCII it named 13 of 13 encodings rightly, one line
    long or forty.
    """
    sample = data[:_GUESSED_FROM]
    if len(sample) < len(data):  # half a letter at the end would speak against the right one
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    filled = len(sample) - sum(sample.count(blank) for blank in b" \r\n\t")
    if len(sample.translate(None, bytes(range(128)))) < _FOREIGN_SHARE * filled:
        return None
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(_ENCODINGS)).best()
    codec = best.encoding if best else ""
    return (codec, _ENCODINGS[codec]) if codec in _ENCODINGS else None


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
