"""What raters do: agree, see an item, answer, change their mind.

An answer is committed before a method returns, and only ever added: a changed mind is the next
revision, an undone answer a revision without a value. The same showing answered twice is saved
once. Nothing that is returned ties a reply to a system.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chatui.database import Database, RaterRow, RatingRow
from chatui.errors import NotRateable, StudyNotOpen
from chatui.rate.desk import Desk, Given
from chatui.rate.study import CONSENT_VERSION, PREFERENCE, PREFERENCES, SKIPPED, Pack
from chatui.rate.views import Progress, Showing, Visit

LONGEST_REASON = 2_000  # characters
LONGEST_KEY = 80
Side = Literal["a", "b"]
SIDES: tuple[Side, Side] = ("a", "b")
T = TypeVar("T")


def hash_of_token(token: str) -> str:
    """What is stored of a link's token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


class Ballots:
    """The raters' side of all studies; `packs` caches packs by hash, `now` is the clock."""

    def __init__(
        self, database: Database, packs: dict[str, Pack], now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._now = now
        self._packs = packs

    def rater_of_token(self, token: str) -> str | None:
        """The rater that a link belongs to; None if it was revoked, replaced or never given."""
        wanted = select(RaterRow).where(RaterRow.token_hash == hash_of_token(token))
        with self._database.reading() as session:
            rater = session.scalars(wanted).one_or_none()
            return rater.id if rater is not None and rater.revoked_at is None else None

    def visit(self, rater: str) -> Visit:
        """What the rater's page shows on opening. Raises LinkNotValid."""
        with self._database.reading() as session:
            desk = self._desk(session, rater)
            return Visit(
                rater=rater,
                consented=desk.rater.consented_at is not None,
                consent_text=desk.study.consent_text,
                is_open=desk.is_open,
                scales=desk.pack.scales,
                minutes=desk.pack.reading_minutes,
                progress=desk.progress(),
            )

    def consent(self, rater: str) -> None:
        """Record that a rater agreed to the study's consent text; once is enough."""
        with self._database.writing() as session:
            desk = self._desk(session, rater)
            if not desk.is_open:
                raise StudyNotOpen(desk.study.id)
            if desk.rater.consented_at is None:
                desk.rater.consented_at = desk.now
                desk.rater.consent_version = CONSENT_VERSION

    def next_item(self, rater: str) -> Showing | None:
        """The next thing to answer, and a claim on it; None when all is answered.

        Asking again gives the same, on any device. Raises ConsentMissing, StudyNotOpen.
        """

        def show() -> Showing | None:
            with self._database.writing() as session:
                desk = self._desk(session, rater)
                desk.refuse_unless_answering()
                wanted = desk.next()
                return desk.show(*wanted) if wanted else None

        return again_if_beaten(show)

    def rate(
        self, rater: str, item: str, preference: str, key: str, *, reason: str | None = None
    ) -> Progress:
        """Save which reply is better: "a", "b", "both_good" or "both_bad".

        `key` is the showing's. An answer sent twice is saved once, and the first one stays; with
        another key it is a change of mind. Raises NotRateable, StudyNotOpen, ConsentMissing.
        """
        if preference not in PREFERENCES:
            raise NotRateable("it is not one of the four that were offered")
        note = (reason or "").strip()[:LONGEST_REASON] or None
        return self._save(rater, [Given(item, PREFERENCE, "pair", preference, note)], key)

    def rate_scales(
        self, rater: str, item: str, grades: Mapping[tuple[str, Side], int | None], key: str
    ) -> Progress:
        """Save 1 to 5 for replies by (criterion, side); a scale that is None or absent is skipped.

        Otherwise like `rate`.
        """
        scales = self.visit(rater).scales
        offered = [(scale.name, side) for scale in scales for side in SIDES]
        if set(grades) - set(offered):
            raise NotRateable("this study does not ask for that scale")
        if any(value is not None and value not in range(1, 6) for value in grades.values()):
            raise NotRateable("a scale goes from 1 to 5")
        values = {slot: grades.get(slot) for slot in offered}
        given = [Given(item, *slot, str(value or SKIPPED)) for slot, value in values.items()]
        return self._save(rater, given, key)

    def undo(self, rater: str, last: int | None = None) -> Progress:
        """Take back the answer that was given last: it stays on record, and no longer counts.

        `last` is `Progress.last` as the rater saw it: a second tap on Undo then takes back no more.
        """

        def take_back() -> Progress:
            with self._database.writing() as session:
                desk = self._desk(session, rater)
                desk.refuse_unless_answering()
                rows = desk.answers.last_given()
                if rows and last in (None, rows[-1].id):
                    for row in rows:
                        desk.add(Given(row.item, row.criterion, row.reply, None))
                    desk.renew_claim(rows[0].item)
                session.flush()
                return self._desk(session, rater).progress()

        return again_if_beaten(take_back)

    def _save(self, rater: str, answers: Sequence[Given], key: str) -> Progress:
        if not 0 < len(key) <= LONGEST_KEY:
            raise NotRateable("it came without the key of its showing")
        keys = [f"{rater}:{given.item}:{given.criterion}:{given.reply}:{key}" for given in answers]
        known = select(RatingRow.id).where(RatingRow.idempotency_key.in_(keys))

        def save() -> Progress:
            with self._database.writing() as session:
                desk = self._desk(session, rater)
                # What was acknowledged once is so again, even if the study was closed since.
                if session.scalars(known).first() is None:
                    desk.refuse_unless_answering()
                    for given, own_key in zip(answers, keys, strict=True):
                        desk.add(given, own_key)
                    session.flush()
                return self._desk(session, rater).progress()

        return again_if_beaten(save)

    def _desk(self, session: Session, rater: str) -> Desk:
        return Desk.of(session, rater, self._packs, self._now())


def again_if_beaten(work: Callable[[], T]) -> T:
    """Do it; if somebody wrote the same at the same moment, look again and find it written."""
    try:
        return work()
    except IntegrityError:
        return work()
