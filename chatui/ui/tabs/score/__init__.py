"""The Score tab: does tuned answer the locked test items better than base?"""

import gradio as gr

from chatui.model.decoding import Decoding
from chatui.services import Services
from chatui.ui.errors import shows_errors
from chatui.ui.forms import form
from chatui.ui.state import QUIET, Page
from chatui.ui.tabs.score import describe
from chatui.ui.tabs.score.handlers import NOTHING_SHOWN, Handlers


def build(services: Services, page: Page) -> None:
    """Pick a run, score it, watch the job, read the report."""
    shown = gr.State(NOTHING_SHOWN)
    verdict = gr.HTML(visible=False)
    with gr.Row():
        with gr.Column(scale=1):
            run = gr.Dropdown(label="Run", info="Its adapter is compared with its base model.")
            score = gr.Dropdown(label="Score", info="The scores of this run.", visible=False)
        with gr.Column(scale=2):
            about = gr.HTML()
            with gr.Accordion("Advanced", open=False):
                limit = gr.Number(
                    0,
                    label="Item limit",
                    info="Score only so many items, drawn by seed. 0 is all.",
                    precision=0,
                    minimum=0,
                )
                decoding = form(Decoding)
            start = gr.Button("Start scoring", variant="primary", elem_id="start-score")
    job = gr.HTML(visible=False)
    with gr.Row(elem_classes="chatui-stays"):
        stop = gr.Button("Stop scoring", visible=False, scale=0, min_width=190)
        resume = gr.Button("Resume scoring", visible=False, scale=0, min_width=190)
    with gr.Column(visible=False) as result:
        figures = gr.HTML()
        with gr.Row():
            with gr.Column(scale=3):
                heading = gr.HTML()
                table = _item_table()
            with gr.Column(scale=2):
                item = gr.HTML(elem_id="score-item")
        fine_print = gr.HTML()
        with gr.Row(elem_classes="chatui-stays"):
            markdown = gr.DownloadButton("Download report", scale=0, min_width=210)
            data = gr.DownloadButton("Download JSON", scale=0, min_width=210)

    handlers = Handlers(services)
    page.looks["score"].change(
        handlers.refresh,
        [page.selection, shown],
        [shown, run, score, about, start, job, stop, resume]
        + [verdict, result, figures, heading, table, item, fine_print, markdown, data],
        **QUIET,
    )
    run.input(handlers.pick_run, [page.selection, run], page.selection, **QUIET)
    score.input(handlers.pick_score, [page.selection, score], page.selection, **QUIET)
    table.select(handlers.open_item, page.selection, item, **QUIET)
    start.click(
        shows_errors(handlers.start_score),
        [run, limit, page.selection],
        page.selection,
        inputs_kwargs=decoding,
        api_name="start_score",
        trigger_mode="once",
    )
    stop.click(shows_errors(handlers.stop), page.selection, trigger_mode="once", **QUIET)
    resume.click(shows_errors(handlers.resume), page.selection, trigger_mode="once", **QUIET)


def _item_table() -> gr.Dataframe:
    return gr.Dataframe(
        headers=list(describe.ITEM_COLUMNS),
        datatype=["number", "number", "number", "number", "str"],  # never markdown: users' texts
        interactive=False,
        show_search="search",
        max_chars=60,
        max_height=420,
        column_widths=["72px", "92px", "76px", "76px", "320px"],
        label="Items",
        show_label=False,
        buttons=[],
    )
