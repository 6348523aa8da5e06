"""What the content of a version comes to: its hashes and counts, row by row.

Equal content has equal hashes, however large it is and whatever file it came from.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from pathlib import Path
from typing import Any

from chatui.conversation import SPLITS, Conversation, Split, Turn, canonical
from chatui.data.files import FORMAT
from chatui.data.spool import Spool

_RUN = 8_000_000  # characters that are sorted at once
_Item = list[Any]


def content_of(conversations: Sequence[Conversation], system: str | None) -> str:
    """SHA-256 of what is learned and tested, whatever file it came from."""
    tally = Tally(system)
    for conversation in conversations:
        tally.add(conversation)
    return tally.sha256()


def split_hash(conversations: Sequence[Conversation], split: Split, system: str | None) -> str:
    """SHA-256 of a split's items in the order of their names; any order of rows is the same."""
    tally = Tally(system)
    for conversation in conversations:
        tally.add(conversation)
    return tally.split_hash(split)


class Tally:
    """Counts the conversations of a version and hashes them, as they come by."""

    def __init__(self, system: str | None, folder: Path | None = None) -> None:
        self._system = canonical(system)
        self._content = hashlib.sha256(b'{"format":%d,"rows":[' % FORMAT)
        self.splits: dict[Split, int] = dict.fromkeys(SPLITS, 0)
        self._items = {split: _Sorted(folder) for split in SPLITS}

    @property
    def count(self) -> int:
        """How many conversations there were."""
        return sum(self.splits.values())

    def counted(self, conversations: Iterable[Conversation]) -> Iterator[Conversation]:
        """The conversations, each of them counted on its way."""
        for conversation in conversations:
            self.add(conversation)
            yield conversation

    def add(self, c: Conversation) -> None:
        """Count a conversation."""
        said = _pairs(c.turns)
        row = canonical([said, c.split, c.label, c.rejected, c.group, c.source, c.parent])
        self._content.update(b"," + row if self.count else row)
        self.splits[c.split] += 1
        self._items[c.split].add([c.id, said])

    def sha256(self) -> str:
        """Of what is learned and tested."""
        whole = self._content.copy()
        whole.update(b'],"system":' + self._system + b"}")
        return whole.hexdigest()

    def split_hash(self, split: Split) -> str:
        """Of a split's items, in the order of their names."""
        whole = hashlib.sha256(b"[" + self._system + b",[")
        for number, item in enumerate(self._items[split]):
            whole.update(b"," + canonical(item) if number else canonical(item))
        whole.update(b"]]")
        return whole.hexdigest()


class _Sorted:
    """Items that come in any order and are read in their own: sorted in runs, which are merged."""

    def __init__(self, folder: Path | None) -> None:
        self._runs: Spool[_Item] = Spool(folder)
        self._ends = [0]
        self._next: list[_Item] = []
        self._size = 0

    def add(self, item: _Item) -> None:
        self._next.append(item)
        self._size += sum(len(text) for _, text in item[1])
        if self._size >= _RUN:
            for each in sorted(self._next):
                self._runs.append(each)
            self._ends.append(len(self._runs))
            self._next, self._size = [], 0

    def __iter__(self) -> Iterator[_Item]:
        pairs = zip(self._ends, self._ends[1:], strict=False)
        runs = [self._runs.between(start, end) for start, end in pairs]
        return merge(*runs, sorted(self._next))


def _pairs(turns: Sequence[Turn]) -> list[list[str]]:
    return [[turn.speaker, turn.text] for turn in turns]
