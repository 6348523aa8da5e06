"""Unpack one data file of a zip or gzip archive, piece by piece and never beyond a limit.

No name inside an archive is used for a place on disk, so it can lead nowhere. Sizes are counted
while unpacking: what an archive says about itself is not believed.
"""

import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from chatui.data.records import printable, shortened
from chatui.errors import BrokenFile, BrokenMember, ManyFiles, NotConversations, UnpacksTooLarge

MAX_UNPACKED = 64 * 2**30  # bytes; they pass through, so only time and the disk set the limit
MAX_RATIO = 100  # unpacked to packed; chats come to about 3 to 20
_HARMLESS = 10 * 2**20  # bytes; a small file may repeat itself as often as it likes
_CHUNK = 2**20
_TRIED = 64  # chunks of a file that are unpacked to see whether it is damaged
_DATA = frozenset(
    (".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx")
)
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, NotImplementedError, ValueError,
)  # fmt: skip


def members_to_read(file: BinaryIO, name: str) -> tuple[str, ...]:
    """The names of the data files in a zip archive, in the order in which they are tried.

    Raises NotConversations, ManyFiles or BrokenFile.
    """
    with _archive(file, name) as archive:
        return tuple(_files(archive, name))


def unzipped(file: BinaryIO, packed: int, name: str, member: str) -> Iterator[bytes]:
    """The pieces of a data file in a zip archive of `packed` bytes.

    Raises UnpacksTooLarge, NotConversations, BrokenFile or BrokenMember.
    """
    with _archive(file, name) as archive:
        info = _files(archive, name)[member]
        if info.flag_bits & 1:
            what = "an archive with a password: unpack it first"
            raise NotConversations(shortened(name, 60), what)
        try:
            with archive.open(info) as stream:
                yield from _counted(stream, packed, 0, name)
        except _DAMAGE as error:
            files = _files(archive, name)
            whole = [
                other for other in files if other != member and _is_whole(archive, files[other])
            ]
            raise BrokenMember(
                shortened(name, 60), shortened(member, 60), _in_words(error), _listed(whole)
            ) from error


def _is_whole(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a file of an archive can be unpacked, all of it unless it is large."""
    try:
        with archive.open(info) as stream:
            for _ in range(_TRIED):
                if not stream.read(_CHUNK):
                    break
    except (*_DAMAGE, RuntimeError):  # or it has a password
        return False
    return True


def gunzipped(file: BinaryIO, packed: int, name: str) -> Iterator[bytes]:
    """The pieces of what a gzip archive holds; raises UnpacksTooLarge or BrokenFile."""
    with _told(name), gzip.GzipFile(fileobj=file) as stream:
        yield from _counted(stream, packed, 0, name)


def check_size(data: bytes, name: str) -> None:
    """Unpack all of a zip archive for nothing but its size; raises UnpacksTooLarge."""
    size = 0
    with _archive(io.BytesIO(data), name) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                size += sum(len(chunk) for chunk in _counted(stream, len(data), size, name))


def member(data: bytes, path: str) -> bytes:
    """One file of a zip archive whose size was checked; nothing where it is not there."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(path) if path in archive.namelist() else b""


def names_inside(file: BinaryIO) -> list[str]:
    """The names in a zip archive; none if it is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except _DAMAGE:
        return []


@contextmanager
def _archive(file: BinaryIO, name: str) -> Iterator[zipfile.ZipFile]:
    with _told(name), zipfile.ZipFile(file) as archive:
        yield archive


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # zipfile's way to say that it wants a password
        raise BrokenFile(shortened(name, 60), "it has a password") from error
    except _DAMAGE as error:
        reason = f"the archive is damaged ({_in_words(error)})"
        raise BrokenFile(shortened(name, 60), reason) from error


def _in_words(error: Exception) -> str:
    return shortened(str(error) or type(error).__name__, 80)


def _counted(
    stream: IO[bytes] | gzip.GzipFile, packed: int, before: int, name: str
) -> Iterator[bytes]:
    """The chunks of a stream, as long as all that was unpacked stays within the limits."""
    size = before
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > MAX_UNPACKED:
            raise UnpacksTooLarge(shortened(name, 60), f"more than {MAX_UNPACKED // 2**20:,} MB")
        if size > max(_HARMLESS, MAX_RATIO * packed):
            raise UnpacksTooLarge(shortened(name, 60), f"more than {MAX_RATIO} times its size")
        yield chunk


def _files(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """The files that may be meant, by name: those of a ChatGPT export with the conversations, or
    all with data. Empty ones come last, and texts, which may be about the others, before them.
    """
    files = [info for info in archive.infolist() if _is_file(info)]
    named = [info for info in files if PurePosixPath(info.filename).suffix.lower() in _DATA]
    if exports := [i for i in named if PurePosixPath(i.filename).name == "conversations.json"]:
        named = exports
    found = named or files
    if not found:
        raise NotConversations(shortened(name, 60), "an archive without a file in it")
    found.sort(key=lambda i: (not i.file_size, i.filename.lower().endswith(".txt")))
    named_so = {printable(info.filename): info for info in found}
    if len(named_so) < len(found):
        raise ManyFiles(shortened(name, 60), _listed(i.filename for i in found))
    return named_so


def _listed(names: Iterable[str]) -> list[str]:
    return [shortened(name, 60) for name in names]


def _is_file(info: zipfile.ZipInfo) -> bool:
    """Whether it is a file that somebody put there, and no link, folder or system's own note."""
    path = PurePosixPath(info.filename)
    is_hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    return not (info.is_dir() or is_hidden or is_link)
