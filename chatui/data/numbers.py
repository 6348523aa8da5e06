"""Numbers in their order: in memory while they are few, on disk when they are many.

The file has no name, as that of `spool.py`. Beside it, how equal numbers are found in arrays.
"""

import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IN_MEMORY = 16 * 2**20  # bytes
_BLOCK = 4_000_000  # numbers that are read at once
_RANGE = 2_000_000  # keys that are sorted at once


class Numbers:
    """Appended to and written over, then read: by position, in any order."""

    def __init__(self, kind: str, folder: Path | None = None) -> None:
        import numpy

        self._kind = numpy.dtype(kind)
        where = None if folder is None else str(folder)
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=where)  # noqa: SIM115 - below
        weakref.finalize(self, self._file.close)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, values: Any) -> None:
        """Add some numbers."""
        self.write(self._length, values)
        self._length += len(values)

    def write(self, start: int, values: Any) -> None:
        """Put some numbers in the place of others."""
        self._file.seek(start * self._kind.itemsize)
        self._file.write(values.astype(self._kind, copy=False).tobytes())

    def read(self, start: int, stop: int) -> Any:
        """The numbers from one position up to another."""
        import numpy

        self._file.seek(start * self._kind.itemsize)
        return numpy.frombuffer(self._file.read((stop - start) * self._kind.itemsize), self._kind)

    def take(self, at: Any) -> Any:
        """The numbers at some positions, in the order of these."""
        import numpy

        taken = numpy.empty(len(at), self._kind)
        block = at // _BLOCK
        for number in numpy.unique(block).tolist():
            mine = block == number
            there = at[mine]
            start = int(there.min())
            taken[mine] = self.read(start, int(there.max()) + 1)[there - start]
        return taken


def first_alike(keys: Any, *more: Any) -> Any:
    """For each position, the first one that has the same key, and the same of `more` keys."""
    import numpy

    first = numpy.arange(len(keys), dtype=numpy.uint32)
    for positions in _ranges(keys):
        alike = _several(keys[positions])
        if not len(alike):
            continue
        alike = positions[alike]
        alike.sort()
        columns = [column[alike] for column in (keys, *more)]
        order = numpy.lexsort(columns[::-1])
        is_new = numpy.zeros(len(order), bool)
        is_new[0] = True
        for column in columns:
            is_new[1:] |= column[order][1:] != column[order][:-1]
        starts = numpy.flatnonzero(is_new)
        runs = numpy.diff(numpy.append(starts, len(order)))
        first[alike[order]] = numpy.repeat(alike[order[starts]], runs)
    return first


def is_among(keys: Any, wanted: Any) -> Any:
    """Which keys are among the wanted ones, which are sorted."""
    import numpy

    found = numpy.zeros(len(keys), bool)
    if not len(wanted):
        return found
    for start in range(0, len(keys), _RANGE):
        some = keys[start : start + _RANGE]
        place = numpy.searchsorted(wanted, some).clip(max=len(wanted) - 1)
        found[start : start + _RANGE] = wanted[place] == some
    return found


def _ranges(keys: Any) -> Iterator[Any]:
    """Positions of keys, those of keys that lie near each other at a time."""
    import numpy

    parts = 1 + len(keys) // _RANGE
    if parts == 1:
        yield numpy.arange(len(keys), dtype=numpy.uint32)
        return
    ends = [2**64 * part // parts for part in range(parts + 1)]
    for low, high in zip(ends, ends[1:], strict=False):
        within = (keys >= numpy.uint64(low)) & (keys <= numpy.uint64(high - 1))
        yield numpy.flatnonzero(within).astype(numpy.uint32)


def _several(keys: Any) -> Any:
    """The positions of keys that are not there once.

    Keys are hashes: those whose last bits are nobody else's need not be sorted.
    """
    import numpy

    size = 1 << (4 * len(keys)).bit_length()
    bucket = (keys & numpy.uint64(size - 1)).astype(numpy.int64)
    everyone = numpy.arange(len(keys), dtype=numpy.uint32)
    latest = numpy.empty(size, numpy.uint32)
    latest[bucket] = everyone
    is_shared = numpy.zeros(size, bool)
    is_shared[bucket[latest[bucket] != everyone]] = True
    shared = numpy.flatnonzero(is_shared[bucket])
    order = shared[numpy.argsort(keys[shared])]
    ordered = keys[order]
    same = numpy.zeros(len(order) + 1, bool)
    same[1:-1] = ordered[1:] == ordered[:-1]
    return order[same[1:] | same[:-1]]
