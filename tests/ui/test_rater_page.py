"""The raters' page: one view at a time, nothing of the owner, nothing that tells who said what."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from chatui.ui.guest.rater import _Page, build_rater_page
from tests.rate.studies import HOSTILE, World, conversations, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path, test=[*conversations(2), *conversations(1, HOSTILE + " {}")])
    yield made
    made.database.close()


class Visitor:
    """One rater in front of the page."""

    def __init__(self, world: World, study: str) -> None:
        self.world = world
        self.rater = world.store.raters.invite(study).rater
        self.request: Any = SimpleNamespace(username=self.rater)
        with gr.Blocks():
            self.page = _Page(world.store.ballots)
            self.page.lay_out()
        self.seat: Any = None

    def does(self, updates: dict[Any, Any]) -> dict[Any, Any]:
        """Take in an answer of the page; what it shows is returned."""
        self.seat = updates.get(self.page.seat, self.seat)
        return updates

    def choose(self, value: str, reason: str = "") -> dict[Any, Any]:
        return self.does(self.page.choose(value)(self.seat, reason, self.request))

    def begin(self) -> dict[Any, Any]:
        self.does(self.page.open(self.request))
        self.does(self.page.consent(self.request))
        return self.does(self.page.open_item(self.request))


def visible(updates: dict[Any, Any], component: Any) -> bool:
    update = updates[component]
    return bool(update["visible"] if isinstance(update, dict) else update.visible)


def test_consent_comes_first_then_instructions_then_an_item(world: World):
    visitor = Visitor(world, world.open_study(3))
    page = visitor.page

    opened = page.open(visitor.request)
    assert "Your answers and the time they take are stored" in opened[page.text]
    assert visible(opened, page.agree)
    told = page.consent(visitor.request)
    assert "How it works" in told[page.text]
    assert "fluency and helpfulness" in told[page.text]
    shown = page.open_item(visitor.request)
    assert "Item 1 of 3" in shown[page.text]
    assert visible(shown, page.answers)
    assert not visible(shown, page.scales)


def test_a_tap_saves_at_once_and_shows_the_scales_of_the_same_item(world: World):
    visitor = Visitor(world, world.open_study(3))
    visitor.begin()
    item = visitor.seat.item
    shown = visitor.choose("a", "because")

    assert world.store.ballots.visit(visitor.rater).progress.done == 1
    assert visitor.seat.item == item
    assert visible(shown, visitor.page.scales)
    assert "Saved 1 of 3" in shown[visitor.page.saved]
    assert shown[visitor.page.reason] == ""


def test_numbers_are_saved_and_put_away_before_the_next_item(world: World):
    visitor = Visitor(world, world.open_study(3))
    page = visitor.page
    visitor.begin()
    visitor.choose("a")
    shown = visitor.does(
        page.save_scales(visitor.seat, visitor.request, fluency_a="4", helpfulness_b="2")
    )

    assert "Item 2 of 3" in shown[page.text]
    emptied = [shown[marks] for marks in page.marks.values()]
    assert all(update["value"] is None for update in emptied)
    # Gradio empties an update that it has applied: one shared by two radios resets only the first.
    assert len({id(update) for update in emptied}) == len(emptied)


def test_undo_shows_the_last_answer_again(world: World):
    visitor = Visitor(world, world.open_study(3, scales=False))
    page = visitor.page
    visitor.begin()
    first = visitor.seat.item
    visitor.choose("both_bad")
    shown = visitor.does(page.take_back(visitor.seat, visitor.request))

    assert visitor.seat.item == first
    assert "Nothing saved yet" in shown[page.saved]
    assert not shown[page.undo].interactive


def test_a_pause_and_the_same_link_lead_back_to_the_same_item(world: World):
    visitor = Visitor(world, world.open_study(3))
    visitor.begin()
    item = visitor.seat.item

    assert "Paused" in visitor.page.rest(visitor.request)[visitor.page.text]
    assert visitor.page.open(visitor.request)[visitor.page.seat].item == item


def test_at_the_end_there_are_thanks_and_still_undo(world: World):
    visitor = Visitor(world, world.open_study(1, scales=False))
    visitor.begin()
    shown = visitor.choose("a")

    assert "Thank you" in shown[visitor.page.text]
    assert not visible(shown, visitor.page.answers)
    again = visitor.does(visitor.page.take_back(visitor.seat, visitor.request))
    assert "Item 1 of 1" in again[visitor.page.text]


def test_a_study_closed_meanwhile_says_so_and_what_was_saved(world: World):
    study = world.open_study(3, scales=False)
    visitor = Visitor(world, study)
    visitor.begin()
    visitor.choose("a")
    world.store.close(study)
    shown = visitor.choose("b")

    assert "This study is closed" in shown[visitor.page.text]
    assert "Your 1 answer was saved" in shown[visitor.page.text]
    assert world.store.result(study).n == 1


def test_a_page_opened_as_somebody_else_saves_nothing(world: World):
    study = world.open_study(3)
    visitor = Visitor(world, study)
    visitor.begin()
    visitor.request = SimpleNamespace(username=world.rater(study))

    with pytest.raises(gr.Error, match="Another link was opened"):
        visitor.choose("a")


def test_hostile_replies_and_questions_stay_text(world: World):
    visitor = Visitor(world, world.open_study(3, scales=False))
    shown = [visitor.begin(), visitor.choose("a"), visitor.choose("a")]
    html = "".join(each[visitor.page.text] for each in shown)

    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<img" not in html


def test_what_is_sent_names_no_system_and_no_run(world: World):
    visitor = Visitor(world, world.open_study(3))
    shown = visitor.begin()
    sent = str({k: v for k, v in shown.items() if k is not visitor.page.seat})
    for reply in ("base says", "tuned says"):
        assert reply in sent  # the texts themselves are the model's
        sent = sent.replace(reply, "")

    for secret in ("base", "tuned", "r1", "support"):
        assert secret not in sent


def test_the_page_has_only_its_own_private_endpoints_and_no_word_of_a_study(world: World):
    world.open_study(3)
    blocks = build_rater_page(SimpleNamespace(studies=world.store))  # type: ignore[arg-type]

    assert {f.api_visibility for f in blocks.fns.values()} == {"private"}
    config = str(blocks.get_config_file())
    for secret in ("tuned", "r1", "support-v1", "start_study", "How do I do"):
        assert secret not in config
