"""What the Score tab does when something is clicked, picked or ticks: glue, no rules."""

from dataclasses import replace
from typing import Any, Literal

import gradio as gr
from pydantic import ValidationError

from chatui.errors import BadSetting, ChatUIError
from chatui.model.decoding import Decoding
from chatui.score.store import ScoreView
from chatui.services import Services
from chatui.train.view import RunView
from chatui.ui.state import Selection
from chatui.ui.tabs.score import describe

Shown = tuple[str, str]  # what the watched part and the reported part show, as keys
NOTHING_SHOWN: Shown = ("", "")
_WATCHED, _REPORTED = 7, 9  # components of the two parts
_SAME = gr.skip()


class Handlers:
    """The listeners of the tab."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def refresh(self, selected: Selection, shown: Shown) -> tuple[Any, ...]:
        """Show the selected run and score as they stand; only what has changed is drawn anew."""
        unchanged = (_SAME,) * (1 + _WATCHED + _REPORTED)
        if selected.tab != "score":
            return unchanged
        try:
            runs = self._services.runs.all()
            view = self._services.scores.view(selected.score) if selected.score else None
            keys = _watched_key(selected, runs, view), _reported_key(view)
            if keys == tuple(shown):
                return unchanged
            watched = self._watched(selected, runs, view) if keys[0] != shown[0] else None
            reported = self._reported(view) if keys[1] != shown[1] else None
        except ChatUIError:  # deleted between two looks: the frame selects something else
            return unchanged
        return (
            keys,
            *(watched or (_SAME,) * _WATCHED),
            *(reported or (_SAME,) * _REPORTED),
        )

    def pick_run(self, selected: Selection, run: str) -> Selection:
        """Look at another run, with its newest score and study."""
        return replace(selected, run=run, score=None, study=None)

    def pick_score(self, selected: Selection, score: str) -> Selection:
        """Look at another score of the run."""
        return replace(selected, score=score)

    def start_score(
        self, run: str, limit: float | None, selected: Selection, **chosen: object
    ) -> Selection:
        """Score a run against its base model on the locked test items."""
        score = self._services.scores.start(
            run, limit=int(limit) if limit else None, decoding=_decoding(chosen)
        )
        return replace(selected, run=run, score=score)

    def stop(self, selected: Selection) -> None:
        """Stop the selected score; what it has measured stays."""
        if selected.score:
            self._services.scores.stop(selected.score)

    def resume(self, selected: Selection) -> None:
        """Go on with the selected score."""
        if selected.score:
            self._services.scores.resume(selected.score)

    def open_item(self, selected: Selection, event: gr.SelectData) -> str:
        """Show the item of the row that was selected, wherever sorting has put it."""
        report = self._services.scores.view(selected.score).report if selected.score else None
        row = event.row_value or [0]
        return describe.one_item(report, int(row[0])) if report else ""

    def _watched(
        self, selected: Selection, runs: list[RunView], view: ScoreView | None
    ) -> tuple[Any, ...]:
        """Run, score, about, start, job, stop, resume."""
        scores = self._services.scores.of_run(selected.run) if selected.run else []
        why_not = self._why_not(selected, view)
        is_active = view is not None and view.job.is_active
        is_at_rest = view is not None and not is_active and view.job.state != "finished"
        has_report = view is not None and view.report is not None
        start: Literal["primary", "secondary"] = (
            "secondary" if has_report or is_active else "primary"
        )
        return (
            gr.Dropdown(
                [(f"{r.id} · {r.dataset}", r.id) for r in reversed(runs)], value=selected.run
            ),
            gr.Dropdown(
                [each.id for each in reversed(scores)],
                value=selected.score,
                visible=len(scores) > 1,
            ),
            self._about(selected, view, why_not),
            gr.Button(interactive=why_not is None, variant=start),
            gr.HTML(
                describe.running(view) if view and not has_report else "",
                visible=view is not None and not has_report,
            ),
            gr.Button(visible=is_active),
            gr.Button(visible=is_at_rest),
        )

    def _reported(self, view: ScoreView | None) -> tuple[Any, ...]:
        """Verdict, result, figures, heading, table, item, fine print and two files."""
        if view is None or view.report is None:
            hidden = gr.HTML("", visible=False), gr.Column(visible=False)
            return *hidden, *(_SAME,) * (_REPORTED - len(hidden))
        report, rows = view.report, describe.item_rows(view.report)
        first = int(str(rows[0][0])) if rows else 0
        return (
            gr.HTML(describe.verdict(report), visible=True),
            gr.Column(visible=True),
            describe.figures(report),
            describe.item_heading(report),
            rows,
            describe.one_item(report, first),
            describe.fine_print(report),
            str(self._services.scores.report_file(view.id, "md")),
            str(self._services.scores.report_file(view.id, "json")),
        )

    def _why_not(self, selected: Selection, view: ScoreView | None) -> str | None:
        if selected.run is None:
            return "There is no run to score yet. Train one first: open the Train tab."
        if view is not None and view.job.is_active:
            return f"{view.id} is {view.job.state}."
        return self._services.scores.why_not(selected.run)

    def _about(self, selected: Selection, view: ScoreView | None, why_not: str | None) -> str:
        if selected.run is None:
            return describe.empty(why_not or "")
        plan = self._services.scores.plan(selected.run)
        is_watched = view is not None and view.job.is_active  # the job card says so already
        return describe.planned(plan) + (describe.empty(why_not or "") if not is_watched else "")


def _watched_key(selected: Selection, runs: list[RunView], view: ScoreView | None) -> str:
    ran = [(run.id, run.job.state) for run in runs]
    scored = (view.job.state, len(view.job.events), view.report is None) if view else None
    return repr((selected, ran, scored))


def _reported_key(view: ScoreView | None) -> str:
    return repr((view.id, view.report.created_at)) if view and view.report else "no report"


def _decoding(chosen: dict[str, object]) -> Decoding:
    try:
        return Decoding.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSetting(str(first["loc"][0]), str(first["msg"])) from error
