"""What was read for earlier replies, so that a conversation that goes on is not read again.

A memory of keys and values holds for every prompt that begins with the same tokens under the same
adapter: for the next turn, and up to the change for an edited one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from chatui.model.ragged import Layers

_FEWEST = 16  # tokens: less is read again as fast as it is found


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """The memory of some tokens, under an adapter or (None) the base alone."""

    adapter: str | None
    ids: list[int]
    layers: Layers

    @property
    def bytes(self) -> int:
        """What it takes."""
        return sum(part.nbytes for pair in self.layers.values() for part in pair)


class KeptMemories:
    """Memories of the last conversations, up to a number of bytes; used by one thread at a time."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._all: list[Kept] = []  # the one that was wanted last is the last

    @property
    def bytes(self) -> int:
        """What all of them take."""
        return sum(each.bytes for each in self._all)

    def add(self, new: Kept) -> None:
        """Keep a memory; those that are its beginning, or do not fit any more, are dropped."""
        if new.bytes > self._most:
            return
        self._all = [each for each in self._all if not _continues(new, each)]
        self._all.append(new)
        while self.bytes > self._most:
            self._all.pop(0)

    def longest(self, adapter: str | None, prompt: Sequence[int]) -> tuple[Kept, int] | None:
        """The memory that spares most of a prompt, and how many tokens; its last is always read."""
        found, most = None, _FEWEST - 1
        for each in self._all:
            if each.adapter == adapter:
                shared = min(_shared(each.ids, prompt), len(prompt) - 1)
                if shared > most:
                    found, most = each, shared
        if found is None:
            return None
        self._all.remove(found)
        self._all.append(found)
        return found, most

    def forget(self, adapter: str) -> None:
        """Drop what was read under an adapter."""
        self._all = [each for each in self._all if each.adapter != adapter]


def _continues(new: Kept, old: Kept) -> bool:
    return new.adapter == old.adapter and new.ids[: len(old.ids)] == old.ids


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
