"""Who may stop which reply: one flag for each visitor's current round, kept on the server."""

import threading


class Stops:
    """Flags by visitor; pressing Stop raises that visitor's flag and no other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flags: dict[str, threading.Event] = {}

    def begin(self, visitor: str) -> None:
        """Begin a new round; replies of the visitor's former round end."""
        with self._lock:
            former, self._flags[visitor] = self._flags.get(visitor), threading.Event()
        if former is not None:
            former.set()

    def flag(self, visitor: str) -> threading.Event:
        """The flag of the visitor's current round."""
        with self._lock:
            return self._flags.setdefault(visitor, threading.Event())

    def stop(self, visitor: str) -> None:
        """End the replies that are being given to this visitor."""
        with self._lock:
            flag = self._flags.get(visitor)
        if flag is not None:
            flag.set()

    def forget(self, visitor: str) -> None:
        """End the replies of a visitor who has left, and keep nothing of them."""
        self.stop(visitor)
        with self._lock:
            self._flags.pop(visitor, None)
