"""Several people's replies in one thread, which lives while anybody waits for one.

Whoever asks gets a ticket and hears of each token there. Those who can be answered together share a
lane, whose decoder takes all of them a step further at once; lanes take turns.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from chatui.model.decoder import Decoding, Row
from chatui.model.requests import Ended

_LISTEN = 0.05  # seconds between two looks at whether a reply is still wanted


@dataclass(slots=True, eq=False)
class Ticket:
    """A place among those who are answered."""

    row: Row
    lane: str
    news: SimpleQueue[tuple[int, Ended | None] | BaseException] = field(default_factory=SimpleQueue)
    heard: int = 0  # tokens that were told of

    def next(self, cancelled: Callable[[], bool]) -> tuple[int, Ended | None]:
        """How many tokens there are when there is one more, or the end; raises what went wrong."""
        while not cancelled():
            try:
                heard = self.news.get(timeout=_LISTEN)
            except Empty:
                continue
            if isinstance(heard, BaseException):
                raise heard
            self.heard = heard[0]
            return heard
        return self.heard, "cancelled"


class Crew:
    """Answers rows as they come; thread-safe."""

    def __init__(
        self,
        decoder: Callable[[str], Decoding],
        turn: AbstractContextManager[object],
        work: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """`decoder` makes that of a lane; `turn` is held for a tick, `work` while there are any."""
        self._decoder, self._turn, self._work = decoder, turn, work
        self._changed = threading.Lock()
        self._came: list[Ticket] = []
        self._left: list[Ticket] = []
        self._is_working = False

    def join(self, row: Row, lane: str) -> Ticket:
        """Ask for a reply."""
        ticket = Ticket(row, lane)
        with self._changed:
            self._came.append(ticket)
            if not self._is_working:
                self._is_working = True
                threading.Thread(target=self._answer, name="replies", daemon=True).start()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Want no more of a reply; at most one further token is made for it."""
        with self._changed:
            self._left.append(ticket)

    def _answer(self) -> None:
        """The thread: take in who came, let go who left, and tick, until nobody is there."""
        tickets: dict[Row, Ticket] = {}
        lanes: dict[str, Decoding] = {}
        with self._work():
            while self._take_in(tickets, lanes):
                for name, decoder in list(lanes.items()):
                    self._tick(name, decoder, tickets, lanes)

    def _take_in(self, tickets: dict[Row, Ticket], lanes: dict[str, Decoding]) -> bool:
        with self._changed:
            came, self._came = self._came, []
            left, self._left = self._left, []
            for ticket in came:
                tickets[ticket.row] = ticket
                if ticket.lane not in lanes:
                    lanes[ticket.lane] = self._decoder(ticket.lane)
                lanes[ticket.lane].join(ticket.row)
            for ticket in left:
                if tickets.pop(ticket.row, None) and ticket.lane in lanes:
                    lanes[ticket.lane].leave(ticket.row)
            for name in [name for name, decoder in lanes.items() if not decoder.is_active]:
                del lanes[name]
            self._is_working = bool(lanes)
            return self._is_working

    def _tick(
        self,
        name: str,
        decoder: Decoding,
        tickets: dict[Row, Ticket],
        lanes: dict[str, Decoding],
    ) -> None:
        try:
            with self._turn:
                told = decoder.tick()
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
            del lanes[name]
            for row in [row for row, ticket in tickets.items() if ticket.lane == name]:
                tickets.pop(row).news.put(error)
            return
        for row in told:
            ticket = tickets[row] if row.progress.ended is None else tickets.pop(row)
            ticket.news.put((len(row.progress.ids), row.progress.ended))
