"""Unpack the one data file of a zip or gzip archive, in memory and never beyond a limit.

Nothing is written to disk, so the names inside an archive can lead nowhere. Sizes are counted while
unpacking: what an archive says about itself is not believed.
"""

import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import PurePosixPath
from typing import IO

from chatui.data.records import shortened
from chatui.errors import BrokenFile, ManyFiles, NotConversations, UnpacksTooLarge

MAX_UNPACKED = 512 * 2**20  # bytes; rows take several times as much memory as their text
MAX_RATIO = 100  # unpacked to packed; chats come to about 3 to 20
_HARMLESS = 10 * 2**20  # bytes; a small file may repeat itself as often as it likes
_CHUNK = 2**20
_DATA = frozenset(
    (".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx")
)
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, NotImplementedError, ValueError,
)  # fmt: skip


def unzipped(data: bytes, name: str) -> tuple[bytes, str]:
    """The content of the one data file in a zip archive, and its name.

    Raises ManyFiles, NotConversations, UnpacksTooLarge or BrokenFile.
    """
    with _archive(data, name) as archive:
        member = _chosen(archive, name)
        inside = PurePosixPath(member.filename).name
        if member.flag_bits & 1:
            what = "an archive with a password: unpack it first"
            raise NotConversations(shortened(name, 60), what)
        with archive.open(member) as stream:
            return b"".join(_counted(stream, len(data), 0, name)), shortened(inside, 60)


def gunzipped(data: bytes, name: str) -> bytes:
    """The content of a gzip archive; raises UnpacksTooLarge or BrokenFile."""
    with _told(name), gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        return b"".join(_counted(stream, len(data), 0, name))


def check_size(data: bytes, name: str) -> None:
    """Unpack all of a zip archive for nothing but its size; raises UnpacksTooLarge."""
    size = 0
    with _archive(data, name) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                size += sum(len(chunk) for chunk in _counted(stream, len(data), size, name))


def member(data: bytes, path: str) -> bytes:
    """One file of a zip archive whose size was checked; nothing where it is not there."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(path) if path in archive.namelist() else b""


def names_inside(data: bytes) -> list[str]:
    """The names in a zip archive; none if it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except _DAMAGE:
        return []


@contextmanager
def _archive(data: bytes, name: str) -> Iterator[zipfile.ZipFile]:
    with _told(name), zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield archive


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # zipfile's way to say that it wants a password
        raise BrokenFile(shortened(name, 60), "it has a password") from error
    except _DAMAGE as error:
        reason = f"the archive is damaged ({shortened(str(error) or type(error).__name__, 80)})"
        raise BrokenFile(shortened(name, 60), reason) from error


def _counted(
    stream: IO[bytes] | gzip.GzipFile, packed: int, before: int, name: str
) -> Iterator[bytes]:
    """The chunks of a stream, as long as all that was unpacked stays within the limits."""
    size = before
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > MAX_UNPACKED:
            raise UnpacksTooLarge(shortened(name, 60), f"more than {MAX_UNPACKED // 2**20} MB")
        if size > max(_HARMLESS, MAX_RATIO * packed):
            raise UnpacksTooLarge(shortened(name, 60), f"more than {MAX_RATIO} times its size")
        yield chunk


def _chosen(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The file to read: the only one, or the conversations of a ChatGPT export."""
    files = [info for info in archive.infolist() if _is_file(info)]
    named = [info for info in files if PurePosixPath(info.filename).suffix.lower() in _DATA]
    if exports := [i for i in named if PurePosixPath(i.filename).name == "conversations.json"]:
        named = exports
    found = named or files
    if not found:
        raise NotConversations(shortened(name, 60), "an archive without a file in it")
    if len(found) > 1:
        listed = [shortened(info.filename, 60) for info in found]
        raise ManyFiles(shortened(name, 60), listed)
    return found[0]


def _is_file(info: zipfile.ZipInfo) -> bool:
    """Whether it is a file that somebody put there, and no link, folder or system's own note."""
    path = PurePosixPath(info.filename)
    is_hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    return not (info.is_dir() or is_hidden or is_link)
