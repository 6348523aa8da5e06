"""The road in a real browser: data, train, score, rate, chat, on the sample, by clicking."""

import re
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.conftest import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STAGES = ("data", "train", "score", "rate", "chat")
MAIN_BUTTONS = {
    "data": "Save version",
    "train": "Start training",
    "score": "Start scoring",
    "rate": "Add rater",
    "chat": "Send",
}
MOST_CLICKS = 14  # twelve for the road, and consent and instructions of the raters' page


class Road:
    """A visitor who clicks, and counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, name: str, seconds: float = 30, where: Page | FrameLocator | None = None):
        button = (where or self.page).get_by_role("button", name=name, exact=True)
        button = button.locator("visible=true").first
        expect(button).to_be_enabled(timeout=seconds * 1000)
        button.click()
        self.clicks += 1

    def see(self, text: str | re.Pattern[str], seconds: float = 30) -> None:
        found = self.page.get_by_text(text).locator("visible=true").first
        expect(found).to_be_visible(timeout=seconds * 1000)


def test_a_newcomer_walks_the_whole_road_by_clicking(open_page, photograph, server):
    page = open_page()
    road = Road(page)

    road.see(re.compile(r"\d+ read = \d+ kept \+ \d+ removed"))
    photograph(page, "data")
    road.click("Go to Train")  # the sample is a saved version from the start

    road.click("Start training")
    road.see(re.compile(r"step \d+ of \d+"), 60)
    road.click("Go to Score", 600)
    page.wait_for_url(re.compile("tab=score"))
    _open(page, "train")
    road.see(re.compile("validation perplexity fell"))
    photograph(page, "train")
    _open(page, "score")

    road.click("Start scoring")
    road.see(re.compile(r"n = \d+\."), 180)
    photograph(page, "score")
    road.click("Go to Rate", 60)

    road.click("Start study", 60)
    road.click("Rate here", 60)
    _rate_one(road)
    photograph(page, "rate")
    road.click("Go to Chat")

    road.click("Ask a test question", 60)
    road.click("Good reply", 120)
    road.see(re.compile("[Ss]aved|[Tt]hank"))
    page.evaluate("window.scrollTo(0, 0)")
    photograph(page, "chat")

    assert road.clicks <= MOST_CLICKS
    assert (server.workspace / "datasets").exists()


def test_a_reload_lands_in_the_same_place(open_page):
    page = open_page()
    _open(page, "score")
    page.wait_for_url(re.compile("tab=score"))

    page.reload()

    tab = page.get_by_role("tab", name="3 Score")
    expect(tab).to_have_attribute("aria-selected", "true")
    assert parse_qs(urlparse(page.url).query)["run"] == ["r1"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_tab_scrolls_sideways_and_at_most_one_button_is_filled(
    open_page, photograph, width, scheme
):
    page = open_page(width=width, scheme=scheme)
    for stage in STAGES:
        _open(page, stage)
        button = page.get_by_role("button", name=MAIN_BUTTONS[stage], exact=True)
        expect(button.locator("visible=true").first).to_be_visible()
        # A tab that has just been opened may still be told what there is to show.
        filled = page.locator("button.primary:visible:not([disabled])")
        wait_until(lambda f=filled: f.count() <= 1, 10, f"{stage} has one filled button at most")
        photograph(page, f"{stage}-{width}-{scheme}")

        assert page.evaluate("document.documentElement.scrollWidth") <= width, stage


def _rate_one(road: Road) -> None:
    frame = road.page.frame_locator("iframe")
    for _ in range(2):  # consent, instructions
        frame.get_by_role("button").locator("visible=true").first.click()
        road.clicks += 1
    road.click("A is better", 60, frame)
    expect(frame.get_by_text(re.compile(r"Saved 1 of \d+")).first).to_be_visible()


def _open(page: Page, stage: str) -> None:
    number = STAGES.index(stage) + 1
    page.get_by_role("tab", name=f"{number} {stage.capitalize()}").click()
    page.wait_for_url(re.compile(f"tab={stage}"))
