"""The Rate tab: which replies do people prefer when they can't see whose they are?"""

from pathlib import Path
from typing import Any

import gradio as gr

from chatui.services import Services
from chatui.ui.errors import shows_errors
from chatui.ui.state import QUIET, Page
from chatui.ui.tabs.rate.handlers import NOTHING_SHOWN, Handlers

_CSS = (Path(__file__).parent / "rate.css").read_text(encoding="utf-8")
_ONCE: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
# The table of raters is redrawn as they go on, so its buttons say what they do by themselves.
# Without a secure address there is no clipboard: then the link is shown to be copied by hand.
_ACT = """
element.addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  if (button.dataset.ask && !window.confirm(button.dataset.ask)) return;
  if (button.dataset.act !== 'copy') return trigger('click', {...button.dataset});
  const link = new URL('open/' + button.dataset.token, document.baseURI).href;
  try {
    await navigator.clipboard.writeText(link);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy link'; }, 2000);
  } catch {
    window.prompt('Copy this link:', link);
  }
});
"""


def build(services: Services, page: Page) -> None:
    """Design a study, invite raters, watch counts, close it, read what they said."""
    gr.HTML(f"<style>{_CSS}</style>", visible="hidden")
    shown, links, planning = gr.State(NOTHING_SHOWN), gr.State(()), gr.State(False)
    framed = gr.State("")  # the study whose raters' page is open in the frame
    study = gr.Dropdown(label="Study", info="The studies of this run.", visible=False)
    with gr.Column() as design, gr.Row():
        with gr.Column(scale=1):
            items = gr.Slider(
                1,
                20,
                value=20,
                step=1,
                label="Items",
                info="Test items that each rater sees.",
                elem_id="rate-items",
            )
            scales = gr.Checkbox(
                True,
                label="Ask for fluency and helpfulness too",
                info="From 1 to 5 for each reply, after the preference.",
            )
        with gr.Column(scale=2):
            planned = gr.HTML()
            start = gr.Button(
                "Start study", variant="primary", interactive=False, elem_id="start-study"
            )
    with gr.Column(visible=False) as result:
        verdict, findings = gr.HTML(), gr.HTML(elem_id="rate-findings")
        with gr.Row(elem_classes="chatui-stays"):
            csv = gr.DownloadButton("Download CSV", scale=0, min_width=190)
            jsonl = gr.DownloadButton("Download JSONL", scale=0, min_width=190)
    about, job = gr.HTML(), gr.HTML()
    with gr.Row(elem_classes="chatui-stays"):
        stop = gr.Button("Stop making replies", visible=False, scale=0, min_width=250)
        retry = gr.Button("Go on making replies", visible=False, scale=0, min_width=250)
        another = gr.Button("Plan another study", visible=False, scale=0, min_width=250)
    with gr.Column(visible=False) as running, gr.Row():
        with gr.Column(scale=1, min_width=300):
            counts, raters = gr.HTML(), gr.HTML(js_on_load=_ACT, elem_id="rate-raters")
            with gr.Row(elem_classes="chatui-stays"):
                add = gr.Button("Add rater", scale=0, min_width=140)
                close = gr.Button("Close study", scale=0, min_width=160)
            with gr.Column(visible=False, elem_classes="chatui-card") as ask:
                gr.HTML(
                    "<b>Close this study?</b> Closing shows which model wrote what and refuses "
                    "later ratings. It can't be opened again."
                )
                with gr.Row(elem_classes="chatui-stays"):
                    really = gr.Button("Close it", variant="stop", scale=0, min_width=110)
                    keep = gr.Button("Keep it open", scale=0, min_width=170)
        with gr.Column(scale=1, min_width=300):
            here = gr.Button("Rate here", elem_id="rate-here")
            frame = gr.HTML()

    handlers = Handlers(services)
    closing = really.click(
        shows_errors(handlers.close_study), page.selection, [ask, frame], **_ONCE
    )
    look = page.looks["rate"].change
    watched = [page.selection, shown, links, planning]
    drawn = [shown, links, study, design, about, job, stop, retry, running, counts, raters, here]
    drawn += [ask, another, result, verdict, findings, csv, jsonl]
    changes = [look, links.change, planning.change]
    gr.on(changes, handlers.refresh, watched, drawn, **QUIET)
    closing.success(handlers.refresh, watched, drawn, **QUIET)
    gr.on(
        [look, items.change, scales.change, planning.change],
        handlers.plan,
        [page.selection, items, scales, planning],
        [items, planned, start],
        **QUIET,
    )
    start.click(
        shows_errors(handlers.start_study),
        [page.selection, items, scales, links],
        [page.selection, links, planning],
        **_ONCE,
    )
    study.input(handlers.pick_study, [page.selection, study], [page.selection, planning], **QUIET)
    another.click(lambda is_planning: not is_planning, planning, planning, **_ONCE)
    stop.click(shows_errors(handlers.stop), page.selection, **_ONCE)
    retry.click(shows_errors(handlers.retry), page.selection, **_ONCE)
    add.click(shows_errors(handlers.add_rater), [page.selection, links], links, **_ONCE)
    raters.click(shows_errors(handlers.act_on_rater), links, links, **QUIET)
    framing = [frame, here, framed]
    here.click(shows_errors(handlers.rate_here), page.selection, framing, **_ONCE)
    page.selection.change(handlers.put_frame_away, [page.selection, framed], framing, **QUIET)
    close.click(lambda: gr.Column(visible=True), None, ask, **_ONCE)
    keep.click(lambda: gr.Column(visible=False), None, ask, **_ONCE)
