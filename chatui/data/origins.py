"""Where a file's bytes come from: read from the start as often as wanted, never held as a whole.

A file may be packed once; what comes out are the bytes of the one data file in it.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from chatui.data.archives import gunzipped, members_to_read, unzipped
from chatui.data.records import shortened
from chatui.data.sniffing import sniff
from chatui.errors import (
    BrokenMember,
    ChatUIError,
    FileMissing,
    NoRows,
    NoSuchMember,
    NotConversations,
    TooLargeAtOnce,
)

BLOCK = 2**20  # bytes
MAX_WHOLE = (
    512 * 2**20
)  # bytes of what can't be read in pieces; its rows take several times as much
Unpack = Callable[[BinaryIO, int, str], Iterator[bytes]]


@dataclass(slots=True)
class Meter:
    """How far a file was read, in bytes as it lies on disk."""

    size: int = 0  # of the file
    read: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """The bytes of a file, or of the one that is packed in it."""

    name: str  # what the user calls it
    size: int  # bytes, as packed
    open: Callable[[], BinaryIO]
    packing: str = ""  # in words: "gzip"
    members: tuple[str, ...] = ()  # the files of an archive, this one first
    damaged: tuple[str, ...] = ()  # those that it was taken instead of
    unpack: Unpack | None = None

    @property
    def shown(self) -> str:
        """The name for a sentence."""
        return shortened(self.name, 130 if self.packing else 60)

    def blocks(self, meter: Meter | None = None, limit: int | None = None) -> Iterator[bytes]:
        """The bytes in blocks, the first `limit` of them if there is one."""
        seen = meter or Meter()
        with self.open() as file:
            size = 0
            for block in self._unpacked(file):
                seen.read = file.tell()
                size += len(block)
                yield block
                if limit is not None and size >= limit:
                    return

    def head(self, size: int = BLOCK) -> bytes:
        """The first bytes."""
        return b"".join(self.blocks(limit=size))[:size]

    def whole(self, what: str) -> bytes:
        """All bytes at once; raises TooLargeAtOnce, which says `what` is read so."""
        size, found = 0, []
        for block in self.blocks():
            size += len(block)
            if size > MAX_WHOLE:
                raise TooLargeAtOnce(self.shown, what, MAX_WHOLE // 2**20)
            found.append(block)
        return b"".join(found)

    def seekable(self) -> BinaryIO:
        """The bytes as a file that can be read anywhere; unpacked to disk for that."""
        if self.unpack is None:
            return self.open()
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        for block in self.blocks():
            file.write(block)
        file.seek(0)
        return file

    def sha256(self) -> str:
        """Of the bytes as they lie on disk."""
        digest = hashlib.sha256()
        with self.open() as file:
            while block := file.read(BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def _unpacked(self, file: BinaryIO) -> Iterator[bytes]:
        if self.unpack:
            yield from self.unpack(file, self.size, self.name)
            return
        while block := file.read(BLOCK):
            yield block


def of_path(path: Path, name: str | None = None) -> Origin:
    """A file on disk; raises FileMissing in words, now or when it is opened."""

    def opened() -> BinaryIO:
        with _said(path):
            return path.open("rb")

    with opened() as file:
        size = os.fstat(file.fileno()).st_size
    return Origin(name or path.name, size, opened)


def unpacked(origin: Origin, member: str | None = None) -> tuple[str, Origin]:
    """What a file is, and its bytes with a packing taken off; raises a ChatUIError.

    Of a zip archive with several files, `member` is the one that is meant.
    """
    kind = _kind(origin)
    if kind == "gzip":
        return _inside(replace(origin, packing="gzip", unpack=gunzipped))
    return _out_of_zip(origin, member) if kind == "zip" else (kind, origin)


def _out_of_zip(origin: Origin, wanted: str | None) -> tuple[str, Origin]:
    """The wanted file of a zip archive, or the first that may hold conversations."""
    outer = shortened(origin.name, 60)
    with origin.open() as file:
        names = members_to_read(file, origin.name)
    if wanted is not None and wanted not in names:
        known = [shortened(name, 60) for name in names]
        raise NoSuchMember(outer, shortened(wanted, 60), known)
    problems: list[ChatUIError] = []
    damaged: list[str] = []
    for name in names if wanted is None else (wanted,):
        inside = shortened(PurePosixPath(name).name, 60)
        found = replace(
            origin,
            name=f"{inside} in {outer}",
            packing=f"zip of {inside}",
            members=(name, *(other for other in names if other != name)),
            unpack=_taking(name, outer),
        )
        try:
            return _inside(replace(found, damaged=tuple(damaged)))
        except (NotConversations, NoRows, BrokenMember) as problem:
            problems.append(problem)
            damaged += [name] if isinstance(problem, BrokenMember) else []
    raise problems[0]


def _taking(member: str, outer: str) -> Unpack:
    return lambda file, size, _: unzipped(file, size, outer, member)


def _inside(origin: Origin) -> tuple[str, Origin]:
    """What the file in an archive is; raises NoRows or NotConversations."""
    if not origin.head(1):
        raise NoRows(origin.shown, "the file is empty")
    kind = _kind(origin)
    if kind in ("zip", "gzip"):
        raise NotConversations(origin.shown, "an archive in an archive: unpack it first")
    return kind, origin


def _kind(origin: Origin) -> str:
    def whole() -> BinaryIO:
        return origin.open() if origin.unpack is None else io.BytesIO(origin.whole("an archive"))

    return sniff(origin.head(), origin.name, whole)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a file into a sentence."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise FileMissing(shortened(str(path), 120), reason) from error
