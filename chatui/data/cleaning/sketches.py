"""MinHash sketches of texts in bands: texts that share a band may be nearly the same.

Knows texts in two halves, a question and a reply, and gives numbers. They are the same on every
machine and in every run, as the rows that are removed must be.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Any

from chatui.data.splitting import words_of

_CHUNK = 1000  # pairs that are hashed together: some megabytes
_BANDS = 22
_SEED = 1
_MISSED = 0.005  # at most this share of the pairs just at the threshold is not found
_REMEMBERED = 200_000  # words whose hash is kept


class Sketcher:
    """Gives each pair of texts a 64-bit key for each band."""

    def __init__(self, similarity: float) -> None:
        import numpy

        self.width, self.bands = _shape(similarity)
        chance = numpy.random.default_rng(_SEED)
        odd = numpy.uint64(1)
        count = self.width * self.bands
        self._factors = chance.integers(0, 2**64, count, numpy.uint64) | odd
        self._places = chance.integers(0, 2**64, 3, numpy.uint64) | odd
        self._weights = chance.integers(0, 2**64, 2 * self.width, numpy.uint64) | odd
        self._words = _Hashes()

    def keys(self, pairs: Iterable[tuple[str, str]], count: int) -> Any:
        """An array of a row for each of `count` pairs and a column for each band."""
        import numpy

        keys = numpy.empty((count, self.bands), numpy.uint64)
        at, done = iter(pairs), 0
        while chunk := list(islice(at, _CHUNK)):
            sides = [self._minima([pair[side] for pair in chunk]) for side in (0, 1)]
            both = numpy.concatenate(sides, axis=2) * self._weights
            mixed = (both >> numpy.uint64(29)) ^ both
            sums = (mixed * self._weights).sum(axis=2, dtype=numpy.uint64)
            keys[done : done + len(chunk)] = sums
            done += len(chunk)
        return keys

    def _minima(self, texts: list[str]) -> Any:
        """The least hash of each text's three-word sequences by each factor, in bands."""
        import numpy

        hashes, starts = self._sequences(texts)
        minima = numpy.empty((len(texts), len(self._factors)), numpy.uint64)
        for number, factor in enumerate(self._factors):
            minima[:, number] = numpy.minimum.reduceat(hashes * factor, starts)
        return minima.reshape(len(texts), self.bands, self.width)

    def _sequences(self, texts: list[str]) -> tuple[Any, Any]:
        """The hashes of the three-word sequences of all texts, and where each text's begin.

        Two blanks are put before the words of each text that has less than three, so that it is one
        sequence; a sequence never spans two texts.
        """
        import numpy

        words = [words_of(text) for text in texts]
        padded = [[""] * max(0, 3 - len(one)) + one for one in words]
        counts = numpy.array([len(one) for one in padded])
        known = self._words
        flat = numpy.array([known[word] for one in padded for word in one], numpy.uint64)
        ends = numpy.cumsum(counts)
        first, second, third = self._places
        hashes = flat[:-2] * first + flat[1:-1] * second + flat[2:] * third
        hashes ^= hashes >> numpy.uint64(32)
        is_whole = numpy.ones(len(flat), bool)
        is_whole[ends - 1] = is_whole[ends - 2] = False
        starts = ends - counts - 2 * numpy.arange(len(texts))
        return hashes[is_whole[:-2]], starts


class _Hashes(dict[str, int]):
    """The 64-bit hash of a word, kept until there are too many."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        value = self[word] = int.from_bytes(digest, "little")
        return value


def shared_bands(keys: Any) -> Iterator[tuple[int, int]]:
    """Row and band wherever a row shares a band with another row."""
    import numpy

    for band in range(keys.shape[1]):
        column = keys[:, band]
        order = numpy.argsort(column, kind="stable")
        equal = column[order[1:]] == column[order[:-1]]
        shared = numpy.zeros(len(column), bool)
        shared[order[1:][equal]] = True
        shared[order[:-1][equal]] = True
        for row in numpy.flatnonzero(shared).tolist():
            yield row, band


def _shape(similarity: float) -> tuple[int, int]:
    """How many hashes of each half make a band, the most that find the pairs; how many bands."""
    for width, bands in ((3, _BANDS), (2, 2 * _BANDS)):
        if (1 - similarity ** (2 * width)) ** bands <= _MISSED:
            return width, bands
    return 1, 3 * _BANDS
