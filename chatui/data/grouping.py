"""Which rows belong in one split: they ask the same, nearly the same, or go on from one another.

Rows come one after the other and leave 8 bytes for each three-word sequence of what they ask, so a
file of any length can be grouped while it is read. Nothing is sampled: `near.py` of this package
finds every pair of questions that is as similar as `SIMILARITY`. A group is named by its members
alone, whatever order they come in.
"""

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from chatui.conversation import Turn
from chatui.data.near_sets import Sets, joined, near_pairs
from chatui.data.splitting import key_of, plainly_said

SIMILARITY = 0.8  # share of three-word sequences that two questions have in common
_CHUNK = 10_000  # rows whose words are turned into sequences together
_GREETING = 20  # a beginning that more than so many different turns follow is a greeting


class Asked:
    """Collects what rows ask; then says which of them belong together."""

    def __init__(self) -> None:
        self._keys = array("Q")  # of each row
        self._words = array("Q")  # of the rows since the last whole chunk, and how many each has
        self._counts = array("I")
        self._sets = Sets()
        self._whole = array("Q")  # of each row: all that is said in it, with the reply
        self._begun: list[tuple[int, int, int]] = []  # row, an earlier exchange in it, what follows

    def add(self, turns: Sequence[Turn]) -> str:
        """Take in the next row; returns its key, which equal questions share."""
        said = plainly_said(turns)
        key = key_of(said[:-1])
        self._note_course(said)
        self._keys.append(int(key, 16))
        words = [_word(word) for _, text in said[:-1] for word in text.split()] or [0]
        self._words.extend(words)
        self._counts.append(len(words))
        if len(self._counts) == _CHUNK:
            self._flush()
        return key

    def groups(self) -> list[str]:
        """The group of each row, in the order in which they came."""
        import numpy

        self._flush()
        keys = numpy.frombuffer(self._keys, numpy.uint64)
        if not len(keys):
            return []
        unique, first, question = numpy.unique(keys, return_index=True, return_inverse=True)
        tokens, sizes = self._sets.of(first)
        pairs = near_pairs(tokens, sizes, SIMILARITY)
        component = joined(len(unique), [*pairs, self._continued(question)])
        # The keys are sorted, so the first question of a group has the smallest of its keys.
        _, smallest = numpy.unique(component, return_index=True)
        names = [f"{int(key):016x}" for key in unique[smallest]]
        return [names[number] for number in component[question].tolist()]

    def _note_course(self, said: Sequence[tuple[str, str]]) -> None:
        """Remember what the row says in all, and where it stood after each earlier reply."""
        course = blake2b(digest_size=8)
        for number, (speaker, text) in enumerate(said, start=1):
            course.update(f"{speaker}\0{text}\0".encode("utf-8", "surrogatepass"))
            if speaker == "assistant" and number < len(said):
                follows = _word("\0".join(said[number]))
                self._begun.append((len(self._whole), _number(course.digest()), follows))
        self._whole.append(_number(course.digest()))

    def _continued(self, question: Any) -> Any:
        """Pairs of questions: a row, and another that repeats all of it and goes on."""
        import numpy

        if not self._begun:
            return numpy.empty((0, 2), numpy.int64)
        whole = numpy.frombuffer(self._whole, numpy.uint64)
        rows, begun, follows = (numpy.array(part, numpy.uint64) for part in zip(*self._begun))  # noqa: B905
        order = numpy.argsort(whole, kind="stable")
        place = numpy.searchsorted(whole[order], begun).clip(max=len(whole) - 1)
        is_row = whole[order[place]] == begun
        ways = numpy.unique(numpy.stack((begun, follows), axis=1)[is_row], axis=0)[:, 0]
        beginnings, counts = numpy.unique(ways, return_counts=True)
        is_row &= ~numpy.isin(begun, beginnings[counts > _GREETING])
        earlier = question[order[place[is_row]]]
        return numpy.stack((earlier, question[rows[is_row].astype(numpy.int64)]), axis=1)

    def _flush(self) -> None:
        if self._counts:
            self._sets.add(self._words, self._counts)
            self._words, self._counts = array("Q"), array("I")


def groups_of(rows: Iterable[Sequence[Turn]]) -> list[str]:
    """The group of each row, given each row's turns."""
    asked = Asked()
    for turns in rows:
        asked.add(turns)
    return asked.groups()


@lru_cache(maxsize=200_000)
def _word(word: str) -> int:
    return _number(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "big")
