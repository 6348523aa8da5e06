"""Work that takes seconds, done beside the page: how far it is, and what came of it."""

import time
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from threading import Thread
from typing import Generic, TypeVar

Found = TypeVar("Found")
_EVERY = 0.5  # seconds between two words about progress


class Beside(Generic[Found]):
    """Iterating it does the work and gives how far it is; afterwards `found` is there.

    `work` is given what it tells its progress to, a number. What it raises is raised here.
    """

    found: Found

    def __init__(self, work: Callable[[Callable[[int], None]], Found]) -> None:
        self._work = work
        self._news: Queue[int | BaseException | None] = Queue()  # None: it is done

    def __iter__(self) -> Iterator[int]:
        """How far it is, at most twice a second."""
        Thread(target=self._do, daemon=True).start()
        while (item := self._latest()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _do(self) -> None:
        try:
            self.found = self._work(self._news.put)
            self._news.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where somebody looks
            self._news.put(error)

    def _latest(self) -> int | BaseException | None:
        """What is new; of numbers the last one that comes within a while."""
        item = self._news.get()
        until = time.monotonic() + _EVERY
        while isinstance(item, int) and (left := until - time.monotonic()) > 0:
            try:
                item = self._news.get(timeout=left)
            except Empty:
                break
        return item
