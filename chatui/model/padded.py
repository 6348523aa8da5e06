"""How models answer whose attention can't be exchanged: padded batches of one adapter each."""

from collections import deque
from collections.abc import Callable, Sequence

from chatui.model.decoder import Row
from chatui.model.generation import Batch, Progress

_PREFILL_TOKENS = 8192  # prompt tokens, padding included, read at the same time


class PaddedDecoder:
    """Rows that came together are a batch; the batches take turns."""

    def __init__(
        self,
        start: Callable[[Sequence[Row]], Batch],
        step: Callable[[Batch], list[Progress]],
        *,
        rows: int,
    ) -> None:
        self._start, self._step = start, step
        self._most_rows = rows
        self._waiting: deque[Row] = deque()
        self._batches: list[tuple[Batch, dict[int, Row]]] = []  # rows by the id of their progress

    @property
    def is_active(self) -> bool:
        """Whether anybody is being answered, or waits."""
        return bool(self._batches or self._waiting)

    def join(self, row: Row) -> None:
        """Answer a row as soon as there is room."""
        self._waiting.append(row)

    def leave(self, row: Row) -> None:
        """Forget a row that is not wanted any more; its place in a batch runs empty."""
        if row in self._waiting:
            self._waiting.remove(row)
        row.progress.ended = row.progress.ended or "cancelled"
        self._forget_ended()

    def tick(self) -> list[Row]:
        """Take every row a step further; returns those that got a token, some of which ended."""
        self._admit()
        told = [rows[id(p)] for batch, rows in self._batches for p in self._step(batch)]
        self._forget_ended()
        return told

    def _admit(self) -> None:
        answered = sum(len(rows) for _, rows in self._batches)
        room = self._most_rows - answered
        if not self._waiting or room <= 0:
            return
        longest = max(len(row.prompt) for row in self._waiting)
        size = max(1, min(room, _PREFILL_TOKENS // longest, len(self._waiting)))
        rows = [self._waiting.popleft() for _ in range(size)]
        self._batches.append((self._start(rows), {id(row.progress): row for row in rows}))

    def _forget_ended(self) -> None:
        self._batches = [(batch, rows) for batch, rows in self._batches if batch.is_active]
