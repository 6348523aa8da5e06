"""The owner's side: from a run to a study, to what it found, to files."""

import csv
import json
from collections import Counter

import pytest

from chatui.database import StudyRow
from chatui.errors import (
    LinkNotValid,
    NotFound,
    NothingToRate,
    RunNotRateable,
    StudyNotOpen,
    StudyNotReady,
    StudyStillOpen,
)
from chatui.rate.export import Format
from chatui.rate.study import Pack
from tests.rate.studies import World, conversations, make_world


def test_a_study_of_scored_items_needs_no_job_and_starts_at_once(world: World):
    world.make_replies()
    study = world.store.create("r1", 5)

    assert world.store.view(study).state == "ready"
    assert world.store.start(study)
    view = world.store.view(study)
    assert (view.state, view.items, view.done, view.wanted) == ("open", 5, 0, 0)


def test_items_whose_replies_exist_are_drawn_first(world: World):
    world.make_replies(world.test[:4])

    assert world.store.plan("r1", 4).missing == 0
    assert world.store.plan("r1", 6).missing == 2


def test_the_plan_says_what_can_be_shown_and_never_more_items_than_there_are(world: World):
    plan = world.store.plan("r1", 100)

    assert (plan.items, plan.available) == (8, 8)
    assert plan.smallest_win_rate == pytest.approx(0.97, abs=0.01)
    assert plan.minutes > world.store.plan("r1", 4).minutes
    assert plan.minutes > world.store.plan("r1", 100, scales=False).minutes


def test_missing_replies_are_a_job_and_the_study_waits_for_them(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    started: list[str] = []
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: started.append(module))
    study = world.store.create("r1", 5)

    view = world.store.view(study)
    assert view.state == "preparing"
    assert started == ["chatui.replies.worker"]
    config = json.loads((world.workspace.folder("studies", study) / "config.json").read_text())
    assert len(config["items"]) == 5
    with pytest.raises(StudyNotReady):
        world.store.start(study)


def test_a_run_without_an_adapter_can_not_be_rated(world: World):
    world.runs.adapter = None

    with pytest.raises(RunNotRateable, match="r1 is running"):
        world.store.plan("r1", 5)


def test_a_dataset_without_test_items_can_not_be_rated(tmp_path):
    world = make_world(tmp_path, test=[])

    with pytest.raises(NothingToRate):
        world.store.create("r1", 5)
    world.database.close()


def test_the_pack_is_frozen_under_its_hash(world: World):
    study = world.open_study()
    with world.database.reading() as session:
        row = session.get_one(StudyRow, study)
        pack = Pack.model_validate(row.pack)

    assert pack.sha256 == row.pack_hash
    assert {item.conversation for item in pack.items} <= {c.id for c in world.test}
    assert all(item.id != item.conversation for item in pack.items)
    changed = pack.model_copy(update={"seed": 1})
    assert changed.sha256 != row.pack_hash


def test_starting_twice_is_starting_once(world: World):
    study = world.open_study()

    assert not world.store.start(study)


def test_an_unknown_study_is_said_to_be_unknown(world: World):
    with pytest.raises(NotFound, match="no study called 't9'"):
        world.store.view("t9")


def test_a_name_that_another_workspace_has_taken_in_the_database_is_not_used(world: World):
    first = world.open_study()
    world.workspace.delete("studies", first)

    assert world.store.create("r1", 3) != first
    assert world.workspace.names("studies") == ["t2"]


def test_sides_are_balanced_over_raters_and_for_each_rater(world: World):
    study = world.open_study(7, scales=False)
    shown: dict[str, Counter[bool]] = {}
    for _ in range(3):
        rater = world.rater(study)
        sides = Counter()
        for _ in range(7):
            showing = world.prefer(rater, "both_good")
            is_a = showing.reply_a.startswith("tuned")
            sides[is_a] += 1
            shown.setdefault(showing.item, Counter())[is_a] += 1
        assert abs(sides[True] - sides[False]) <= 1
    assert all(abs(sides[True] - sides[False]) <= 1 for sides in shown.values())


def test_an_open_study_tells_counts_and_no_answers(world: World):
    study = world.open_study(4, scales=False)
    first, second = world.rater(study), world.store.raters.invite(study).rater
    world.prefer(first, "tuned")

    view = world.store.view(study)
    assert [(r.label, r.state, r.done, r.left) for r in view.raters] == [
        ("R1", "rating", 1, 3),
        ("R2", "invited", 0, 4),
    ]
    assert (view.done, view.wanted) == (1, 8)
    world.store.raters.revoke(second)
    assert world.store.view(study).wanted == 4
    with pytest.raises(StudyStillOpen):
        world.store.result(study)
    with pytest.raises(StudyStillOpen):
        world.store.export(study, "csv")


