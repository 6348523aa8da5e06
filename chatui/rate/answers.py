"""Read append-only ratings: of each answer the last revision counts, unless it was taken back."""

from collections.abc import Iterable
from dataclasses import dataclass

from chatui.database import RatingRow
from chatui.rate.results import Grade, Outcome, Vote
from chatui.rate.study import PREFERENCE, SKIPPED, Criterion, System

Slot = tuple[str, str, str, str]  # rater, item, criterion, reply


@dataclass(frozen=True, slots=True)
class Answers:
    """The last revision of every answer, those taken back included (their value is None)."""

    latest: dict[Slot, RatingRow]

    @classmethod
    def of(cls, rows: Iterable[RatingRow]) -> "Answers":
        """Fold ratings, in any order."""
        in_order = sorted(rows, key=lambda row: row.revision)
        return cls({(r.rater, r.item, r.criterion, r.reply): r for r in in_order})

    @property
    def valid(self) -> list[RatingRow]:
        """What counts, in the order in which it was given."""
        return sorted((r for r in self.latest.values() if r.value is not None), key=lambda r: r.id)

    def next_revision(self, slot: Slot) -> int:
        return self.latest[slot].revision + 1 if slot in self.latest else 1

    def preference(self, rater: str, item: str) -> RatingRow | None:
        """A rater's valid preference on an item."""
        row = self.latest.get((rater, item, PREFERENCE, "pair"))
        return row if row is not None and row.value is not None else None

    def has_scales(self, rater: str, item: str, scales: tuple[Criterion, ...]) -> bool:
        """Whether every scale of an item was answered or skipped."""
        slots = [(rater, item, scale.name, reply) for scale in scales for reply in ("a", "b")]
        rows = [self.latest.get(slot) for slot in slots]
        return all(row is not None and row.value is not None for row in rows)

    def last_given(self) -> list[RatingRow]:
        """The answer that was given last: one preference, or all scales of one item."""
        valid = self.valid
        if not valid:
            return []
        last = valid[-1]
        if last.criterion == PREFERENCE:
            return [last]
        same = [r for r in valid if (r.rater, r.item) == (last.rater, last.item)]
        return [row for row in same if row.criterion != PREFERENCE]

    def votes(self) -> list[Vote]:
        """The valid preferences, by system."""
        return [
            Vote(row.item, row.rater, _outcome(row), row.shown_as_a == "tuned")
            for row in self.valid
            if row.criterion == PREFERENCE
        ]

    def grades(self) -> list[Grade]:
        """The valid scale answers, by system."""
        return [
            Grade(row.item, row.rater, row.criterion, system_of(row), int(str(row.value)))
            for row in self.valid
            if row.criterion != PREFERENCE and row.value != SKIPPED
        ]


def system_of(row: RatingRow) -> System:
    """Which system stood at the side that an answer names: `reply`, or the preference's value."""
    side = row.value if row.reply == "pair" else row.reply
    return "tuned" if (side == "a") == (row.shown_as_a == "tuned") else "base"


def _outcome(row: RatingRow) -> Outcome:
    if row.value == "both_good":
        return "both_good"
    if row.value == "both_bad":
        return "both_bad"
    return "win" if system_of(row) == "tuned" else "loss"
