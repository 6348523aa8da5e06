"""Search: try options run by run, watch which are best, take them with a click."""

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any
from uuid import uuid4

import gradio as gr
from gradio.blocks import Block
from pydantic import ValidationError

from chatui.errors import BadSearch, BadSetting, CannotTrain
from chatui.model.catalog import STARTER
from chatui.services import Services
from chatui.train.checks import option_label, read_options
from chatui.train.search_record import SearchOptions
from chatui.train.search_space import SEARCHABLE, SEARCHED
from chatui.train.search_view import SearchView
from chatui.ui.errors import shows_errors
from chatui.ui.forms import form
from chatui.ui.frame import job_card
from chatui.ui.state import QUIET, Page, Selection
from chatui.ui.tabs.train.plan_panel import PlanParts
from chatui.ui.tabs.train.search_drawing import importance_chart, trials_chart, trials_table

_SAME = gr.skip()
_DRAWN = 9  # components that `look` writes


def build_search(services: Services, page: Page, plan: PlanParts) -> None:
    """Folded: what is searched and how; then how it stands, its pictures, and Take the best."""
    searching = Searching(services)
    shown, key = gr.State(""), gr.State("")
    with gr.Accordion("Search for better options", open=False, elem_id="train-search") as panel:
        gr.HTML(
            '<p class="chatui-muted">Tries options run by run, beginning with those of the form, '
            "and keeps each run. The lowest validation loss wins.</p>"
        )
        with gr.Row():
            names = gr.Dropdown(
                [(option_label(name), name) for name in SEARCHABLE],
                value=list(SEARCHED),
                multiselect=True,
                label="Options to search",
                scale=3,
            )
            limits = gr.Textbox(
                label="Other limits than the usual",
                info="Such as lr=0.001..0.01, rank=4|16; empty for the usual ones.",
                scale=2,
            )
        how: dict[str, Block] = {}
        with gr.Row(elem_classes="train-looks"):
            how |= form(SearchOptions)
        with gr.Row(elem_classes="chatui-stays"):
            start = gr.Button("Start search", scale=0, min_width=170, elem_id="start-search")
            stop = gr.Button("Stop search", visible=False, scale=0, min_width=170)
            resume = gr.Button("Resume search", visible=False, scale=0, min_width=170)
        chosen = gr.Dropdown([], label="Search", visible=False, allow_custom_value=True)
        standing = gr.HTML(elem_id="train-search-standing")
        with gr.Row(elem_classes="chatui-stays"):
            take = gr.Button("Take the best", visible=False, scale=0, min_width=220)
        pictures, table = gr.HTML(elem_id="train-search-pictures"), gr.HTML()

    gr.on(
        [page.looks["train"].change, chosen.input],
        searching.look,
        [page.selection, shown, chosen],
        [shown, panel, chosen, stop, resume, standing, take, pictures, table],
        **QUIET,
    )
    page.blocks.load(lambda: uuid4().hex, None, key, **QUIET)
    acting: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
    start.click(
        shows_errors(searching.start),
        [plan.dataset, plan.base, names, key],
        [chosen, key],
        inputs_kwargs={**plan.options, **how, "limits": limits},
        **acting,
    )
    stop.click(shows_errors(searching.stop), chosen, stop, **acting)
    resume.click(shows_errors(searching.resume), chosen, resume, **acting)
    # The run is selected, and the copy of its options into the form follows from that.
    take.click(
        shows_errors(searching.take),
        [page.selection, chosen],
        [page.selection, plan.copied],
        **acting,
    ).success(plan.copy, plan.copied, plan.filled, **QUIET).then(**plan.review)


