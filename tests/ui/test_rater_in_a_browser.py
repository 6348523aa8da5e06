"""A rater with a real browser: keys, taps, scales, and texts that would like to be scripts."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

from chatui.database import RatingRow
from chatui.ui.guest.rater import build_rater_page
from chatui.ui.theme import HEAD, theme
from tests.conftest import wait_until
from tests.rate.studies import HOSTILE, World, conversations, make_world

pytestmark = pytest.mark.browser
SETTLED = 700  # milliseconds; taps are ignored for 600 after a new item


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    trap = HOSTILE + " {{value}} ${alert(1)}"
    made = make_world(tmp_path, test=conversations(3, trap + " {}"))
    yield made
    made.database.close()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    """The raters' page on a port of its own, behind a door like the server's."""
    app = FastAPI()

    @app.get("/open/{token}")
    def open_link(token: str) -> RedirectResponse:
        response = RedirectResponse("/rate/", 303)
        response.set_cookie("rater", token, path="/rate")
        return response

    def who(request: Request) -> str | None:
        return world.store.ballots.rater_of_token(request.cookies.get("rater", ""))

    blocks = build_rater_page(SimpleNamespace(studies=world.store))  # type: ignore[arg-type]
    looks = {"theme": theme(), "head": HEAD, "ssr_mode": False, "footer_links": []}
    gr.mount_gradio_app(app, blocks, "/rate", auth_dependency=who, **looks)  # type: ignore[arg-type]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the raters' page is up")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def page() -> Iterator[Page]:
    system = Path("/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(system) if system.exists() else None, args=["--no-sandbox"]
        )
        opened = browser.new_page(viewport={"width": 360, "height": 740})
        opened.set_default_timeout(15_000)
        yield opened
        browser.close()


def saved(world: World) -> list[tuple[str, str, str | None]]:
    with world.database.reading() as session:
        rows = session.scalars(select(RatingRow).order_by(RatingRow.id))
        return [(row.criterion, row.reply, row.value) for row in rows]


def begin(page: Page, address: str, token: str) -> None:
    page.goto(f"{address}/open/{token}")
    page.get_by_role("button", name="I agree").click()
    page.get_by_role("button", name="Show the first item").click()
    page.get_by_role("heading", name="Item 1 of 3").wait_for()
    page.wait_for_timeout(SETTLED)


def test_a_rater_answers_with_thumbs_and_keys_on_a_small_phone(
    world: World, address: str, page: Page
):
    token = world.store.raters.invite(world.open_study(3)).token
    begin(page, address, token)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    low = page.get_by_role("button", name="Both bad").bounding_box()
    assert low["height"] >= 48
    page.get_by_role("button", name="Both bad").dblclick()
    page.get_by_role("button", name="Save and go on").wait_for()
    assert saved(world) == [("preference", "pair", "both_bad")]

    page.get_by_role("radiogroup", name="Reply A, fluency").get_by_text("4").click()
    page.get_by_role("radiogroup", name="Reply B, fluency").get_by_text("2").click()
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("heading", name="Item 2 of 3").wait_for()
    wait_until(lambda: len(saved(world)) == 5)
    page.keyboard.press("1")  # meant for the item before: it is not taken
    page.wait_for_timeout(SETTLED)
    assert len(saved(world)) == 5

    page.keyboard.press("2")
    page.get_by_role("button", name="Save and go on").wait_for()
    assert saved(world)[-1] == ("preference", "pair", "b")
    assert page.locator(".rater-marks input:checked").count() == 0
    page.keyboard.press("u")
    page.get_by_role("button", name="A is better").wait_for()
    assert saved(world)[-1] == ("preference", "pair", None)


def test_keys_can_be_switched_off_and_do_nothing_in_a_text(world: World, address: str, page: Page):
    token = world.store.raters.invite(world.open_study(3, scales=False)).token
    begin(page, address, token)
    page.get_by_text("Say why (optional)").click()
    page.get_by_label("Your reason").press_sequentially("1 2 u")
    assert saved(world) == []

    page.get_by_label("Answer with the keys").uncheck()
    page.locator("h1").click()
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    assert saved(world) == []
    page.get_by_role("button", name="A is better").click()
    page.get_by_role("heading", name="Item 2 of 3").wait_for()
    with world.database.reading() as session:
        assert session.scalars(select(RatingRow)).one().reason == "1 2 u"


def test_texts_that_would_be_scripts_or_templates_are_shown_as_written(
    world: World, address: str, page: Page
):
    token = world.store.raters.invite(world.open_study(3, scales=False)).token
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    begin(page, address, token)

    shown = page.locator(".rater-item").inner_text()
    assert HOSTILE in shown
    assert "{{value}} ${alert(1)}" in shown
    assert page.title() == "Compare replies"
    assert page.locator(".rater-item img, .rater-item script").count() == 0
    assert alerts == []


def test_the_same_link_leads_on_where_the_rater_stopped(world: World, address: str, page: Page):
    token = world.store.raters.invite(world.open_study(3, scales=False)).token
    begin(page, address, token)
    page.keyboard.press("3")
    page.get_by_role("heading", name="Item 2 of 3").wait_for()
    started = time.monotonic()
    page.goto(f"{address}/open/{token}")

    page.get_by_role("heading", name="Item 2 of 3").wait_for()
    page.get_by_text("Saved 1 of 3").wait_for()
    assert time.monotonic() - started < 10
