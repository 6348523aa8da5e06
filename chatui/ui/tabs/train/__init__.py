"""The Train tab: choose a version and a base model, start a run, watch it learn."""

from pathlib import Path

import gradio as gr

from chatui.services import Services
from chatui.ui.state import Page
from chatui.ui.tabs.train.plan_panel import build_plan
from chatui.ui.tabs.train.run_panel import build_run
from chatui.ui.tabs.train.search_panel import build_search

_CSS = (Path(__file__).parent / "train.css").read_text(encoding="utf-8")


def build(services: Services, page: Page) -> None:
    """The plan on the left, the run on the right, and below both the search for better plans."""
    gr.HTML(f"<style>{_CSS}</style>", visible="hidden")
    with gr.Row():
        with gr.Column(scale=5):
            plan = build_plan(services, page)
        with gr.Column(scale=6):
            build_run(services, page, plan)
    build_search(services, page, plan)
