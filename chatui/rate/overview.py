"""Draw up how a study stands, for its owner: counts only while it is open, never an answer."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from chatui.conversation import StudyId
from chatui.database import RaterRow, RatingRow, StudyRow
from chatui.jobs import JobView
from chatui.rate.design import StudyDesign
from chatui.rate.power import smallest_win_rate
from chatui.rate.study import PREFERENCE, SCALES, Pack
from chatui.rate.views import RaterState, RaterView, StudyState, StudyView


def view_of_design(study_id: str, design: StudyDesign, job: JobView | None) -> StudyView:
    """A study that has not started: its replies are being made, or are all there."""
    items = len(design.items or ())
    return StudyView(
        id=StudyId(study_id),
        name=f"base against {design.run}",
        run=design.run,
        dataset=design.dataset,
        state=_state_of_job(job),
        job=job,
        items=items,
        identical=None,
        scales=SCALES if design.scales else (),
        minutes=None,
        smallest_win_rate=smallest_win_rate(items),
        pack_hash=None,
        raters=(),
        created_at=design.created_at.isoformat(),
        started_at=None,
        closed_at=None,
    )


def view_of_study(
    study: StudyRow, pack: Pack, raters: Sequence[RaterRow], done: Mapping[str, int]
) -> StudyView:
    """A study that is open or closed; `done` counts the items that each rater has answered."""
    is_open = study.closed_at is None
    items = len(pack.items)
    return StudyView(
        id=StudyId(study.id),
        name=study.name,
        run=study.run,
        dataset=pack.dataset,
        state="open" if is_open else "closed",
        job=None,
        items=items,
        identical=pack.identical,
        scales=pack.scales,
        minutes=pack.reading_minutes,
        smallest_win_rate=smallest_win_rate(items),
        pack_hash=study.pack_hash,
        raters=tuple(
            RaterView(
                id=rater.id,
                label=label_of(rater, raters),
                is_owner=rater.is_owner,
                state=_state_of(rater, done.get(rater.id, 0), items),
                done=done.get(rater.id, 0),
                left=items - done.get(rater.id, 0) if is_open and rater.revoked_at is None else 0,
            )
            for rater in raters
        ),
        created_at=study.created_at.isoformat(),
        started_at=study.started_at.isoformat() if study.started_at else None,
        closed_at=study.closed_at.isoformat() if study.closed_at else None,
    )


def items_done(session: Session, study_id: str) -> Counter[str]:
    """How many items each rater of a study has answered: the last revision has a value."""
    wanted = (
        select(RatingRow.rater, RatingRow.item, RatingRow.value)
        .where(RatingRow.study == study_id, RatingRow.criterion == PREFERENCE)
        .order_by(RatingRow.revision)
    )
    last = {(rater, item): value for rater, item, value in session.execute(wanted)}
    return Counter(rater for (rater, _), value in last.items() if value is not None)


def label_of(rater: RaterRow, raters: Sequence[RaterRow]) -> str:
    """What a rater is called on the owner's page: "You", or R1, R2, … in order of invitation."""
    if rater.is_owner:
        return "You"
    invited = [each.id for each in raters if not each.is_owner]
    return f"R{invited.index(rater.id) + 1}"


def _state_of_job(job: JobView | None) -> StudyState:
    if job is None or job.state == "finished":
        return "ready"
    return "preparing" if job.is_active else "failed"


def _state_of(rater: RaterRow, done: int, items: int) -> RaterState:
    if rater.erased_at is not None:
        return "erased"
    if rater.revoked_at is not None:
        return "revoked"
    if rater.consented_at is None:
        return "invited"
    return "done" if done == items else "rating"
