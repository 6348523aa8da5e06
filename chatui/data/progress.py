"""How far the making of a dataset is, told while it is made."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

_EVERY = 2000  # rows between two reports of what is written
T = TypeVar("T")


class Progress(NamedTuple):
    """How far the making of a dataset is."""

    doing: str  # "reading", "comparing", "writing", and "saving" when it can't be undone
    done: int  # of bytes read or rows written
    total: int
    rows: int  # so far


Report = Callable[[Progress], None]  # may raise to end the work


def silent(_: Progress) -> None:
    """Report to nobody."""


def reported(rows: Iterable[T], total: int, report: Report) -> Iterator[T]:
    """Rows on their way to a file, with a report now and then."""
    number = 0
    for number, row in enumerate(rows, start=1):
        if number % _EVERY == 1:
            report(Progress("writing", number - 1, total, number - 1))
        yield row
    report(Progress("writing", number, total, number))
