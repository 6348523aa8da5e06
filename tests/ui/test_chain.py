from dataclasses import replace

import pytest

from chatui.ui import chain
from chatui.ui.state import Selection
from tests.ui import fakes

R1 = Selection("score", "support-v1", "r1", "s1", "t1")


@pytest.fixture
def services():
    return fakes.two_chains()


def test_without_an_address_the_newest_run_leads(services):
    assert chain.newest(services) == Selection("data", "support-v2", "r3")


def test_a_workspace_without_runs_shows_its_newest_version():
    only = fakes.services(datasets=fakes.Versions(fakes.Version("a-v1"), fakes.Version("b-v1")))

    assert chain.newest(only) == Selection("data", "b-v1")


def test_an_empty_workspace_selects_nothing():
    assert chain.newest(fakes.services()) == Selection()


def test_picking_a_run_pulls_its_version_and_what_was_made_of_it_along(services):
    assert chain.follow(services, chain.newest(services), replace(R1, dataset="support-v2")) == R1


def test_picking_a_version_shows_its_newest_descendants(services):
    now = Selection("data", "support-v2", "r3")

    then = chain.follow(services, now, replace(now, dataset="support-v1"))

    assert then == Selection("data", "support-v1", "r2", "s2", None)


def test_picking_a_version_of_which_nothing_was_made_shows_none(services):
    services.runs.things.pop()

    then = chain.follow(services, R1, replace(R1, dataset="support-v2"))

    assert then == Selection("score", "support-v2")


def test_picking_a_score_pulls_its_run_along(services):
    then = chain.follow(services, R1, replace(R1, score="s2"))

    assert (then.run, then.score, then.study) == ("r2", "s2", None)


def test_picking_a_study_pulls_everything_along(services):
    now = Selection("rate", "support-v2", "r3")

    assert chain.follow(services, now, replace(now, study="t1")) == replace(R1, tab="rate")


def test_what_was_deleted_is_let_go_and_the_newest_takes_its_place(services):
    services.runs.things = services.runs.things[1:]

    assert chain.complete(services, R1) == Selection("score", "support-v1", "r2", "s2", None)


def test_a_score_made_meanwhile_fills_the_open_link(services):
    now = Selection("score", "support-v2", "r3")
    services.scores.things.append(fakes.Scored("s3", "r3"))

    assert chain.complete(services, now).score == "s3"


def test_an_older_score_that_was_picked_stays(services):
    services.scores.things.append(fakes.Scored("s3", "r1"))

    assert chain.complete(services, R1) == R1


def test_an_address_names_a_tab_and_a_run(services):
    assert chain.from_address(services, {"tab": "score", "run": "r1"}) == R1


@pytest.mark.parametrize("query", [{"run": "r99"}, {"tab": "<script>"}, {"dataset": "../x"}, {}])
def test_an_address_that_names_nothing_we_have_is_the_newest(services, query):
    assert chain.from_address(services, query) == chain.newest(services)


def test_an_address_of_two_chains_follows_the_deepest(services):
    query = {"dataset": "support-v2", "run": "r3", "score": "s1"}

    assert chain.from_address(services, query) == replace(R1, tab="data")