def test_the_owner_is_one_rater_however_often_they_come(world: World):
    study = world.open_study()
    first, second = world.store.raters.owner(study), world.store.raters.owner(study)

    assert first.rater == second.rater
    assert world.store.ballots.rater_of_token(first.token) is None
    assert world.store.ballots.rater_of_token(second.token) == second.rater
    assert [r.label for r in world.store.view(study).raters] == ["You"]
    assert world.store.raters.invite(study).label == "R1"


def test_a_new_link_ends_the_old_one(world: World):
    invitation = world.store.raters.invite(world.open_study())
    renewed = world.store.raters.renew_link(invitation.rater)

    assert world.store.ballots.rater_of_token(invitation.token) is None
    assert world.store.ballots.rater_of_token(renewed.token) == invitation.rater


def test_an_erased_rater_leaves_a_tombstone_and_no_answers(world: World):
    study = world.open_study(4, scales=False)
    gone, stays = world.rater(study), world.rater(study)
    world.prefer(gone, "tuned")
    world.prefer(stays, "base")
    world.store.raters.erase(gone)
    world.store.close(study)

    assert world.store.result(study).n == 1
    assert [r.state for r in world.store.view(study).raters] == ["erased", "rating"]
    with pytest.raises(LinkNotValid):
        world.store.raters.renew_link(gone)


def test_nobody_is_invited_to_a_closed_study(world: World):
    study = world.open_study()
    world.store.close(study)

    with pytest.raises(StudyNotOpen):
        world.store.raters.invite(study)
    with pytest.raises(StudyNotOpen):
        world.store.raters.owner(study)


def test_the_result_knows_who_was_who(world: World):
    study = world.open_study(8)
    rater = world.rater(study)
    for outcome in ["tuned"] * 6 + ["base", "both_good"]:
        world.prefer(rater, outcome)
        world.grade(rater, tuned=4, base=2)
    world.store.close(study)
    world.store.close(study)

    found = world.store.result(study)
    assert (found.wins, found.losses, found.ties, found.n) == (6, 1, 1, 8)
    assert found.win_rate.value == pytest.approx(6.5 / 8)
    means = {(s.criterion, s.system): s.mean for s in found.scales}
    assert means["fluency", "tuned"] == means["helpfulness", "tuned"] == 4
    assert means["fluency", "base"] == 2


def test_a_study_that_nobody_rated_has_a_result_in_words(world: World):
    study = world.open_study()
    world.store.close(study)

    assert world.store.result(study).sentence.startswith("Nobody has rated yet")
    assert world.store.export(study, "csv").read_text() == ""
    assert world.store.export(study, "jsonl").read_text() == ""


def test_exports_hold_every_revision_with_its_system(world: World):
    study = world.open_study(2)
    rater = world.rater(study)
    world.prefer(rater, "base")
    world.store.ballots.undo(rater)
    world.prefer(rater, "tuned")
    world.grade(rater, tuned=5, base=None)
    world.store.close(study)

    lines = [json.loads(line) for line in _lines(world, study, "jsonl")]
    preferences = [row for row in lines if row["criterion"] == "preference"]
    assert [(r["revision"], r["counts"], r["system"]) for r in preferences] == [
        (1, False, "base"),
        (2, False, None),
        (3, True, "tuned"),
    ]
    scales = {(r["criterion"], r["system"]): r["value"] for r in lines if r["reply"] != "pair"}
    assert scales["fluency", "tuned"] == "5"
    assert scales["fluency", None] == "skipped"
    shown = preferences[0]["reply_a" if preferences[0]["shown_as_a"] == "tuned" else "reply_b"]
    assert shown.startswith("tuned says")

    path = world.store.export(study, "csv")
    table = list(csv.DictReader(_lines(world, study, "csv")))
    assert path.parent == world.workspace.exports
    assert len(table) == len(lines)
    assert {row["rater"] for row in table} == {rater}


def _lines(world: World, study: str, kind: Format) -> list[str]:
    return world.store.export(study, kind).read_text().splitlines(keepends=True)


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_what_a_spreadsheet_would_run_is_text_in_the_csv(tmp_path, start):
    world = make_world(tmp_path, test=conversations(1, question=start + " {}"))
    study = world.open_study(1, scales=False)
    rater = world.rater(study)
    showing = world.shown(rater)
    world.store.ballots.rate(rater, showing.item, "a", showing.key, reason="=HYPERLINK(1)")
    world.store.close(study)

    (row,) = csv.DictReader(_lines(world, study, "csv"))
    assert row["question"].startswith("'" + start)
    assert row["reason"] == "'=HYPERLINK(1)"
    assert json.loads(world.store.export(study, "jsonl").read_text())["question"].startswith(start)
    world.database.close()
