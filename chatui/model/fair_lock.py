"""A lock that is handed over in the order in which it was asked for.

Replies to several visitors are made token by token in turns; Python's own lock may hand itself to
whoever released it, and one visitor would wait for all of another's reply.
"""

import threading
from collections import deque
from types import TracebackType


class FairLock:
    """First come, first served; used with `with`; a thread must not take it twice."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tickets: deque[object] = deque()

    def __enter__(self) -> None:
        ticket = object()
        with self._changed:
            self._tickets.append(ticket)
            try:
                self._changed.wait_for(lambda: self._tickets[0] is ticket)
            except BaseException:  # a signal while waiting: do not block those behind
                self._tickets.remove(ticket)
                raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._tickets.popleft()
            self._changed.notify_all()
