"""Find out how a file's letters are written, and turn its bytes into text piece by piece.

A mark at the beginning, or UTF-8 without a fault, is sure. Everything else is a guess: a note says
so, and `choices_for` shows the first lines in the likeliest encodings, to choose among.
"""

import codecs
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chatui.data.records import printable, shortened
from chatui.errors import BrokenFile, UnknownEncoding

Blocks = Callable[[], Iterator[bytes]]

_BOMS: tuple[tuple[bytes, str, str], ...] = (
    # UTF-32 first: its mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32 with BOM"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32 with BOM"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16 LE with BOM"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16 BE with BOM"),
)
_FOREIGN = {
    "cp1251": "Windows-1251", "koi8_r": "KOI8-R", "cp866": "DOS 866", "iso8859_5": "ISO 8859-5",
    "cp1253": "Windows-1253", "cp1255": "Windows-1255", "cp1256": "Windows-1256",
    "cp874": "Windows-874", "cp932": "Shift JIS", "euc_jp": "EUC-JP", "gb18030": "GB 18030",
    "big5": "Big5", "cp949": "Korean (CP949)",
}  # fmt: skip
_LATIN = {
    "cp1252": "Windows-1252", "cp1250": "Windows-1250", "mac_roman": "Mac Roman",
    "cp850": "DOS 850", "iso8859_15": "ISO 8859-15", "latin_1": "ISO 8859-1",
    "cp1254": "Windows-1254", "cp437": "DOS 437", "iso8859_2": "ISO 8859-2",
}  # fmt: skip
_TITLES = {"utf_8": "UTF-8", "utf_16": "UTF-16", "utf_32": "UTF-32", **_LATIN, **_FOREIGN}
_HEAD = 65536
_GUESSED_FROM = 2**18  # bytes
_FOREIGN_SHARE = 0.3  # of the bytes that are no white space; Latin texts have about a tenth
_CHOICES = 3
_OPEN_IN_1252 = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
_MULTIBYTE = re.compile(r"[\u0080-\ud7ff\ue000-\U0010ffff]")
_ESCAPED = re.compile(r"[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes of a file are letters."""

    codec: str
    title: str  # in words
    note: str | None = None  # where it had to be assumed
    is_strict: bool = False  # what does not fit breaks the file, and not only its row

    def decoded(self, blocks: Iterator[bytes], name: str, is_part: bool = False) -> Iterator[str]:
        """The text in pieces; raises BrokenFile where a file belies its mark.

        Of a part, half a letter at the end is left out.
        """
        errors = "strict" if self.is_strict else "surrogateescape"
        decoder = codecs.getincrementaldecoder(self.codec)(errors)
        read = 0
        try:
            for block in blocks:
                yield decoder.decode(block)
                read += len(block)
            yield decoder.decode(b"", final=not is_part)
        except UnicodeDecodeError as error:
            at = read - len(decoder.getstate()[0]) + error.start + 1
            reason = f"it says it is {self.title}, but byte {at:,} is not"
            raise BrokenFile(shortened(name, 60), reason) from error


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to read the letters of a file, with what its first lines would be."""

    codec: str
    title: str
    preview: str


def mark_of(head: bytes) -> tuple[str, str] | None:
    """The codec that a file's first bytes name, and its title."""
    return next(((codec, title) for bom, codec, title in _BOMS if head.startswith(bom)), None)


def named_encoding(name: str) -> Encoding:
    """The encoding that a user names; raises UnknownEncoding."""
    try:
        codec = codecs.lookup(name.strip()).name.replace("-", "_")
        "".encode(codec)
    except (LookupError, ValueError):
        raise UnknownEncoding(name, list(_TITLES)) from None
    codec = {"iso8859_1": "latin_1"}.get(codec, codec)
    return Encoding({"utf_8": "utf-8-sig"}.get(codec, codec), _TITLES.get(codec, name.strip()))


def find_encoding(blocks: Blocks, is_part: bool = False) -> Encoding:
    """How a text is encoded, by all of its bytes; `is_part` says that they may end in a letter."""
    if mark := mark_of(_beginning(blocks(), 4)):
        return Encoding(*mark, is_strict=True)
    bad = _first_not_utf8(blocks(), is_part)
    return Encoding("utf-8", "UTF-8") if bad is None else _otherwise(blocks, bad)


def choices_for(blocks: Blocks) -> tuple[Choice, ...]:
    """Three ways to read a text whose encoding is not sure, the likeliest first; else none.

    A text that is UTF-8 but for some damage is sure.
    """
    guess = find_encoding(blocks, is_part=True)
    if guess.note is None or guess.codec == "utf-8":
        return ()
    sample = _around(blocks(), _first_not_utf8(blocks(), is_part=True) or 0)
    likely = _likely(sample)
    found: dict[str, Choice] = {}
    for codec in [*likely, *(c for c in _LATIN if c not in likely)]:
        shown = _telling_lines(sample.decode(codec, "replace"))
        if "\ufffd" not in shown and shown not in found:
            found[shown] = Choice(codec, _TITLES[codec], shown)
    return tuple(found.values())[:_CHOICES]


def _around(blocks: Iterator[bytes], place: int) -> bytes:
    """Whole lines of a text, those around a place."""
    data, start = b"", 0
    for block in blocks:
        if start + len(data) + len(block) <= place:
            start += len(data) + len(block)
            data = b""
            continue
        data += block
        if len(data) > _GUESSED_FROM:
            break
    before = data.rfind(b"\n", 0, max(0, place - start)) + 1
    return _whole_lines(data[before:], is_all=len(data) - before <= _GUESSED_FROM)


def _beginning(blocks: Iterator[bytes], size: int) -> bytes:
    """The first bytes, at least `size` of them if there are as many."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= size:
            break
    return head


def _first_not_utf8(blocks: Iterator[bytes], is_part: bool) -> int | None:
    """The place of the first byte that is no UTF-8."""
    read, left = 0, b""  # where `left` begins, and the half of a letter at the end of a block
    try:
        for block in blocks:
            data = left + block if left else block
            end = len(data) if data.isascii() else _end_of_letters(data)
            if not data.isascii() and not _is_utf8(data, end):
                data[:end].decode()
            read, left = read + end, data[end:]
        codecs.getincrementaldecoder("utf-8")().decode(left, final=not is_part)
    except UnicodeDecodeError as error:
        return read + error.start
    return None


def _is_utf8(data: bytes, end: int) -> bool:
    """Whether whole letters are UTF-8; pyarrow says so without making a text of them."""
    import pyarrow

    ends = pyarrow.py_buffer(array("i", [0, end]))
    text = pyarrow.StringArray.from_buffers(1, ends, pyarrow.py_buffer(data))
    try:
        text.validate(full=True)
    except pyarrow.ArrowInvalid:
        return False
    return True


def _end_of_letters(data: bytes) -> int:
    """The length without the half of a letter that a block may end in."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:  # begins a letter of two, three or four bytes
            needs = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return len(data) - back if needs > back else len(data)
        if byte < 0x80:
            break
    return len(data)


def _otherwise(blocks: Blocks, first_bad: int) -> Encoding:
    head = _beginning(blocks(), _GUESSED_FROM + 1)
    whole, bad = _utf8_and_not(iter((head[:_HEAD],)))
    if whole >= bad:  # also where the head is all ASCII
        whole, bad = _utf8_and_not(blocks())
    if whole > bad:
        # Mostly UTF-8: guessing another encoding would garble the good rows to save the bad ones.
        note = (
            f"{bad:,} byte{'s' if bad > 1 else ''} not UTF-8, the first at byte {first_bad + 1:,}: "
            "rows with such a byte are left out."
        )
        return Encoding("utf-8", "UTF-8 with damage", note)
    if codec := _guess(head):
        note = (
            f"The file is not UTF-8 (byte {first_bad + 1:,}); by its letters it was taken for "
            f"{_FOREIGN[codec]}. If they look wrong in the preview, choose another encoding (on "
            "the command line, --encoding NAME)."
        )
        return Encoding(codec, _FOREIGN[codec], note)
    note = (
        f"The file is not UTF-8 (byte {first_bad + 1:,}), so it was read as Windows-1252. If "
        "letters look wrong in the preview, choose another encoding (on the command line, "
        "--encoding NAME)."
    )
    # Windows-1252 leaves five bytes open; browsers read them so.
    is_open = any(len(b) != len(b.translate(None, _OPEN_IN_1252)) for b in blocks())
    return Encoding("latin-1" if is_open else "cp1252", "Windows-1252", note)


def _utf8_and_not(blocks: Iterator[bytes]) -> tuple[int, int]:
    """How many letters beyond ASCII, and how many bytes that are no UTF-8."""
    whole = bad = 0
    for text in Encoding("utf-8", "").decoded(blocks, ""):
        if not text.isascii():
            whole += len(_MULTIBYTE.findall(text))
            bad += len(_ESCAPED.findall(text))
    return whole, bad


def _guess(head: bytes) -> str | None:
    """The codec of a text that is written in other letters than Latin ones.

    Latin texts are not asked for: there charset-normalizer takes Windows-1252 for Windows-1250 or
    worse. Where most bytes are letters beyond ASCII it named 13 of 13 encodings rightly, one line
    long or forty.
    """
    sample = _whole_lines(head, is_all=len(head) <= _GUESSED_FROM)
    return next(iter(_likely(sample)), None)


def _likely(sample: bytes) -> list[str]:
    """The codecs that a text in foreign letters may have, the likeliest first."""
    filled = len(sample) - sum(sample.count(blank) for blank in b" \r\n\t")
    if len(sample.translate(None, bytes(range(128)))) < _FOREIGN_SHARE * filled:
        return []
    from charset_normalizer import from_bytes

    found = from_bytes(sample, cp_isolation=list(_FOREIGN))
    best = found.best()
    codecs_found = [best.encoding] if best else []
    return [
        c for c in dict.fromkeys([*codecs_found, *(m.encoding for m in found)]) if c in _FOREIGN
    ]


def _whole_lines(head: bytes, is_all: bool) -> bytes:
    """What is guessed from: half a letter at its end would speak against the right encoding."""
    sample = head[:_GUESSED_FROM]
    return sample if is_all else sample[: sample.rfind(b"\n") + 1] or sample


def _telling_lines(text: str) -> str:
    """The first lines in which encodings differ, from shortly before where they do."""
    lines = [line.strip() for line in text.splitlines() if not line.isascii()]
    return "\n".join(shortened(printable(_from_there(line)), 120) for line in lines[:3])


def _from_there(line: str) -> str:
    at = next((at for at, letter in enumerate(line) if not letter.isascii()), 0)
    return line if at < 60 else f"…{line[at - 40 :]}"
