"""Invite raters: pseudonyms and links, their end, and forgetting somebody who asks for it."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from chatui.database import ClaimRow, Database, RaterRow, RatingRow, StudyRow
from chatui.errors import LinkNotValid, StudyNotOpen
from chatui.rate.ballots import again_if_beaten, hash_of_token
from chatui.rate.overview import label_of
from chatui.rate.views import Invitation


class Raters:
    """The people of all studies. Nothing about them is stored but when they were invited."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def invite(self, study_id: str, *, is_owner: bool = False) -> Invitation:
        """A new rater: a random pseudonym and the token of their link. Raises StudyNotOpen."""

        def add() -> Invitation:
            with self._database.writing() as session:
                _refuse_unless_open(session, study_id)
                known = select(func.max(RaterRow.number)).where(RaterRow.study == study_id)
                rater = RaterRow(
                    id=f"p{secrets.token_hex(8)}",
                    study=study_id,
                    number=(session.scalar(known) or 0) + 1,
                    is_owner=is_owner,
                    created_at=self._now(),
                )
                session.add(rater)
                return _with_new_link(session, rater)

        return again_if_beaten(add)

    def owner(self, study_id: str) -> Invitation:
        """The rater that the owner is, made if absent, with a new link. Raises StudyNotOpen."""
        mine = RaterRow.study == study_id, RaterRow.is_owner, RaterRow.erased_at.is_(None)
        with self._database.writing() as session:
            _refuse_unless_open(session, study_id)
            rater = session.scalars(select(RaterRow).where(*mine)).first()
            if rater is not None:
                rater.revoked_at = None
                return _with_new_link(session, rater)
        return self.invite(study_id, is_owner=True)

    def renew_link(self, rater_id: str) -> Invitation:
        """Give a rater a new link; the old one ends. Raises LinkNotValid for an erased rater."""
        with self._database.writing() as session:
            rater = _rater(session, rater_id)
            if rater.erased_at is not None:
                raise LinkNotValid
            _refuse_unless_open(session, rater.study)
            rater.revoked_at = None
            return _with_new_link(session, rater)

    def revoke(self, rater_id: str) -> None:
        """End a rater's link at once; what they answered stays and counts."""
        with self._database.writing() as session:
            rater = _rater(session, rater_id)
            rater.revoked_at = rater.revoked_at or self._now()

    def erase(self, rater_id: str) -> None:
        """Remove all that a rater answered, at their wish; that there was one stays on record."""
        with self._database.writing() as session:
            rater = _rater(session, rater_id)
            session.execute(delete(RatingRow).where(RatingRow.rater == rater_id))
            session.execute(delete(ClaimRow).where(ClaimRow.rater == rater_id))
            rater.revoked_at = rater.revoked_at or self._now()
            rater.erased_at = rater.erased_at or self._now()
            rater.consented_at = rater.consent_version = None


def raters_of(session: Session, study_id: str) -> Sequence[RaterRow]:
    """A study's raters in the order in which they were invited."""
    wanted = select(RaterRow).where(RaterRow.study == study_id).order_by(RaterRow.number)
    return session.scalars(wanted).all()


def _with_new_link(session: Session, rater: RaterRow) -> Invitation:
    token = secrets.token_urlsafe(24)
    rater.token_hash = hash_of_token(token)
    session.flush()
    return Invitation(rater.id, label_of(rater, raters_of(session, rater.study)), token)


def _refuse_unless_open(session: Session, study_id: str) -> None:
    study = session.get(StudyRow, study_id, with_for_update={"read": True})
    if study is None or study.closed_at is not None:
        raise StudyNotOpen(study_id)


def _rater(session: Session, rater_id: str) -> RaterRow:
    rater = session.get(RaterRow, rater_id)
    if rater is None:
        raise LinkNotValid
    return rater
