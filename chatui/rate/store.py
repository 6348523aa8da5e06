"""The owner's side of studies: make, start, invite, watch, close, and read what came out.

A study is a folder from the moment it is wanted (its design, and the job that makes missing
replies) and a row in the database from its start on. Raters use `ballots`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chatui import __version__
from chatui.conversation import StudyId
from chatui.database import Database, RatingRow, StudyRow
from chatui.errors import StudyNotOpen, StudyStillOpen
from chatui.jobs import Jobs
from chatui.rate.answers import Answers
from chatui.rate.ballots import Ballots, utc_now
from chatui.rate.design import Designer, Drawn, StudyDesign
from chatui.rate.export import Format, as_text, export_rows
from chatui.rate.overview import items_done, view_of_design, view_of_study
from chatui.rate.raters import Raters, raters_of
from chatui.rate.results import Result, analyse
from chatui.rate.study import CONSENT_TEXT, CONSENT_VERSION, Pack
from chatui.rate.views import Plan, StudyView
from chatui.replies import ReplyStore
from chatui.workspace import Workspace, write_json, write_text

if TYPE_CHECKING:
    from chatui.data.store import DatasetStore
    from chatui.train.runs import RunStore

REPLIES_WORKER = "chatui.replies.worker"
BY_DEFAULT = Drawn()


class StudyStore:
    """All studies of a workspace. `ballots` is what raters use, `raters` invites them."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a study touches, wired in one place
        self,
        database: Database,
        workspace: Workspace,
        jobs: Jobs,
        datasets: "DatasetStore",
        runs: "RunStore",
        replies: ReplyStore,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._workspace = workspace
        self._jobs = jobs
        self._designer = Designer(workspace, datasets, runs, replies)
        self._now = now
        self._packs: dict[str, Pack] = {}
        self._results: dict[tuple[str, int], Result] = {}
        self.ballots = Ballots(database, self._packs, now)
        self.raters = Raters(database, now)

    def plan(
        self, run_id: str, items: int, *, scales: bool = True, drawn: Drawn = BY_DEFAULT
    ) -> Plan:
        """What a study of a run could be, before there is one.

        Raises NotFound, RunNotRateable (no adapter yet), NothingToRate (no test items).
        """
        return self._designer.plan(run_id, items, scales, drawn)

    def create(
        self, run_id: str, items: int, *, scales: bool = True, drawn: Drawn = BY_DEFAULT
    ) -> StudyId:
        """Draw `items` test items of a run and queue a job for replies that are missing.

        Raises what `plan` raises. The study can `start` as soon as its state is "ready".
        """
        draw = self._designer.draw(run_id, items, drawn)
        design = StudyDesign(
            **{**draw.job.model_dump(), "items": [each.id for each in draw.conversations]},
            run=run_id,
            seed=drawn.seed,
            scales=scales,
            created_at=self._now(),
        )

        def make_folder() -> Path:
            folder = self._new_folder()
            write_json(folder / "config.json", design.model_dump(mode="json"))
            return folder

        if draw.missing:
            return StudyId(self._jobs.submit("replies", REPLIES_WORKER, make_folder).name)
        return StudyId(make_folder().name)

    def start(self, study_id: str) -> bool:
        """Freeze the pack and open the study; False if that was done before.

        Raises StudyNotReady while replies are missing.
        """
        with self._database.reading() as session:
            if session.get(StudyRow, study_id) is not None:
                return False
        design = StudyDesign.of_folder(self._workspace.existing("studies", study_id))
        pack = self._designer.freeze(design)
        row = StudyRow(
            id=study_id,
            name=f"base against {design.run}",
            run=design.run,
            pack=pack.model_dump(mode="json"),
            pack_hash=pack.sha256,
            consent_version=CONSENT_VERSION,
            consent_text=CONSENT_TEXT,
            app_version=__version__,
            created_at=design.created_at,
            started_at=self._now(),
        )
        try:
            with self._database.writing() as session:
                session.add(row)
        except IntegrityError:  # somebody else started it since we looked
            return False
        return True

    def retry(self, study_id: str) -> None:
        """Go on making replies after the job failed or was stopped."""
        self._jobs.resume(self._workspace.existing("studies", study_id))

    def stop(self, study_id: str) -> None:
        """Stop making replies; those that are made are kept."""
        self._jobs.stop(self._workspace.existing("studies", study_id))

    def view(self, study_id: str) -> StudyView:
        """How a study stands, without any answer. Raises NotFound."""
        folder = self._workspace.existing("studies", study_id)
        with self._database.reading() as session:
            row = session.get(StudyRow, study_id)
            if row is not None:
                raters, done = raters_of(session, study_id), items_done(session, study_id)
                return view_of_study(row, self._pack(row), raters, done)
        has_job = (folder / "job.json").exists()
        job = self._jobs.view(folder) if has_job else None
        return view_of_design(study_id, StudyDesign.of_folder(folder), job)

    def all(self) -> list[StudyView]:
        """Every study, oldest first."""
        return [self.view(name) for name in self._workspace.names("studies")]

    def of_run(self, run_id: str) -> list[StudyView]:
        """The studies of one run, oldest first."""
        return [view for view in self.all() if view.run == run_id]

    def close(self, study_id: str) -> None:
        """End a study: names are shown, later ratings refused. Closing twice is closing once."""
        with self._database.writing() as session:
            study = session.get(StudyRow, study_id, with_for_update=True)
            if study is None:
                raise StudyNotOpen(study_id)
            study.closed_at = study.closed_at or self._now()

    def result(self, study_id: str) -> Result:
        """What a closed study found; raises StudyStillOpen."""
        with self._database.reading() as session:
            study = self._closed_study(session, study_id)
            rows = self._all(session, study_id)
            known = study_id, len(rows)  # answers only come or, at a rater's wish, go
            if known not in self._results:
                answers = Answers.of(rows)
                scales = self._pack(study).scales
                self._results[known] = analyse(answers.votes(), answers.grades(), scales)
            return self._results[known]

    def export(self, study_id: str, kind: Format) -> Path:
        """Write a closed study's ratings to a file that the page may serve; returns its path."""
        with self._database.reading() as session:
            study = self._closed_study(session, study_id)
            rows = export_rows(study_id, self._pack(study), self._all(session, study_id))
            path = self._workspace.exports / f"{study_id}-ratings.{kind}"
            write_text(path, as_text(rows, kind))
        return path

    def _new_folder(self) -> Path:
        """A folder whose name no study of the database has: several workspaces may share one."""
        taken: list[Path] = []
        while True:
            folder = self._workspace.new_folder("studies", "t")
            with self._database.reading() as session:
                if session.get(StudyRow, folder.name) is None:
                    break
            taken.append(folder)
        for other in taken:
            other.rmdir()
        return folder

    def _closed_study(self, session: Session, study_id: str) -> StudyRow:
        study = session.get(StudyRow, study_id)
        if study is None or study.closed_at is None:
            raise StudyStillOpen(study_id)
        return study

    def _all(self, session: Session, study_id: str) -> Sequence[RatingRow]:
        wanted = select(RatingRow).where(RatingRow.study == study_id).order_by(RatingRow.id)
        return session.scalars(wanted).all()

    def _pack(self, study: StudyRow) -> Pack:
        if study.pack_hash not in self._packs:
            self._packs[study.pack_hash] = Pack.model_validate(study.pack)
        return self._packs[study.pack_hash]
