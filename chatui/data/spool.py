"""Values in their order: in memory while they are few, on disk when they are many.

The file has no name, so that whatever ends the process leaves nothing behind.
"""

import io
import pickle
import shutil
import tempfile
import weakref
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Generic, TypeVar

IN_MEMORY = 16 * 2**20  # bytes
_FRAME = 100  # values that are written together
_REMEMBERED = 8  # frames, for values that are asked for one by one

T = TypeVar("T")


class Spool(Generic[T]):
    """Appended to, then read: from the start as often as wanted, or by position."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: IO[bytes] = io.BytesIO()
        self._starts = array("Q", [0])  # of the frames in the file, and of the next one
        self._last: list[T] = []  # what is not written yet
        self._recent: OrderedDict[int, list[T]] = OrderedDict()

    def __len__(self) -> int:
        return _FRAME * (len(self._starts) - 1) + len(self._last)

    def append(self, value: T) -> None:
        """Add a value; it must be one that can be pickled."""
        self._last.append(value)
        if len(self._last) == _FRAME:
            data = pickle.dumps(self._last, protocol=5)
            self._file.seek(self._starts[-1])
            self._file.write(data)
            if self._starts[-1] <= IN_MEMORY < self._starts[-1] + len(data):
                self._to_disk()
            self._starts.append(self._starts[-1] + len(data))
            self._last = []

    def __iter__(self) -> Iterator[T]:
        for frame in range(len(self._starts) - 1):
            yield from self._read(frame)
        yield from self._last

    def between(self, start: int, stop: int) -> Iterator[T]:
        """The values from one position up to another."""
        at = start
        while at < stop:
            frame, within = divmod(at, _FRAME)
            is_last = frame == len(self._starts) - 1
            values = self._last if is_last else self._read(frame)
            yield from values[within : within + stop - at]
            at += _FRAME - within

    def __getitem__(self, position: int) -> T:
        frame, at = divmod(position, _FRAME)
        if frame == len(self._starts) - 1:
            return self._last[at]
        if frame not in self._recent:
            self._recent[frame] = self._read(frame)
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
        return self._recent[frame][at]

    def _to_disk(self) -> None:
        memory = self._file
        self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed below
        weakref.finalize(self, self._file.close)
        memory.seek(0)
        shutil.copyfileobj(memory, self._file)

    def _read(self, frame: int) -> list[T]:
        start, end = self._starts[frame], self._starts[frame + 1]
        self._file.seek(start)
        found: list[T] = pickle.loads(self._file.read(end - start))  # noqa: S301 - our own
        return found
