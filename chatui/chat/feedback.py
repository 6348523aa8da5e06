"""What people think of replies in the chat: a thumb, and what they would have answered.

Nothing is overwritten. A changed mind is a further row with the next revision in its key; reading
gives the last one of each reply. Saving the same twice is saving it once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chatui import __version__
from chatui.conversation import Speaker, Turn, content_hash
from chatui.database import Database, FeedbackRow
from chatui.model.decoding import Decoding

Thumb = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """A thumb on one reply, with all that is needed to make the reply again."""

    thumb: Thumb
    turns: tuple[Turn, ...]  # before the reply, the system prompt included
    reply: str
    visitor: str  # a random pseudonym
    model_name: str
    model_hash: str
    base_hash: str
    adapter_hash: str | None
    template_hash: str
    run: str | None
    decoding: Decoding
    seed: int = 0
    reason: str | None = None
    comment: str | None = None
    correction: str | None = None  # "I would have answered"

    @property
    def reply_key(self) -> str:
        """Names the reply and who judged it: 32 hex digits."""
        said = [[turn.speaker, turn.text] for turn in self.turns]
        made = [self.model_hash, self.decoding.model_dump(), self.seed]
        return content_hash([self.visitor, said, self.reply, made])[:32]


class FeedbackStore:
    """All feedback of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, feedback: Feedback) -> None:
        """Keep what somebody thinks of a reply; on disk before this returns."""
        for _ in range(3):  # somebody else's revision may come first
            try:
                with self._database.writing() as session:
                    self._append(session, feedback)
                return
            except IntegrityError:
                continue
        raise RuntimeError("feedback on one reply was saved by several people at once")

    def all(self) -> list[Feedback]:
        """The last word on each reply, oldest first."""
        with self._database.reading() as session:
            rows = session.scalars(select(FeedbackRow).order_by(FeedbackRow.id)).all()
        last = {row.idempotency_key.partition(":")[0]: row for row in rows}
        return [_feedback(row) for row in sorted(last.values(), key=lambda row: row.id)]

    def _append(self, session: Session, feedback: Feedback) -> None:
        key = feedback.reply_key
        known = session.scalars(
            select(FeedbackRow)
            .where(FeedbackRow.idempotency_key.startswith(f"{key}:"))
            .order_by(FeedbackRow.id)
        ).all()
        if known and _feedback(known[-1]) == feedback:
            return
        session.add(_row(feedback, f"{key}:{len(known)}"))


def _row(feedback: Feedback, key: str) -> FeedbackRow:
    return FeedbackRow(
        created_at=datetime.now(UTC),
        visitor=feedback.visitor,
        thumb=feedback.thumb,
        reason=feedback.reason,
        comment=feedback.comment,
        correction=feedback.correction,
        turns=[turn.as_message() for turn in feedback.turns],
        reply=feedback.reply,
        model_name=feedback.model_name,
        base_hash=feedback.base_hash,
        adapter_hash=feedback.adapter_hash,
        model_hash=feedback.model_hash,
        template_hash=feedback.template_hash,
        run=feedback.run,
        decoding=feedback.decoding.model_dump(),
        seed=feedback.seed,
        app_version=__version__,
        idempotency_key=key,
    )


def _feedback(row: FeedbackRow) -> Feedback:
    return Feedback(
        thumb=cast(Thumb, row.thumb),
        turns=tuple(Turn(cast(Speaker, t["role"]), t["content"]) for t in row.turns),
        reply=row.reply,
        visitor=row.visitor,
        model_name=row.model_name,
        model_hash=row.model_hash,
        base_hash=row.base_hash,
        adapter_hash=row.adapter_hash,
        template_hash=row.template_hash,
        run=row.run,
        decoding=Decoding.model_validate(row.decoding),
        seed=row.seed,
        reason=row.reason,
        comment=row.comment,
        correction=row.correction,
    )
