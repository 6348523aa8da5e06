"""Which rows belong in one split: they ask the same, nearly the same, or go on from one another.

Rows come one after the other and leave 8 bytes for each three-word sequence of what they ask, on
disk, so a file of any length can be grouped while it is read. Nothing is sampled: `near_sets.py`
finds every pair of questions that is as similar as `SIMILARITY`. A group is named by its members
alone, whatever order they come in.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, overload

from chatui.conversation import Turn
from chatui.data.near_sets import Components, join_near
from chatui.data.numbers import Numbers, first_alike
from chatui.data.sequences import Sets
from chatui.data.splitting import Groups, key_of, plainly_said

SIMILARITY = 0.8  # share of three-word sequences that two questions have in common
_CHUNK = 10_000  # rows whose words are turned into sequences together,
_WORDS = 250_000  # or fewer, if they have so many words
_GREETING = 20  # a beginning that more than so many different turns follow is a greeting
_EVERY = 2000  # rows whose names are written out at once


class Named(Sequence[str]):
    """64-bit keys as they are written, each when it is asked for."""

    def __init__(self, keys: Any) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [as_name(key) for key in self._keys[at].tolist()]
        return as_name(int(self._keys[at]))

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self._keys), _EVERY):
            yield from self[start : start + _EVERY]


class Asked:
    """Collects what rows ask; then says which of them belong together."""

    def __init__(self, folder: Path | None = None) -> None:
        self._words = array("Q")  # of the rows since the last whole chunk, and how many each has
        self._counts = array("I")
        self._sets = Sets(folder)
        self._course = array("Q")  # of these rows: all that is said in each, with the reply
        self._whole = Numbers("u8", folder)  # the same of those before
        # Earlier exchanges in rows: the row, all that is said until then, and what follows.
        self._begun = array("Q"), array("Q"), array("Q")

    def add(self, turns: Sequence[Turn]) -> None:
        """Take in the next row."""
        said = plainly_said(turns)
        self._note_course(said)
        words = [_word(word) for _, text in said[:-1] for word in text.split()] or [0]
        self._words.extend(words)
        self._counts.append(len(words))
        if len(self._counts) == _CHUNK or len(self._words) >= _WORDS:
            self._flush()

    def groups(self, keys: Any) -> Groups:
        """The group of each row, in the order in which they came, given their questions' keys."""
        import numpy

        self._flush()
        if not len(keys):
            return Groups((), numpy.empty(0, numpy.int32))
        first = first_alike(keys)
        is_first = first == numpy.arange(len(keys), dtype=numpy.uint32)
        question = (numpy.cumsum(is_first, dtype=numpy.int32) - 1)[first]
        del first
        unique = keys[is_first]
        order = numpy.argsort(unique)
        ranks = numpy.empty(len(unique), numpy.uint32)
        ranks[order] = numpy.arange(len(unique), dtype=numpy.uint32)
        near = join_near(self._sets.shared(is_first), ranks, SIMILARITY)
        near.join(self._continued(question))
        return _named(near, unique, ranks, question)

    def _note_course(self, said: Sequence[tuple[str, str]]) -> None:
        """Remember what the row says in all, and where it stood after each earlier reply."""
        course = blake2b(digest_size=8)
        row = len(self._whole) + len(self._course)
        for number, (speaker, text) in enumerate(said, start=1):
            course.update(f"{speaker}\0{text}\0".encode("utf-8", "surrogatepass"))
            if speaker == "assistant" and number < len(said):
                follows = _word("\0".join(said[number]))
                for column, value in zip(
                    self._begun, (row, _number(course.digest()), follows), strict=True
                ):
                    column.append(value)
        self._course.append(_number(course.digest()))

    def _continued(self, question: Any) -> Any:
        """Pairs of questions: a row, and another that repeats all of it and goes on."""
        import numpy

        if not self._begun[0]:
            return numpy.empty((0, 2), numpy.int64)
        whole = self._whole.read(0, len(self._whole))
        rows, begun, follows = (numpy.frombuffer(part, numpy.uint64) for part in self._begun)
        order = numpy.argsort(whole, kind="stable")
        place = numpy.searchsorted(whole[order], begun).clip(max=len(whole) - 1)
        is_row = whole[order[place]] == begun
        ways = numpy.unique(numpy.stack((begun, follows), axis=1)[is_row], axis=0)[:, 0]
        beginnings, counts = numpy.unique(ways, return_counts=True)
        is_row &= ~numpy.isin(begun, beginnings[counts > _GREETING])
        earlier = question[order[place[is_row]]]
        return numpy.stack((earlier, question[rows[is_row].astype(numpy.int64)]), axis=1)

    def _flush(self) -> None:
        import numpy

        if self._counts:
            self._sets.add(self._words, self._counts)
            self._whole.append(numpy.frombuffer(self._course, numpy.uint64))
            self._words, self._counts, self._course = array("Q"), array("I"), array("Q")


def _named(near: Components, keys: Any, ranks: Any, question: Any) -> Groups:
    """The groups of rows; each is called by the smallest of its questions' keys."""
    import numpy

    least = numpy.full(len(keys), len(keys), numpy.uint32)
    numpy.minimum.at(least, near.of, ranks)
    component, number = numpy.unique(near.of, return_inverse=True)
    by_rank = numpy.empty_like(keys)
    by_rank[ranks] = keys
    return Groups(Named(by_rank[least[component]]), number.astype(numpy.int32)[question])


def groups_of(rows: Iterable[Sequence[Turn]]) -> list[str]:
    """The group of each row, given each row's turns."""
    import numpy

    asked, keys = Asked(), array("Q")
    for turns in rows:
        asked.add(turns)
        keys.append(int(key_of(plainly_said(turns)[:-1]), 16))
    return list(asked.groups(numpy.frombuffer(keys, numpy.uint64)).by_row()) if keys else []


@lru_cache(maxsize=50_000)
def _word(word: str) -> int:
    return _number(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def as_name(key: int) -> str:
    """A 64-bit key as ids and groups are written."""
    return f"{key:016x}"


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "big")
