"""What the stores of studies tell: plain data, safe to show where it says so."""

from dataclasses import dataclass
from typing import Literal

from chatui.conversation import StudyId, Turn
from chatui.jobs import JobView
from chatui.rate.study import Criterion

StudyState = Literal["preparing", "ready", "failed", "open", "closed"]
RaterState = Literal["invited", "rating", "done", "revoked", "erased"]


@dataclass(frozen=True, slots=True)
class Showing:
    """What one rater sees now. Nothing in it, and no order of it, ties a reply to a system.

    `ask` is "pair" (which reply is better) or "scales" (1 to 5 for each reply). `key` names this
    showing: an answer sent twice with it is saved once.
    """

    item: str
    ask: Literal["pair", "scales"]
    key: str
    turns: tuple[Turn, ...]
    reply_a: str
    reply_b: str
    scales: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rater is. `last` names their last answer, for Undo; None when there is none."""

    done: int  # items with a preference
    total: int
    last: int | None
    is_complete: bool  # scales included


@dataclass(frozen=True, slots=True)
class Visit:
    """What the rater's page needs to know on opening."""

    rater: str
    consented: bool
    consent_text: str
    is_open: bool
    scales: tuple[Criterion, ...]
    minutes: float
    progress: Progress


@dataclass(frozen=True, slots=True)
class Invitation:
    """A rater and the token of their link: only its hash is stored, so it is told this once."""

    rater: str
    label: str
    token: str


@dataclass(frozen=True, slots=True)
class RaterView:
    """A rater, as the owner sees them: counts, never answers."""

    id: str
    label: str
    is_owner: bool
    state: RaterState
    done: int
    left: int


@dataclass(frozen=True, slots=True)
class StudyView:
    """How a study stands; nothing in it tells what the answers were."""

    id: StudyId
    name: str
    run: str
    dataset: str
    state: StudyState
    job: JobView | None  # that makes missing replies, while there is one
    items: int
    identical: int | None  # items on which both systems said the same; None before the start
    scales: tuple[Criterion, ...]
    minutes: float | None  # of reading and choosing, for one rater
    smallest_win_rate: float | None
    pack_hash: str | None
    raters: tuple[RaterView, ...]
    created_at: str
    started_at: str | None
    closed_at: str | None

    @property
    def done(self) -> int:
        """Items with a preference, over all raters."""
        return sum(rater.done for rater in self.raters)

    @property
    def wanted(self) -> int:
        """How many there can be: raters whose link was revoked count with what they did."""
        return sum(rater.done + rater.left for rater in self.raters)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a study of a run could be, before there is one."""

    run: str
    dataset: str
    available: int  # test items
    items: int
    missing: int  # of these, how many lack a reply
    smallest_win_rate: float | None
    minutes: float  # without the replies that are missing, about
