"""Every path on disk, and writing that is whole or did not happen.

A workspace is one folder; copy it and everything comes along. No other module joins path names of
the workspace by hand.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from chatui.errors import BadName, DiskFull, NotFound

KINDS = (
    *("datasets", "cleanings", "runs", "measurements", "searches"),
    *("scores", "replies", "studies"),
)
_ONE_OF = {"searches": "search", "replies": "reply", "studies": "study"}  # others lose their s
_DATABASE = ("chatui.sqlite", "chatui.sqlite-wal")  # a third one beside them changes by reading
_MAKING, _STAGING = ".making-", ".staging-"
_SAFE_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_SAFE_NAME = re.compile(r"[\w][\w \-.]{0,59}")


class Workspace:
    """The folder of one owner: datasets, runs, scores, replies, the queue and a database."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        for name in (*KINDS, "queue", "exports"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    @property
    def database_file(self) -> Path:
        return self.root / _DATABASE[0]

    @property
    def queue(self) -> Path:
        return self.root / "queue"

    @property
    def room_file(self) -> Path:
        """Where a job says that it needs the memory of the page's models."""
        return self.root / "queue" / "room.json"

    @property
    def exports(self) -> Path:
        """The only folder of the workspace that the page may serve files from."""
        return self.root / "exports"

    def translation(self, direction: Literal["there", "back"]) -> Path:
        """Where the page looks for a model that translates to another language, or back."""
        return self.root / "translation" / direction

    def session_key(self) -> bytes:
        """The key that signs sessions: made once, for the eyes of this user only."""
        path = self.root / "session.key"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
        return path.read_bytes()

    def folder(self, kind: str, name: str) -> Path:
        """The folder of one thing, whether it exists or not; names cannot leave the workspace."""
        if not _SAFE_ID.fullmatch(name):
            raise BadName(name)
        return self.root / kind / name

    def existing(self, kind: str, name: str) -> Path:
        """The folder of one thing that must exist."""
        singular = _ONE_OF.get(kind, kind.removesuffix("s"))
        try:
            folder = self.folder(kind, name)
        except BadName:
            raise NotFound(singular, name[:60], self.names(kind)) from None
        if not folder.is_dir():
            raise NotFound(singular, name, self.names(kind))
        return folder

    def names(self, kind: str) -> list[str]:
        """What there is of a kind, in the order in which people count: r2 before r10."""
        names = [p.name for p in (self.root / kind).iterdir() if _SAFE_ID.fullmatch(p.name)]
        return sorted(names, key=_natural)

    def new_folder(self, kind: str, prefix: str) -> Path:
        """Make the next free folder `prefix1`, `prefix2`, …: two callers never get the same."""
        number = 1 + max((_number(name, prefix) for name in self.names(kind)), default=0)
        while True:
            folder = self.folder(kind, f"{prefix}{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder

    @contextmanager
    def staged(self, target: Path) -> Iterator[Path]:
        """Fill a folder aside; it takes the name `target` at the end, or never existed."""
        with self.staging(target.parent.name) as staging, disk_full_in_words(target.name):
            yield staging
            staging.rename(target)

    @contextmanager
    def staging(self, kind: str) -> Iterator[Path]:
        """A folder to fill aside and to rename; what was not renamed at the end is removed.

        It is locked for as long as its process lives, so that `sweep` can tell what was left.
        """
        made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=self.root / kind))
        handle = os.open(made, os.O_RDONLY)
        staging = made
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            made.chmod(0o755)
            staging = made.rename(made.with_name(made.name.replace(_MAKING, _STAGING)))
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            os.close(handle)

    def sweep(self) -> None:
        """Remove what killed processes had begun to fill aside, of any kind."""
        for kind in KINDS:
            for left in (self.root / kind).glob(f"{_STAGING}*"):
                try:
                    handle = os.open(left, os.O_RDONLY)
                except OSError:  # its process was quicker
                    continue
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left, ignore_errors=True)
                except BlockingIOError:  # somebody is at work
                    continue
                finally:
                    os.close(handle)

    def stamp(self) -> str:
        """A short text that differs after any change of what there is, or when it was written."""
        folders = [entry for kind in KINDS for entry in _entries(self.root / kind)]
        inside = [file for folder in folders for file in _entries(Path(folder.path))]
        database = [e for e in _entries(self.root) if e.name in _DATABASE]
        digest = hashlib.blake2b(digest_size=16)
        for each in (*folders, *inside, *_entries(self.root / "queue"), *database):
            try:
                state = each.stat()
            except FileNotFoundError:  # gone between two looks, which the next look sees
                continue
            digest.update(f"{each.name} {state.st_mtime_ns} {state.st_size};".encode())
        return digest.hexdigest()

    def delete(self, kind: str, name: str) -> None:
        """Remove a thing and all that is in it; it vanishes at once, also when interrupted."""
        folder = self.existing(kind, name)
        doomed = Path(tempfile.mkdtemp(prefix=".deleted-", dir=folder.parent))
        folder.rename(doomed / folder.name)
        shutil.rmtree(doomed, ignore_errors=True)

    def disk_use(self, kind: str, name: str) -> int:
        """Bytes that a thing takes on disk."""
        files = (p for p in self.existing(kind, name).rglob("*"))
        return sum(p.stat().st_size for p in files if p.is_file())


def slug(name: str) -> str:
    """A folder name for what a user typed; refuses what has no letter or digit in it."""
    if not _SAFE_NAME.fullmatch(name.strip()):
        raise BadName(name)
    cleaned = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return cleaned[:60] or "dataset"


def write_json(path: Path, value: object) -> None:
    """Write JSON atomically; NaN and Infinity are refused, since JSON does not know them."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file that is there whole after a crash, or is the old one."""
    write_bytes(path, text.encode("utf-8", "surrogatepass"))


def write_bytes(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file that is there whole after a crash, or is the old one; `mode` is who may read."""
    with disk_full_in_words(path.name):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            os.fchmod(handle, mode)  # temporary files are private; ours are not
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object that `write_json` wrote."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return value


@contextmanager
def disk_full_in_words(what: str) -> Iterator[None]:
    """Turn the operating system's "no space left" into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(what) from error
        raise


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, in one order; nothing if it is a file, or has just been removed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _natural(name: str) -> tuple[str, int]:
    prefix = name.rstrip("0123456789")
    return prefix, _number(name, prefix)


def _number(name: str, prefix: str) -> int:
    rest = name.removeprefix(prefix)
    return int(rest) if name.startswith(prefix) and rest.isdigit() else 0
