"""Texts as sets of their three-word sequences, on disk: what of them other texts have too.

A sequence is a 64-bit hash when it comes, and a number once all are there: its place in the order
of all hashes. Only sequences that several texts have are kept then, those that the fewest have
first: the others say nothing of what a text shares.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatui.data.numbers import Numbers

MAX_MEMBERS = 256  # of a set that are kept: those with the lowest hashes, the same in alike sets
_SHELVES = 128  # hashes lie on them by their leading bits, so that equal ones can be found by shelf
_AT_ONCE = 500_000  # members that are ranked together
_NUMBER_BITS = 32


@dataclass(frozen=True, slots=True)
class Shared:
    """Of some sets, the members that others of them have too: rarest first in each set."""

    members: Numbers  # of one set after the other
    kinds: int  # all members are smaller
    starts: Any  # of each set among these, and the end
    sizes: Any  # of each set, with the members that it has alone
    likeness: Any  # a number that alike sets often have in common
    equal: Any  # sets that others may equal, those that do side by side
    sums: Any  # of these: equal in equal sets


@dataclass(frozen=True, slots=True)
class _Chunk:
    first: int  # row
    sizes: Any  # of the sets of its rows
    shelves: Any  # where each shelf starts among all members, and the end


class Sets:
    """Sets of 64-bit members, made of the three-word sequences of word hashes."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._members = Numbers("u8", folder)  # those of a chunk by shelf and row
        self._owners = Numbers("u2", folder)  # the row of each, counted from its chunk's first
        self._chunks: list[_Chunk] = []
        self._rows = 0

    def add(self, words: "array[int]", counts: "array[int]") -> None:
        """Take in up to 65,536 texts, each as hashes of its words; few words are one sequence."""
        import numpy

        members, owner = _sequences(words, numpy.frombuffer(counts, "u4").astype(numpy.int64))
        sizes = numpy.bincount(owner, minlength=len(counts))
        place = numpy.arange(len(members)) - numpy.repeat(numpy.cumsum(sizes) - sizes, sizes)
        members, owner = members[place < MAX_MEMBERS], owner[place < MAX_MEMBERS]
        shelf = (members // numpy.uint64(2**64 // _SHELVES)).astype(numpy.uint8)
        order = numpy.argsort(shelf, kind="stable")
        ends = numpy.cumsum(numpy.bincount(shelf, minlength=_SHELVES))
        shelves = numpy.concatenate(([0], ends)) + len(self._members)
        sizes = sizes.clip(max=MAX_MEMBERS).astype(numpy.uint16)
        self._chunks.append(_Chunk(self._rows, sizes, shelves))
        self._rows += len(sizes)
        self._members.append(members[order])
        self._owners.append(owner[order])

    def shared(self, is_wanted: Any) -> Shared:
        """What the wanted of the sets share with each other. To be asked once: it takes all in."""
        import numpy

        kinds = self._rank(is_wanted)
        members = Numbers("u4", self._folder)
        found = [self._ordered(chunk, is_wanted, members) for chunk in self._chunks]
        counts, likeness, equal, sums = (
            numpy.concatenate(part) for part in zip(*found, strict=True)
        )
        order = numpy.argsort(sums)
        number = numpy.cumsum(is_wanted, dtype=numpy.int32) - 1
        sizes = numpy.concatenate([chunk.sizes for chunk in self._chunks])
        return Shared(
            members,
            kinds,
            numpy.concatenate(([0], numpy.cumsum(counts, dtype=numpy.int64))),
            sizes[is_wanted],
            likeness,
            number[equal[order]],
            sums[order],
        )

    def _rank(self, is_wanted: Any) -> int:
        """Write over each member its number and how many wanted sets have it, or 0 for one set.

        Returns how many different ones there are.
        """
        import numpy

        base = 0
        for low, high in self._shelves():
            spans = [(int(c.shelves[low]), int(c.shelves[high])) for c in self._chunks]
            wanted = [is_wanted[c.first :][self._owners.read(*s)] for c, s in self._with(spans)]
            hashes = [self._members.read(*span) for span in spans]
            flat = numpy.concatenate(wanted)
            unique, number, counts = numpy.unique(
                numpy.concatenate(hashes)[flat], return_inverse=True, return_counts=True
            )
            packed = numpy.zeros(len(flat), numpy.uint64)
            packed[flat] = _packed(number + base, counts[number])
            base += len(unique)
            at = 0
            for start, stop in spans:
                self._members.write(start, packed[at : at + stop - start])
                at += stop - start
        return base

    def _with(self, spans: list[tuple[int, int]]) -> Iterator[tuple[_Chunk, tuple[int, int]]]:
        return zip(self._chunks, spans, strict=True)

    def _shelves(self) -> Iterator[tuple[int, int]]:
        """Shelves that lie side by side, as many as are ranked together."""
        import numpy

        if not self._chunks:
            return
        sizes = sum(numpy.diff(chunk.shelves) for chunk in self._chunks)
        group = numpy.cumsum(sizes) // _AT_ONCE
        starts = numpy.flatnonzero(numpy.append(True, group[1:] != group[:-1])).tolist()
        yield from zip(starts, [*starts[1:], _SHELVES], strict=True)

    def _ordered(self, chunk: _Chunk, is_wanted: Any, members: Numbers) -> tuple[Any, ...]:
        """Append what the rows of a chunk share; how many, the likeness, and what may be equal."""
        import numpy

        rows = len(chunk.sizes)
        span = int(chunk.shelves[0]), int(chunk.shelves[-1])
        packed, owner = self._members.read(*span), self._owners.read(*span)
        packed, owner = packed[packed > 0], owner[packed > 0]
        order = numpy.lexsort((packed, owner))
        packed, owner = packed[order], owner[order]
        numbers = packed & numpy.uint64(2**_NUMBER_BITS - 1)
        members.append(numbers)
        counts = numpy.bincount(owner, minlength=rows)
        some = counts > 0
        starts = (numpy.cumsum(counts) - counts)[some]
        hashes = scrambled(numbers)
        likeness = numpy.full(rows, 2**64 - 1, numpy.uint64)
        sums = numpy.zeros(rows, numpy.uint64)
        if len(starts):
            likeness[some] = numpy.minimum.reduceat(hashes, starts)
            sums[some] = numpy.add.reduceat(hashes, starts)
        wanted = is_wanted[chunk.first : chunk.first + rows]
        equal = numpy.flatnonzero(wanted & (counts == chunk.sizes))
        return (
            counts[wanted].astype(numpy.uint16),
            likeness[wanted],
            (chunk.first + equal).astype(numpy.uint32),
            sums[equal],
        )


def _packed(numbers: Any, counts: Any) -> Any:
    """Count and number of each member as one number; 0 for what only one set has."""
    import numpy

    packed = (counts.astype(numpy.uint64) << numpy.uint64(_NUMBER_BITS)) | numbers.astype("u8")
    packed[counts == 1] = 0
    return packed


def _sequences(words: "array[int]", lengths: Any) -> tuple[Any, Any]:
    """The hashes of each text's sequences, each once and sorted, and whose they are."""
    import numpy

    flat = numpy.frombuffer(words, numpy.uint64)
    owner = numpy.repeat(numpy.arange(len(lengths)), lengths)
    place = numpy.arange(len(flat)) - numpy.repeat(numpy.cumsum(lengths) - lengths, lengths)
    runs = _mixed(flat, owner)
    is_run = (place + 2 < lengths[owner]) | (place == 0)
    runs, owner = runs[is_run], owner[is_run]
    order = numpy.lexsort((runs, owner))
    runs, owner = runs[order], owner[order]
    is_new = numpy.ones(len(runs), bool)
    is_new[1:] = (runs[1:] != runs[:-1]) | (owner[1:] != owner[:-1])
    return runs[is_new], owner[is_new]


def _mixed(words: Any, owner: Any) -> Any:
    """A hash of each word and the two after it in the same text."""
    import numpy

    second, third = numpy.zeros_like(words), numpy.zeros_like(words)
    second[:-1] = numpy.where(owner[1:] == owner[:-1], words[1:], 0)
    third[:-2] = numpy.where(owner[2:] == owner[:-2], words[2:], 0)
    return scrambled(scrambled(scrambled(words) + second) + third)


def scrambled(values: Any) -> Any:
    """Each 64-bit number as another one, bits far apart (the finaliser of SplitMix64)."""
    import numpy

    values = values + numpy.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return values ^ (values >> numpy.uint64(31))
