"""What a visitor must not lose, and what must not get in: jobs, files, selections, scripts."""

import json
import re
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_double_click_is_one_run_that_survives_a_reload_and_a_killed_app(open_page, server):
    page = open_page("/?tab=train")
    start = page.get_by_role("button", name="Start training", exact=True)
    expect(start).to_be_enabled()
    start.dblclick()
    _see(page, re.compile(r"step \d+ of \d+"), 60)

    page.reload()
    _see(page, re.compile(r"step \d+ of \d+"))
    worker = psutil.Process(json.loads(_run(server, "process.json"))["pid"])
    server.stop(kill=True)
    assert worker.is_running()
    server.start()

    again = open_page("/?tab=train")
    _see(again, re.compile(r"r1: step \d+ of \d+"))
    assert [p.name for p in (server.workspace / "runs").iterdir()] == ["r1"]
    again.get_by_role("button", name="Stop run", exact=True).click()
    again.get_by_role("button", name="Stop and keep", exact=True).click()
    _see(again, re.compile("r1 (was )?stopped"), 60)
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)

    resume = again.get_by_role("button", name=re.compile("^Resume"))
    resume.locator("visible=true").first.click()
    _see(again, re.compile("validation perplexity fell"), 600)
    kinds = [json.loads(line)["kind"] for line in _run(server, "events.jsonl").splitlines()]
    assert [k for k in kinds if k in ("started", "stopped", "resumed", "finished")] == [
        "started",
        "stopped",
        "resumed",
        "finished",
    ]


def test_a_file_that_is_no_data_gets_a_sentence_that_stays_and_nothing_is_saved(
    open_page, server, tmp_path
):
    picture = tmp_path / "cat.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    before = sorted((server.workspace / "datasets").iterdir())
    page = open_page()

    page.locator("input[type=file]").first.set_input_files(picture)

    alert = page.get_by_role("alert").filter(has_text="PNG")
    expect(alert.first).to_be_visible()
    assert sorted((server.workspace / "datasets").iterdir()) == before


def test_a_file_of_two_rows_becomes_a_version_and_train_says_that_it_is_too_small(
    open_page, server, tmp_path
):
    file = tmp_path / "tiny.jsonl"
    rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(2)]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    page = open_page()

    page.locator("input[type=file]").first.set_input_files(file)
    _see(page, "2 read = 2 kept + 0 removed")
    page.get_by_role("button", name="Save version", exact=True).click()
    page.wait_for_url(re.compile("dataset=tiny-v1"))
    page.get_by_role("tab", name="2 Train").click()

    _see(page, re.compile("at least 8 are needed"))
    assert (server.workspace / "datasets/tiny-v1/manifest.json").exists()


def test_scripts_in_a_dataset_stay_texts_on_every_tab(open_page, tmp_path):
    file = tmp_path / "evil.csv"
    evil = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    lines = [f'"question {n} {evil}","answer {n} {evil}"' for n in range(12)]
    file.write_text("\n".join(["user,agent", *lines]))
    page = open_page()

    page.locator("input[type=file]").first.set_input_files(file)
    _see(page, re.compile("12 read"))
    page.get_by_role("checkbox", name=re.compile("^Remove HTML")).uncheck()
    _see(page, re.compile("question 0 <img"))
    page.get_by_role("button", name="Save version", exact=True).click()
    page.wait_for_url(re.compile("dataset=evil-v1"))
    for name in ("2 Train", "3 Score", "4 Rate", "5 Chat", "1 Data"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")

    assert page.evaluate("window.hacked") is None


def test_two_visitors_have_selections_of_their_own(open_page):
    one, two = open_page("/?tab=data&dataset=tiny-v1"), open_page("/?tab=train")

    one.get_by_role("tab", name="2 Train").click()

    expect(one.locator("#chatui-strip")).to_contain_text("tiny")
    expect(two.locator("#chatui-strip")).not_to_contain_text("tiny-v1")


def _run(server, name: str) -> str:
    return Path(server.workspace / "runs/r1" / name).read_text()


def _see(page: Page, text: str | re.Pattern[str], seconds: float = 30) -> None:
    found = page.get_by_text(text).locator("visible=true").first
    expect(found).to_be_visible(timeout=seconds * 1000)
