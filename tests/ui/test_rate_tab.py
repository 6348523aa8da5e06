"""The Rate tab says what a study is, hides answers while it is open, and trusts no text."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from chatui.errors import StudyNotOpen
from chatui.ui.state import Selection
from chatui.ui.tabs import rate as tab
from chatui.ui.tabs.rate import describe
from chatui.ui.tabs.rate.handlers import NOTHING_SHOWN, Handlers
from tests.rate.studies import HOSTILE, World, conversations, make_world
from tests.ui import fakes

SKIP = gr.skip()
SELECTED = Selection(tab="rate", run="r1")
STUDY_PARTS = ("choice", "design", "about", "job", "stop", "retry", "open", "counts", "raters")
STUDY_PARTS += ("here", "ask", "another")
RESULT_PARTS = ("result", "verdict", "findings", "csv", "jsonl")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path, test=conversations(12))
    yield made
    made.database.close()


@pytest.fixture
def handlers(world: World) -> Handlers:
    return Handlers(services(world))


def services(world: World) -> Any:
    return SimpleNamespace(studies=world.store, scores=SimpleNamespace(), jobs=world.jobs)


def started(world: World, handlers: Handlers, items: int = 6) -> tuple[Selection, Any]:
    world.make_replies()
    selected, links, planning = handlers.start_study(SELECTED, items, False, ())
    assert planning is False
    return selected, links


def look(handlers: Handlers, selected: Selection, links: Any = (), **more: Any) -> dict[str, Any]:
    shown = more.get("shown", NOTHING_SHOWN)
    answer = handlers.refresh(selected, shown, links, more.get("planning", False))
    return dict(zip(("keys", "links", *STUDY_PARTS, *RESULT_PARTS), answer, strict=True))


def rate_all(world: World, study: str, system: str = "tuned") -> None:
    rater = world.rater(study)
    for _ in range(world.store.view(study).items):
        world.prefer(rater, system)


def test_before_a_study_one_sentence_says_what_it_asks_and_what_it_can_show(world, handlers):
    world.make_replies()
    slider, sentence, start = handlers.plan(SELECTED, 20, True, False)

    assert (slider.maximum, slider.value) == (12, 12)
    assert "12 items" in sentence
    assert "fluency and helpfulness" in sentence
    assert "It can show a win rate of ." in sentence
    assert "This is a small study" in sentence
    assert start.interactive


def test_missing_replies_are_announced_before_the_start(world, handlers):
    assert "5 of these items lack a reply" in handlers.plan(SELECTED, 5, True, False)[1]


def test_without_a_run_the_tab_says_what_to_do(world, handlers):
    _, sentence, start = handlers.plan(Selection(tab="rate"), 5, True, False)

    assert "Train one first" in sentence
    assert not start.interactive


def test_a_run_that_goes_on_can_not_be_rated_and_the_tab_says_why(world, handlers):
    world.runs.adapter = None

    assert "r1 is running" in handlers.plan(SELECTED, 5, True, False)[1]


def test_start_study_opens_it_and_invites_the_first_rater(world, handlers):
    selected, links = started(world, handlers)

    assert selected.study == "t1"
    ((rater, token),) = links
    assert world.store.ballots.rater_of_token(token) == rater
    shown = look(handlers, selected, links)
    assert shown["open"].visible
    assert "Ratings 0 of 6" in shown["counts"]
    assert f'data-token="{token}"' in shown["raters"]


def test_a_study_starts_by_itself_when_its_replies_are_made(world, handlers, monkeypatch):
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    selected, links, _ = handlers.start_study(SELECTED, 4, False, ())
    assert links == ()
    shown = look(handlers, selected)
    assert "makes the replies" in shown["job"]
    assert shown["stop"].visible

    world.make_replies()
    folder = world.workspace.existing("studies", "t1")
    from chatui.jobs import Journal

    Journal(folder).append("finished")
    shown = look(handlers, selected)
    assert shown["open"].visible
    assert len(shown["links"]) == 1


def test_a_study_that_can_not_start_says_why(world, handlers, monkeypatch):
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    selected, *_ = handlers.start_study(SELECTED, 4, False, ())
    from chatui.jobs import Journal

    Journal(world.workspace.existing("studies", "t1")).append("finished")
    shown = look(handlers, selected)
    assert "not complete yet" in shown["about"]
    assert shown["another"].visible


def test_while_a_study_is_open_only_counts_are_seen(world, handlers):
    selected, links = started(world, handlers)
    rate_all(world, "t1")
    shown = look(handlers, selected, links)

    assert "Ratings 6 of 12" in shown["counts"]
    assert not shown["result"].visible
    html = shown["about"] + shown["counts"] + shown["raters"]
    assert "win rate of" in html  # what it can show, and not what it shows
    for secret in ("tuned", "better", "prefer"):
        assert secret not in html.replace("preference", "")


def test_nothing_is_drawn_anew_while_nothing_changes(world, handlers):
    selected, links = started(world, handlers)
    shown = look(handlers, selected, links)
    again = look(handlers, selected, links, shown=shown["keys"])

    assert all(part == SKIP for part in again.values())


def test_another_tab_costs_nothing(world, handlers):
    selected, links = started(world, handlers)

    assert all(part == SKIP for part in look(handlers, replace(selected, tab="data")).values())


def test_after_a_reload_a_link_is_not_known_and_can_be_made_anew(world, handlers):
    selected, ((rater, token),) = started(world, handlers)
    html = look(handlers, selected)["raters"]
    assert token not in html
    assert 'data-act="renew"' in html

    renewed = handlers.act_on_rater((), SimpleNamespace(_data={"act": "renew", "rater": rater}))
    assert world.store.ballots.rater_of_token(token) is None
    assert world.store.ballots.rater_of_token(renewed[-1][1]) == rater


def test_revoke_ends_a_link_and_add_rater_makes_one(world, handlers):
    selected, links = started(world, handlers)
    event = SimpleNamespace(_data={"act": "revoke", "rater": links[0][0]})

    assert handlers.act_on_rater(links, event) == ()
    assert world.store.ballots.rater_of_token(links[0][1]) is None
    assert len(handlers.add_rater(selected, links)) == 2
    assert "link revoked" in look(handlers, selected)["raters"]


def test_rate_here_opens_the_raters_page_as_the_owners_own_rater(world, handlers):
    selected, _ = started(world, handlers)
    frame, _, framed = handlers.rate_here(selected)

    assert '<iframe class="rate-frame"' in frame
    assert framed == "t1"
    assert [r.label for r in world.store.view("t1").raters] == ["R1", "You"]
    assert handlers.put_frame_away(selected, framed)[0] == SKIP
    assert handlers.put_frame_away(replace(selected, study="t2"), framed)[0] == ""


def test_closing_shows_the_verdict_the_bar_and_the_files(world, handlers):
    selected, links = started(world, handlers, items=12)
    rate_all(world, "t1")
    handlers.close_study(selected)
    shown = look(handlers, selected, links)

    assert shown["result"].visible
    assert "▲" in shown["verdict"]
    assert "tuned model better" in shown["verdict"]
    assert "tuned better 12" in shown["findings"]
    assert "One person rated" in shown["findings"]
    assert Path(shown["csv"].value["path"]).name == "t1-ratings.csv"
    assert not shown["open"].visible
    with pytest.raises(StudyNotOpen):
        handlers.add_rater(selected, links)


def test_scales_are_told_with_their_mean_and_counts(world, handlers):
    study = world.open_study(3)
    rater = world.rater(study)
    for tuned, base in ((5, 2), (4, 3), (5, 1)):
        world.prefer(rater, "tuned")
        world.grade(rater, tuned=tuned, base=base)
    world.store.close(study)
    html = describe.findings(world.store.view(study), world.store.result(study))

    assert "4.67 [4.00, 5.00]" in html
    assert "0 · 0 · 0 · 1 · 2" in html


def test_a_closed_study_without_ratings_says_so(world, handlers):
    selected, _ = started(world, handlers)
    handlers.close_study(selected)
    shown = look(handlers, selected)

    assert "Nobody has rated yet" in shown["verdict"]
    assert shown["findings"] == ""
    assert not shown["csv"].interactive


def test_another_study_can_be_planned_beside_the_first(world, handlers):
    selected, _ = started(world, handlers)
    handlers.close_study(selected)
    shown = look(handlers, selected, planning=True)

    assert shown["design"].visible
    assert not shown["result"].visible
    slider, _, start = handlers.plan(selected, 4, True, True)
    assert (slider.value, start.variant) == (4, "secondary")
    second, *_ = handlers.start_study(selected, 4, False, ())
    assert second.study == "t2"
    assert look(handlers, second)["choice"].visible


def test_hostile_names_stay_text():
    from chatui.rate.views import Plan

    plan = Plan(
        run=HOSTILE,
        dataset=HOSTILE,
        available=3,
        items=3,
        missing=0,
        smallest_win_rate=None,
        minutes=2,
    )
    html = describe.planned(plan, True)

    assert "<script" not in html
    assert "<img" not in html
    assert "too small to show any difference" in html


def test_the_tab_is_built_and_each_action_is_private(world):
    with gr.Blocks() as blocks:
        page = fakes.page(blocks, gr.Tabs())
        tab.build(services(world), page)

    assert len(blocks.fns) > 10
    assert {f.api_visibility for f in blocks.fns.values()} == {"private"}
    assert all(len(f.inputs) - len(f.input_keyword_names) <= 4 for f in blocks.fns.values())


def test_answers_are_erased_at_a_raters_wish_after_the_link_was_revoked(world, handlers):
    selected, links = started(world, handlers)
    rate_all(world, "t1")
    rater = world.store.view("t1").raters[1].id
    for act in ("revoke", "erase"):
        handlers.act_on_rater(links, SimpleNamespace(_data={"act": act, "rater": rater}))

    shown = look(handlers, selected, links)
    assert "answers erased" in shown["raters"]
    assert "Ratings 0 of 6" in shown["counts"]
