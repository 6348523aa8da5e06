import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from chatui.ui.app import _Surroundings, build_app
from chatui.ui.guest.rater import build_rater_page
from chatui.ui.state import TABS, Selection
from tests.ui import fakes

PUBLIC_ENDPOINTS = {"start_run", "start_score", "save_version", "chat_reply"}
HEAVY = {"torch", "transformers", "peft", "bitsandbytes", "evaluate", "datasets", "sacrebleu"}


@pytest.fixture(scope="module")
def app(real_services):
    return build_app(real_services)


def test_the_page_has_five_tabs_in_the_order_of_the_road(app):
    tabs = [block for block in app.blocks.values() if block.get_block_name() == "tabitem"]

    assert [(tab.id, tab.label) for tab in tabs if tab.id in TABS] == [
        ("data", "1 Data"),
        ("train", "2 Train"),
        ("score", "3 Score"),
        ("rate", "4 Rate"),
        ("chat", "5 Chat"),
    ]


def test_only_the_endpoints_that_are_meant_are_public(app):
    public = {f.api_name for f in app.fns.values() if f.api_visibility == "public"}

    assert public == PUBLIC_ENDPOINTS


def test_the_raters_page_has_no_public_endpoint(real_services):
    page = build_rater_page(real_services)

    assert [f.api_name for f in page.fns.values() if f.api_visibility == "public"] == []


def test_no_handler_takes_more_than_four_inputs_by_position(app):
    many = {
        f.name: len(f.inputs) - len(f.input_keyword_names)
        for f in app.fns.values()
        if len(f.inputs) - len(f.input_keyword_names) > 4
    }

    assert many == {}


def test_there_is_one_timer(app):
    timers = [block for block in app.blocks.values() if block.get_block_name() == "timer"]

    assert [timer.value for timer in timers] == [2]


def test_the_page_is_built_without_the_libraries_of_models(tmp_path):
    program = f"""
import sys
from pathlib import Path
from chatui.settings import Settings, quiet_environment
quiet_environment()
from chatui.services import Services
from chatui.ui.server import build_server
settings = Settings(workspace=Path({str(tmp_path)!r}))
build_server(Services.open(settings), settings)
print(sorted({HEAVY!r} & set(sys.modules)))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )

    assert ran.stdout.strip() == "[]"


def test_news_between_saving_a_version_and_settling_on_it_do_not_take_it_back():
    surroundings = _Surroundings(fakes.two_chains())
    before = Selection("data", "support-v1", "r1", "s1", "t1")
    saved = replace(before, dataset="support-v2")

    selected, settled, *_ = surroundings.notice(saved, before, "", "news")

    assert selected == settled == Selection("data", "support-v2", "r3")


def test_a_tick_without_news_writes_nothing(real_services):
    surroundings = _Surroundings(real_services)
    news = surroundings.tick("")

    assert isinstance(news, str)
    assert surroundings.tick(news) == gr.skip()


def test_news_that_change_nothing_around_the_tabs_draw_the_open_tab_alone():
    surroundings = _Surroundings(fakes.two_chains())
    now = Selection("train", "support-v2", "r3")
    _, _, shown, _strip, _reason, _button, *_looks = surroundings.notice(now, now, "", "old")

    *around, data, train, score, rate, chat = surroundings.notice(now, now, shown, "new")

    assert all(change == gr.skip() for change in (*around, data, score, rate, chat))
    assert train != gr.skip()


def test_a_tab_that_is_opened_is_drawn_only_if_something_has_changed_since():
    surroundings = _Surroundings(fakes.two_chains())
    now = Selection("train", "support-v2", "r3")

    looks = [surroundings.settle(now, now, news)[-4] for news in ("old", "old", "new")]

    assert looks[0] == looks[1] != looks[2]


def test_a_tab_is_drawn_as_soon_as_it_is_opened():
    surroundings = _Surroundings(fakes.two_chains())
    now = Selection("data", "support-v2", "r3")
    event = SimpleNamespace(index=TABS.index("chat"))

    opened, settled, *looks = surroundings.open_tab(now, now, "news", event)

    assert opened == settled == replace(now, tab="chat")
    assert [stage for stage, one in zip(TABS, looks, strict=True) if one != gr.skip()] == ["chat"]
    assert surroundings.settle(opened, settled, "news")[-1] == looks[-1]  # and not a second time


def test_nothing_but_the_clock_asks_while_nothing_happens(app):
    """A listener costs the browser time for each output, and one asks every two seconds."""
    ticking = [f for f in app.fns.values() if any(event == "tick" for _, event in f.targets)]

    assert [(f.name, len(f.outputs)) for f in ticking] == [("tick", 1)]
