"""The fold "Balance, mix, augment" in a real browser: opened, looked at, and a version made."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("width", [1280, 390])
def test_labels_are_capped_by_clicking(open_page, photograph, width):
    page = open_page(width=width)
    fold = page.locator("#data-mixing")
    fold.get_by_role("button", name="Balance, mix, augment").click()
    expect(fold.locator("#label-bars strong")).to_be_visible()
    expect(fold.get_by_role("button", name="Add back-translations")).to_be_disabled()
    expect(fold.get_by_text("Looked in")).to_be_visible()

    fold.get_by_role("button", name="Show typing errors").click()
    expect(fold.get_by_text(re.compile(r"\d+ rows more for \d+ training rows"))).to_be_visible()
    fold.get_by_label("Cap", exact=True).fill("4")
    fold.get_by_role("button", name="Show what is dropped").click()
    expect(fold.get_by_text(re.compile("training rows are left out"))).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    photograph(page, f"mixing-{width}")

    fold.get_by_role("button", name="Save balanced version").click()
    expect(page.get_by_text(re.compile(r"is saved as sample-support-v\d"))).to_be_visible()
    expect(fold.locator("#label-bars strong")).to_be_hidden()
    assert wide <= 0
