"""The Data tab in a real browser: a file is mapped, mended by hand, saved and taken away."""

import io
import json
import re
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = [1280, 390]
SAMPLE = "/?tab=data&dataset=sample-support-v1"  # whatever was saved before


class Room:
    """A visitor of the Data tab."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def drop(self, file: Path) -> None:
        self.page.locator("#data-file input[type=file]").set_input_files(file)

    def see(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_text(text).locator("visible=true").first).to_be_visible()

    def press(self, id_: str) -> None:
        button = self.page.locator(f"#{id_}")
        expect(button).to_be_enabled()
        button.click()

    def choose(self, id_: str, text: str) -> None:
        field = self.page.locator(f"#{id_} input")
        field.click()
        field.fill(text)
        field.press("Enter")

    def unfold(self, id_: str) -> Locator:
        box = self.page.locator(f"#{id_}")
        box.locator("button").first.click()
        return box

    def account(self, text: str) -> None:
        expect(self.page.locator("#data-account")).to_contain_text(text)

    def is_narrow_enough(self, width: int) -> None:
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width


def dirty_csv(path: Path) -> Path:
    lines = ["frage,antwort,wann"]
    lines += [f'"Wie geht Ding {n}?","<b>So</b> geht Ding {n}.",{n}' for n in range(20)]
    lines += ["Wie geht Ding 3?,So geht Ding 3.,20", "Und das?, ,21"]
    path.write_text("\n".join(lines) + "\n", encoding="cp1252")
    return path


def two_sheets(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Chats"
    for line in [("frage", "antwort", "wann"), *((f"Wie {n}?", f"So {n}.", n) for n in range(22))]:
        book.active.append(line)
    book.create_sheet("Notes").append(("nothing", "here"))
    out = io.BytesIO()
    book.save(out)
    path.write_bytes(out.getvalue())
    return path


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("make", "name", "kept"), [(dirty_csv, "dirty.csv", 20), (two_sheets, "sheets.xlsx", 22)]
)
def test_a_file_is_mapped_mended_by_hand_saved_and_taken_away(
    open_page, photograph, server, tmp_path, width, make, name, kept
):
    room = Room(open_page(width=width))
    dataset = f"{width}-{name.split('.')[0]}-v1"

    room.drop(make(tmp_path / f"{width}-{name}"))
    room.see(re.compile("not clear which column"))
    room.choose("column-user", "frage")
    room.choose("column-assistant", "antwort")
    room.account(f"22 read = {kept} kept + {22 - kept} removed")
    if make is two_sheets:
        room.see(re.compile("The sheet 'Chats' was read, 'Notes' was not"))
    _edit_the_first_row(room)
    _leave_the_second_out(room, kept)
    photograph(room.page, f"data-room-{name.split('.')[1]}-{width}")
    room.is_narrow_enough(width)
    room.press("save-version")
    room.page.wait_for_url(re.compile(f"dataset={dataset}"))
    rows = _downloaded(room, dataset, kept - 1)
    recipe = json.loads((server.workspace / "datasets" / dataset / "recipe.json").read_text())

    assert rows[0]["messages"][-1]["content"] == "Anders als gedacht."
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    assert [edit["row"] for edit in recipe["edits"]] == [1, 2]
    assert recipe["edits"][1] == {"row": 2, "excluded": True}


def _edit_the_first_row(room: Room) -> None:
    room.press("row-edit")
    box = room.page.locator("#row-editor textarea").last
    box.fill(" ")
    room.press("save-row")
    room.see(re.compile("the reply is blank"))
    box.fill("Anders als gedacht.")
    room.press("save-row")
    expect(room.page.locator("#data-preview")).to_contain_text("Edited by hand")
    expect(room.page.locator("#data-preview ins").last).to_be_visible()
    expect(room.page.locator("#row-editor")).to_have_count(0)


def _leave_the_second_out(room: Room, kept: int) -> None:
    """Leave it out, bring it back, and take that back again."""
    room.press("data-next")
    expect(room.page.locator("#data-row input")).to_have_value("2")
    room.press("row-leave")
    room.account(f"= {kept - 1} kept")
    expect(room.page.locator("#row-leave")).to_have_text("Bring back")
    room.press("row-leave")
    room.account(f"= {kept} kept")
    room.press("row-undo")
    room.account(f"= {kept - 1} kept")


def _downloaded(room: Room, dataset: str, count: int) -> list[dict]:
    room.unfold("data-download")
    link = room.page.locator("#download-version")
    expect(link).to_contain_text(f"Download {count} conversations")
    with room.page.expect_download() as taken:
        link.click()
    assert taken.value.suggested_filename == f"{dataset}.jsonl"
    rows = [json.loads(line) for line in Path(taken.value.path()).read_text().splitlines()]
    assert len(rows) == count
    return rows


@pytest.mark.parametrize("width", WIDTHS)
def test_a_recipe_goes_out_and_comes_in_and_undo_takes_it_back(open_page, tmp_path, width):
    room = Room(open_page(SAMPLE, width=width))
    room.account("544 read = 522 kept + 22 removed")
    room.page.locator("#step-duplicates input").uncheck()
    room.account("534 kept + 10 removed")
    box = room.unfold("data-recipe")
    with room.page.expect_download() as taken:
        room.press("download-recipe")
    taken.value.save_as(tmp_path / "recipe.json")
    room.press("row-undo")
    room.account("522 kept + 22 removed")

    box.locator("input[type=file]").set_input_files(tmp_path / "recipe.json")

    room.see(re.compile("The recipe is in use"))
    room.account("534 kept + 10 removed")
    expect(room.page.locator("#step-duplicates input")).not_to_be_checked()
    room.press("row-undo")
    room.account("522 kept + 22 removed")
    expect(room.page.locator("#step-duplicates input")).to_be_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_in_it_is_drawn_with_titles_and_tables(open_page, photograph, width, scheme):
    room = Room(open_page(SAMPLE, width=width, scheme=scheme))
    box = room.unfold("data-measured")

    expect(box).to_contain_text("All 522 conversations were counted as Starter reads them.")
    drawings = box.locator("svg[role=img]")
    assert drawings.count() >= 3
    assert all(svg.locator("title").count() for svg in drawings.all())
    expect(box.get_by_text("Show as table")).to_have_count(drawings.count())
    photograph(room.page, f"data-measured-{width}-{scheme}")
    room.is_narrow_enough(width)


def test_targets_of_the_row_are_large_enough_for_a_finger(open_page):
    room = Room(open_page(SAMPLE, width=390))
    room.account("544 read")
    for id_ in ("row-edit", "row-leave", "row-flag", "row-undo", "row-redo", "data-next"):
        box = room.page.locator(f"#{id_}").bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["width"] >= 44


def test_scripts_stay_texts_in_the_form_and_in_the_tables(open_page, tmp_path):
    evil = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    file = tmp_path / "evil-form.csv"
    lines = [f'"`{evil}` {n}","`{evil}` {n}","{evil}"' for n in range(12)]
    file.write_text("\n".join(["user,agent,label", *lines]))
    room = Room(open_page())

    room.drop(file)
    room.account("12 read")
    room.unfold("data-measured")
    room.see("Show 1 labels")
    room.press("row-edit")
    room.page.locator("#row-editor textarea").last.fill(evil)
    room.press("save-row")
    expect(room.page.locator("#data-preview")).to_contain_text("Edited by hand")

    assert room.page.evaluate("window.hacked") is None
