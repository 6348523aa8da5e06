"""One rater's things, read in one transaction: what they answered, what comes next, on which side.

The only place that knows which system stands behind Reply A while a study is open.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from chatui import __version__
from chatui.conversation import Turn, content_hash
from chatui.database import ClaimRow, RaterRow, RatingRow, StudyRow
from chatui.errors import ConsentMissing, LinkNotValid, NotRateable, StudyNotOpen
from chatui.rate.answers import Answers, Slot
from chatui.rate.assignment import item_order, tuned_is_a
from chatui.rate.study import PREFERENCE, Pack, PackItem
from chatui.rate.views import Progress, Showing

LEASE = timedelta(minutes=30)  # a showing older than this is a new one: its clock starts again
Ask = Literal["pair", "scales"]


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it arrives; without a value it takes back what was answered."""

    item: str
    criterion: str
    reply: str
    value: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """A rater, their study and their answers; `now` is when the transaction began."""

    session: Session
    study: StudyRow
    rater: RaterRow
    pack: Pack
    answers: Answers
    now: datetime

    @classmethod
    def of(cls, session: Session, rater_id: str, packs: dict[str, Pack], now: datetime) -> "Desk":
        """Read a rater's desk; `packs` caches packs by hash. Raises LinkNotValid."""
        rater = session.get(RaterRow, rater_id)
        if rater is None or rater.revoked_at is not None:
            raise LinkNotValid
        # Shared, so that a study can't be closed between this look and an answer's commit.
        study = session.get_one(StudyRow, rater.study, with_for_update={"read": True})
        if study.pack_hash not in packs:
            packs[study.pack_hash] = Pack.model_validate(study.pack)
        rows = session.scalars(select(RatingRow).where(RatingRow.rater == rater_id))
        return cls(session, study, rater, packs[study.pack_hash], Answers.of(rows), now)

    @property
    def is_open(self) -> bool:
        return self.study.started_at is not None and self.study.closed_at is None

    def refuse_unless_answering(self) -> None:
        """Raise unless the study is open and the rater has agreed to it."""
        if not self.is_open:
            raise StudyNotOpen(self.study.id)
        if self.rater.consented_at is None:
            raise ConsentMissing

    def next(self) -> tuple[PackItem, Ask] | None:
        """The first item, in the rater's order, that lacks an answer, and which."""
        items = {item.id: item for item in self.pack.items}
        for name in item_order(list(items), self.pack.seed, self.rater.number):
            if self.answers.preference(self.rater.id, name) is None:
                return items[name], "pair"
            if not self.answers.has_scales(self.rater.id, name, self.pack.scales):
                return items[name], "scales"
        return None

    def progress(self) -> Progress:
        """How far the rater is."""
        last = self.answers.last_given()
        preferences = [self.answers.preference(self.rater.id, item.id) for item in self.pack.items]
        return Progress(
            done=sum(row is not None for row in preferences),
            total=len(self.pack.items),
            last=last[-1].id if last else None,
            is_complete=self.next() is None,
        )

    def show(self, item: PackItem, ask: Ask) -> Showing:
        """Claim an item for the rater and say what they see of it."""
        claim = self._claim_of(item.id)
        if claim is None or claim.lease_until < self.now:
            self.renew_claim(item.id)
        preference: Slot = (self.rater.id, item.id, PREFERENCE, "pair")
        scales = [(self.rater.id, item.id, scale.name, "a") for scale in self.pack.scales]
        revisions = [self.answers.next_revision(slot) for slot in (preference, *scales)]
        tuned_first = self._tuned_is_a(item.id)
        return Showing(
            item=item.id,
            ask=ask,
            key=content_hash([self.rater.id, item.id, ask, revisions])[:24],
            # What a system prompt says is the model's business, not part of the conversation.
            turns=tuple(Turn(t.role, t.content) for t in item.prompt if t.role != "system"),
            reply_a=item.tuned if tuned_first else item.base,
            reply_b=item.base if tuned_first else item.tuned,
            scales=self.pack.scales,
        )

    def renew_claim(self, item: str) -> None:
        """Start the clock of an item anew."""
        claim = self._claim_of(item)
        if claim is None:
            claim = ClaimRow(study=self.study.id, rater=self.rater.id, item=item)
            self.session.add(claim)
        claim.shown_at, claim.lease_until = self.now, self.now + LEASE

    def add(self, given: Given, key: str | None = None) -> None:
        """Add an answer as the next revision of its kind; raises NotRateable if never shown."""
        claim = self._claim_of(given.item)
        if claim is None:
            raise NotRateable("this item was not shown to you")
        slot: Slot = (self.rater.id, given.item, given.criterion, given.reply)
        revision = self.answers.next_revision(slot)
        shown_at = self._shown_at(claim, given)
        row = RatingRow(
            study=self.study.id,
            rater=self.rater.id,
            item=given.item,
            criterion=given.criterion,
            reply=given.reply,
            revision=revision,
            value=given.value,
            reason=given.reason,
            shown_as_a="tuned" if self._tuned_is_a(given.item) else "base",
            shown_at=shown_at,
            submitted_at=self.now,
            milliseconds=max(0, round((self.now - shown_at).total_seconds() * 1000)),
            pack_hash=self.study.pack_hash,
            app_version=__version__,
            idempotency_key=key or f"{':'.join(slot)}:revision {revision}",
        )
        self.session.add(row)

    def _shown_at(self, claim: ClaimRow, given: Given) -> datetime:
        # Scales come up when the preference is saved: their clock starts there.
        preferred = self.answers.preference(self.rater.id, given.item)
        if given.criterion == PREFERENCE or preferred is None:
            return claim.shown_at
        return max(claim.shown_at, preferred.submitted_at)

    def _tuned_is_a(self, item: str) -> bool:
        names = [each.id for each in self.pack.items]
        return tuned_is_a(names, self.pack.seed, self.rater.number)[item]

    def _claim_of(self, item: str) -> ClaimRow | None:
        wanted = select(ClaimRow).where(ClaimRow.rater == self.rater.id, ClaimRow.item == item)
        return self.session.scalars(wanted).one_or_none()