class Searching:
    """The listeners of the search."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def look(self, selected: Selection, shown: str, chosen: str | None) -> tuple[Any, ...]:
        """Show a search as its folder tells it; drawn anew only when it has changed."""
        unchanged = (_SAME,) * _DRAWN
        if selected.tab != "train":
            return unchanged
        searches = self._services.searches.all()
        view = next((each for each in reversed(searches) if chosen in (each.id, None, "")), None)
        view = view or (searches[-1] if searches else None)
        if view is None:
            return unchanged
        names = [(f"{each.id} · {each.job.state}", each.id) for each in reversed(searches)]
        seen = repr((names, view.id, len(view.job.events), view.job.state))
        if seen == shown:
            return unchanged
        is_active, best = view.job.is_active, view.best
        is_at_rest = view.job.state in ("stopped", "interrupted", "failed")
        told = f" ({view.id} {view.job.state})" if is_active else ""
        return (
            seen,
            gr.Accordion(label=f"Search for better options{told}"),
            gr.Dropdown(names, value=view.id, visible=True),
            gr.Button(visible=is_active),
            gr.Button(f"Resume {view.id}", visible=is_at_rest),
            standing(view),
            gr.Button(f"Take the best ({best.run})" if best else "", visible=best is not None),
            f'<div class="train-search-pictures">{trials_chart(view)}'
            f"{importance_chart(view)}</div>",
            trials_table(view),
        )

    def start(
        self,
        dataset: str,
        base: str,
        names: list[str] | None,
        key: str,
        *,
        limits: str = "",
        **values: object,
    ) -> tuple[str, str]:
        """Queue a search that begins with what the form holds."""
        how, options = _split(values)
        config, problems = read_options(options)
        if problems:
            raise CannotTrain([problem.sentence for problem in problems])
        parts = parts_of(names or [], limits)
        search = self._services.searches.start(
            dataset, config, (base or STARTER).strip(), options=how, space=parts, key=key or None
        )
        return search, uuid4().hex

    def stop(self, search: str | None) -> Any:
        """Stop a search and the run that it waits for."""
        if search:
            self._services.searches.stop(search)
        return gr.Button(visible=False)

    def resume(self, search: str | None) -> Any:
        """Go on with a search."""
        if search:
            self._services.searches.resume(search)
        return gr.Button(visible=False)

    def take(self, selected: Selection, search: str | None) -> tuple[Selection, str]:
        """Look at the run of the best trial; its options are copied into the form after this."""
        best = self._services.searches.view(search or "").best
        if best is None or best.run is None:
            raise BadSearch("no trial is complete yet")
        run = self._services.runs.view(best.run)
        chain = replace(selected, dataset=run.dataset, run=run.id, score=None, study=None)
        return chain, run.id


def parts_of(names: list[str], limits: str) -> list[str]:
    """The parts of a space: written limits come before the usual ones of the same option."""
    written = [part.strip() for part in limits.replace("\n", ",").split(",") if part.strip()]
    short = {"lr": "learning_rate", "batch": "batch_size"}
    short |= {name: f"lora_{name}" for name in ("rank", "alpha", "dropout")}
    named = {short.get(name, name) for name in (part.partition("=")[0].strip() for part in written)}
    return [*written, *(name for name in names if name not in named)]


def standing(view: SearchView) -> str:
    """How a search stands: the job card while it goes, or a sentence."""
    if view.job.is_active:
        unit = "trial" if view.record.options.trials else "minute"
        return job_card(view.job, view.sentence, unit=unit)
    kind = " chatui-error" if view.job.state == "failed" else ""
    space = ", ".join(dimension.text for dimension in view.record.space)
    return (
        f'<div class="chatui-card{kind}" role="status"><b>{escape(view.sentence)}</b>'
        f'<div class="chatui-muted">{escape(view.record.dataset)}, {escape(view.record.base)}; '
        f"{escape(space)}</div></div>"
    )


def _split(values: Mapping[str, object]) -> tuple[SearchOptions, dict[str, object]]:
    """How to search, and the options of the form."""
    of_search = {name: v for name, v in values.items() if name in SearchOptions.model_fields}
    try:
        how = SearchOptions.model_validate(of_search)
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadSetting(str(problem["loc"][0]), str(problem["msg"])) from error
    return how, {name: v for name, v in values.items() if name not in of_search}
