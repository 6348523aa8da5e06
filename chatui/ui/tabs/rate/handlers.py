"""What the Rate tab does when something is clicked, picked or ticks: glue, no rules."""

from dataclasses import replace
from typing import Any

import gradio as gr

from chatui.errors import ChatUIError
from chatui.rate.design import Drawn
from chatui.rate.views import StudyView
from chatui.services import Services
from chatui.ui.state import Selection
from chatui.ui.tabs.rate import describe

# Raters with the tokens that this page was told: they are told once, so a reload forgets them.
Links = tuple[tuple[str, str], ...]
Shown = tuple[str, str]  # what the study's part and the result's part show, as keys
NOTHING_SHOWN: Shown = ("", "")
_PARTS = 12, 5  # components of the study's part and of the result's
_SAME = gr.skip()
_FIRST_ITEMS = 20


class Handlers:
    """The listeners of the tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._studies = services.studies

    def plan(
        self, selected: Selection, items: int, scales: bool, planning: bool
    ) -> tuple[Any, ...]:
        """Slider, sentence and Start for the selected run, before there is a study."""
        if selected.tab != "rate" or (selected.study and not planning):
            return _SAME, _SAME, _SAME
        why_not = "There is no run to rate yet. Train one first: open the Train tab."
        try:
            if selected.run:
                plan = self._studies.plan(
                    selected.run, int(items), scales=scales, drawn=self._drawn(selected)
                )
                slider = gr.Slider(maximum=plan.available, value=plan.items, visible=True)
                # The way on is filled once there is a study, and one filled button is enough.
                start = gr.Button(interactive=True, variant="secondary" if planning else "primary")
                return slider, describe.planned(plan, scales), start
        except ChatUIError as error:
            why_not = str(error)
        return gr.Slider(visible=False), describe.note(why_not), gr.Button(interactive=False)

    def start_study(
        self, selected: Selection, items: int, scales: bool, links: Links
    ) -> tuple[Any, ...]:
        """Make a study of the selected run, and open it as soon as its replies are there."""
        run = selected.run or ""
        study = self._studies.create(run, int(items), scales=scales, drawn=self._drawn(selected))
        return replace(selected, study=study), self._opened(study, links), False

    def refresh(
        self, selected: Selection, shown: Shown, links: Links, planning: bool
    ) -> tuple[Any, ...]:
        """Show the selected study as it stands; only what has changed is drawn anew."""
        unchanged = (_SAME,) * (2 + sum(_PARTS))
        if selected.tab != "rate":
            return unchanged
        try:
            view = self._studies.view(selected.study) if selected.study else None
            known, problem = links, ""
            if view is not None and view.state == "ready":
                links, problem = self._opened_or_why_not(view.id, links)
                view = self._studies.view(view.id)
            keys = _study_key(selected, view, links, planning), _result_key(view, planning)
            if keys == tuple(shown):
                return unchanged
            study = self._study(selected, view, links, planning) if keys[0] != shown[0] else None
            if study and problem:
                study = *study[:2], describe.note(problem), *study[3:]
            result = self._result(view, planning) if keys[1] != shown[1] else None
        except ChatUIError:  # deleted between two looks: the frame selects something else
            return unchanged
        return (
            keys,
            # Written only when it has grown: another listener may have added a link meanwhile.
            _SAME if links == known else links,
            *(study or (_SAME,) * _PARTS[0]),
            *(result or (_SAME,) * _PARTS[1]),
        )

    def pick_study(self, selected: Selection, study: str) -> tuple[Selection, bool]:
        """Look at another study of the run."""
        return replace(selected, study=study), False

    def add_rater(self, selected: Selection, links: Links) -> Links:
        """Invite one more person."""
        invitation = self._studies.raters.invite(selected.study or "")
        return *links, (invitation.rater, invitation.token)

    def act_on_rater(self, links: Links, event: gr.EventData) -> Links:
        """Revoke a link, make a new one, or erase what a rater answered."""
        asked: dict[str, str] = event._data or {}
        rater = asked.get("rater", "")
        if asked.get("act") == "renew":
            invitation = self._studies.raters.renew_link(rater)
            return *links, (rater, invitation.token)
        if asked.get("act") == "revoke":
            self._studies.raters.revoke(rater)
            return tuple(link for link in links if link[0] != rater)
        if asked.get("act") == "erase":
            self._studies.raters.erase(rater)
        return links

    def rate_here(self, selected: Selection) -> tuple[Any, ...]:
        """Open the raters' page in a frame, as the owner's own rater."""
        invitation = self._studies.raters.owner(selected.study or "")
        return describe.frame(invitation.token), gr.Button(visible=False), selected.study

    def put_frame_away(self, selected: Selection, framed: str) -> tuple[Any, ...]:
        """Take the raters' page of another study off this one."""
        if selected.study == framed or not framed:
            return _SAME, _SAME, _SAME
        return "", gr.Button(visible=True), ""

    def close_study(self, selected: Selection) -> tuple[Any, ...]:
        """Close the study: later ratings are refused, names are shown."""
        self._studies.close(selected.study or "")
        return gr.Column(visible=False), ""

    def stop(self, selected: Selection) -> None:
        """Stop making replies; those that are made are kept."""
        self._studies.stop(selected.study or "")

    def retry(self, selected: Selection) -> None:
        """Go on making replies."""
        self._studies.retry(selected.study or "")

    def _opened(self, study: str, links: Links) -> Links:
        """Start a study that is ready, with one rater invited; who starts it knows the link."""
        if self._studies.view(study).state == "ready" and self._studies.start(study):
            invitation = self._studies.raters.invite(study)
            return *links, (invitation.rater, invitation.token)
        return links

    def _opened_or_why_not(self, study: str, links: Links) -> tuple[Links, str]:
        """The same, and the reason where it can't start: its dataset version may be gone."""
        try:
            return self._opened(study, links), ""
        except ChatUIError as error:
            return links, str(error)

    def _drawn(self, selected: Selection) -> Drawn:
        """Replies are drawn as the run's score has drawn them, so that none is made twice."""
        if selected.score is None:
            return Drawn()
        return Drawn(decoding=self._services.scores.view(selected.score).config.decoding)

    def _study(
        self, selected: Selection, view: StudyView | None, links: Links, planning: bool
    ) -> tuple[Any, ...]:
        """Study, design, about, job, stop, retry, open, counts, raters, rate here, ask, another."""
        studies = self._studies.of_run(selected.run) if selected.run else []
        state = view.state if view is not None and not planning else None
        is_open = state == "open"
        choice = gr.Dropdown(
            [(f"{v.id} · {v.state}", v.id) for v in reversed(studies)],
            value=view.id if view else None,
            visible=len(studies) > 1 and not planning,
        )
        return (
            choice,
            gr.Column(visible=state is None),
            describe.running(view) if view and state in ("open", "closed") else "",
            describe.preparing(view) if view and state in ("preparing", "failed") else "",
            gr.Button(visible=state == "preparing"),
            gr.Button(visible=state == "failed"),
            gr.Column(visible=is_open),
            describe.counts(view) if view and is_open else "",
            describe.raters(view, describe.pairs(links)) if view and is_open else "",
            gr.Button(variant="secondary" if view and view.done else "primary"),
            _SAME if is_open else gr.Column(visible=False),
            gr.Button(
                "Back to the study" if planning else "Plan another study",
                visible=planning or state in ("ready", "closed", "failed"),
            ),
        )

    def _result(self, view: StudyView | None, planning: bool) -> tuple[Any, ...]:
        """Result, verdict, findings, CSV, JSONL."""
        if view is None or view.state != "closed" or planning:
            return gr.Column(visible=False), "", "", _SAME, _SAME
        result = self._studies.result(view.id)
        files = [str(self._studies.export(view.id, kind)) for kind in ("csv", "jsonl")]
        return (
            gr.Column(visible=True),
            describe.verdict(result),
            describe.findings(view, result),
            gr.DownloadButton(value=files[0], interactive=result.n > 0),
            gr.DownloadButton(value=files[1], interactive=result.n > 0),
        )


def _study_key(selected: Selection, view: StudyView | None, links: Links, planning: bool) -> str:
    job = (view.job.state, len(view.job.events)) if view and view.job else None
    stands = (view.id, view.state, view.raters) if view else None
    return repr((selected.run, selected.study, stands, job, links, planning))


def _result_key(view: StudyView | None, planning: bool) -> str:
    is_closed = view is not None and view.state == "closed" and not planning
    return repr((view.id, view.done)) if view and is_closed else "no result"
