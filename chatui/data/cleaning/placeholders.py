"""One placeholder for each value, in some thirty bytes of memory however many there are.

A value is known again by 64 bits of a hash: of ten million values, two share one with a chance of
one in 370,000. What stands behind each placeholder lies in a `Spool`, for whoever asks for the key.
"""

from array import array
from hashlib import blake2b
from pathlib import Path

from chatui.data.spool import Spool

_PLACES = 1024  # at first; a power of two, like all later sizes


class Placeholders:
    """Numbers the values of each kind as they come: <EMAIL_1>, <EMAIL_2>, …"""

    def __init__(self, folder: Path | None = None) -> None:
        self._last: dict[str, int] = {}  # by kind
        self._count = 0
        # A hash has its place by its last bits, or the next free one, where the number is 0.
        self._hashes, self._numbers = _empty(_PLACES)
        self._values: Spool[tuple[str, str]] = Spool(folder)

    def reserve(self, kind: str, number: int) -> None:
        """Give no value this number, or one below."""
        self._last[kind] = max(self._last.get(kind, 0), number)

    def of(self, kind: str, key: str, said: str) -> str:
        """The placeholder of a value; spellings of one value share a key, `said` is this one."""
        digest = blake2b(f"{kind}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        known = int.from_bytes(digest, "little")
        place = _place(known, self._hashes, self._numbers)
        if number := self._numbers[place]:
            return f"<{kind}_{number}>"
        number = self._last[kind] = self._last.get(kind, 0) + 1
        self._hashes[place], self._numbers[place] = known, number
        self._count += 1
        if 3 * self._count > 2 * len(self._numbers):
            self._grow()
        placeholder = f"<{kind}_{number}>"
        self._values.append((placeholder, said))
        return placeholder

    def values(self) -> dict[str, str]:
        """What stands behind each placeholder, as it was first written."""
        return dict(self._values)

    def _grow(self) -> None:
        hashes, numbers = _empty(2 * len(self._numbers))
        for known, number in zip(self._hashes, self._numbers, strict=True):
            if number:
                place = _place(known, hashes, numbers)
                hashes[place], numbers[place] = known, number
        self._hashes, self._numbers = hashes, numbers


def _empty(places: int) -> "tuple[array[int], array[int]]":
    return array("Q", [0]) * places, array("I", [0]) * places


def _place(known: int, hashes: "array[int]", numbers: "array[int]") -> int:
    """Where a hash is, or would be put."""
    last = len(numbers) - 1
    place = known & last
    while numbers[place] and hashes[place] != known:
        place = (place + 1) & last
    return place
