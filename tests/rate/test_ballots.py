"""What raters do: every answer is kept, once, and nothing tells them who said what."""

import subprocess
import sys
import threading
from dataclasses import asdict

import pytest
from sqlalchemy import select

from chatui.database import RatingRow, open_database
from chatui.errors import ConsentMissing, LinkNotValid, NotRateable, StudyNotOpen
from chatui.rate.ballots import Ballots
from chatui.rate.study import CONSENT_VERSION
from tests.rate.studies import World


def rows(world: World) -> list[RatingRow]:
    with world.database.reading() as session:
        return list(session.scalars(select(RatingRow).order_by(RatingRow.id)))


def at_once(count: int, work) -> list[Exception]:
    failures: list[Exception] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the test looks at all of them
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_nobody_sees_an_item_before_they_agreed(world: World):
    study = world.open_study()
    rater = world.store.raters.invite(study).rater

    with pytest.raises(ConsentMissing):
        world.store.ballots.next_item(rater)
    assert not world.store.ballots.visit(rater).consented


def test_consent_is_recorded_with_its_version_and_its_moment(world: World):
    rater = world.rater(world.open_study())

    with world.database.reading() as session:
        from chatui.database import RaterRow

        row = session.get_one(RaterRow, rater)
    assert (row.consent_version, row.consented_at) == (CONSENT_VERSION, world.clock.now)


def test_an_answer_is_stored_with_all_that_later_statistics_need(world: World):
    study = world.open_study()
    rater = world.rater(study)
    showing = world.prefer(rater, "tuned")

    (row,) = rows(world)
    assert (row.study, row.rater, row.item) == (study, rater, showing.item)
    assert (row.criterion, row.reply, row.revision) == ("preference", "pair", 1)
    assert row.value == ("a" if row.shown_as_a == "tuned" else "b")
    assert (row.submitted_at - row.shown_at).total_seconds() == 5
    assert row.milliseconds == 5000
    assert row.pack_hash == world.store.view(study).pack_hash
    assert row.app_version


def test_what_a_rater_is_sent_ties_no_reply_to_a_system(world: World):
    study = world.open_study()
    rater = world.rater(study)
    visit, showing = world.store.ballots.visit(rater), world.shown(rater)

    sent = f"{asdict(visit)} {asdict(showing)}".replace(showing.reply_a, "").replace(
        showing.reply_b, ""
    )
    for secret in ("base", "tuned", "r1", "support", showing_conversation(world, showing.item)):
        assert secret not in sent


def showing_conversation(world: World, item: str) -> str:
    (name,) = world.workspace.names("studies")
    with world.database.reading() as session:
        from chatui.database import StudyRow

        pack = session.get_one(StudyRow, name).pack
    return next(i["conversation"] for i in pack["items"] if i["id"] == item)


def test_replies_are_shown_without_the_marks_of_a_template_and_without_space_at_the_ends(world):
    showing = world.shown(world.rater(world.open_study()))

    assert "<|im_end|>" not in showing.reply_a + showing.reply_b
    assert showing.reply_a == showing.reply_a.strip()


def test_the_same_item_comes_again_until_it_is_answered(world: World):
    rater = world.rater(world.open_study())
    first = world.shown(rater)

    other_process = Ballots(world.database, {}, world.clock)
    assert other_process.next_item(rater) == first


def test_scales_come_after_the_preference_and_then_the_next_item(world: World):
    rater = world.rater(world.open_study())
    first = world.prefer(rater, "tuned")

    assert (world.shown(rater).ask, world.shown(rater).item) == ("scales", first.item)
    world.grade(rater, tuned=5, base=2)
    assert world.shown(rater).item != first.item
    assert {(r.criterion, r.reply) for r in rows(world)} == {
        ("preference", "pair"),
        ("fluency", "a"),
        ("fluency", "b"),
        ("helpfulness", "a"),
        ("helpfulness", "b"),
    }
    assert {r.milliseconds for r in rows(world) if r.criterion != "preference"} == {3000}


def test_a_study_may_ask_for_the_preference_only(world: World):
    rater = world.rater(world.open_study(2, scales=False))
    world.prefer(rater, "tuned")
    world.prefer(rater, "base")

    assert world.store.ballots.next_item(rater) is None
    assert world.store.ballots.visit(rater).progress.is_complete


def test_skipped_scales_are_not_asked_again_and_count_for_nothing(world: World):
    study = world.open_study(1)
    rater = world.rater(study)
    world.prefer(rater, "tuned")
    world.grade(rater, tuned=None, base=None)

    assert world.store.ballots.next_item(rater) is None
    world.store.close(study)
    assert all(scale.n == 0 for scale in world.store.result(study).scales)


def test_a_double_tap_saves_one_answer_the_first(world: World):
    rater = world.rater(world.open_study())
    showing = world.shown(rater)
    world.store.ballots.rate(rater, showing.item, "a", showing.key)
    progress = world.store.ballots.rate(rater, showing.item, "b", showing.key)

    assert [row.value for row in rows(world)] == ["a"]
    assert progress.done == 1


def test_fifty_identical_answers_at_the_same_moment_leave_one_row(world: World):
    rater = world.rater(world.open_study())
    showing = world.shown(rater)

    failures = at_once(50, lambda: world.store.ballots.rate(rater, showing.item, "a", showing.key))
    assert failures == []
    assert len(rows(world)) == 1


def test_a_changed_mind_is_the_next_revision(world: World):
    study = world.open_study()
    rater = world.rater(study)
    showing = world.shown(rater)
    world.store.ballots.rate(rater, showing.item, "a", showing.key)
    world.store.ballots.rate(rater, showing.item, "both_bad", "another key")

    assert [(row.revision, row.value) for row in rows(world)] == [(1, "a"), (2, "both_bad")]
    world.store.close(study)
    assert (world.store.result(study).n, world.store.result(study).both_bad) == (1, 1)


def test_undo_keeps_the_revision_and_shows_the_item_again(world: World):
    rater = world.rater(world.open_study(scales=False))
    showing = world.prefer(rater, "tuned")
    progress = world.store.ballots.undo(rater)

    assert progress.done == 0
    assert [(row.revision, row.value is None) for row in rows(world)] == [(1, False), (2, True)]
    again = world.shown(rater)
    assert again.item == showing.item
    assert again.key != showing.key


def test_after_undo_the_clock_of_the_item_starts_again(world: World):
    rater = world.rater(world.open_study(scales=False))
    world.prefer(rater, "tuned")
    world.clock.forward(600)
    world.store.ballots.undo(rater)
    world.prefer(rater, "base")

    assert rows(world)[-1].milliseconds == 5000


def test_undo_takes_back_the_scales_first_and_then_the_preference(world: World):
    rater = world.rater(world.open_study())
    world.prefer(rater, "tuned")
    world.grade(rater, tuned=5, base=2)

    world.store.ballots.undo(rater)
    assert world.shown(rater).ask == "scales"
    world.store.ballots.undo(rater)
    assert world.shown(rater).ask == "pair"
    assert world.store.ballots.undo(rater).last is None


def test_a_second_tap_on_undo_takes_back_no_more(world: World):
    rater = world.rater(world.open_study(scales=False))
    world.prefer(rater, "tuned")
    world.prefer(rater, "tuned")
    last = world.store.ballots.visit(rater).progress.last

    failures = at_once(10, lambda: world.store.ballots.undo(rater, last))
    assert failures == []
    assert world.store.ballots.visit(rater).progress.done == 1


def test_a_showing_that_is_too_old_starts_its_clock_again(world: World):
    rater = world.rater(world.open_study())
    world.shown(rater)
    world.clock.forward(60 * 60)
    world.prefer(rater, "tuned")

    assert rows(world)[0].milliseconds == 5000


def test_a_closed_study_refuses_ratings_and_changes_and_says_so(world: World):
    study = world.open_study()
    rater = world.rater(study)
    world.prefer(rater, "tuned")
    showing = world.shown(rater)
    world.store.close(study)

    with pytest.raises(StudyNotOpen, match="not open"):
        world.store.ballots.rate(rater, showing.item, "a", "a new key")
    with pytest.raises(StudyNotOpen):
        world.store.ballots.undo(rater)
    with pytest.raises(StudyNotOpen):
        world.store.ballots.next_item(rater)
    assert len(rows(world)) == 1
    assert not world.store.ballots.visit(rater).is_open


def test_an_answer_that_was_saved_is_acknowledged_also_after_the_close(world: World):
    study = world.open_study()
    rater = world.rater(study)
    showing = world.shown(rater)
    world.store.ballots.rate(rater, showing.item, "a", showing.key)
    world.store.close(study)

    assert world.store.ballots.rate(rater, showing.item, "a", showing.key).done == 1


def test_answers_that_were_not_offered_are_refused(world: World):
    ballots = world.store.ballots
    rater = world.rater(world.open_study())
    showing = world.shown(rater)

    with pytest.raises(NotRateable, match="not one of the four"):
        ballots.rate(rater, showing.item, "left", showing.key)
    with pytest.raises(NotRateable, match="was not shown"):
        ballots.rate(rater, "someone-elses", "a", showing.key)
    with pytest.raises(NotRateable, match="1 to 5"):
        ballots.rate_scales(rater, showing.item, {("fluency", "a"): 6}, showing.key)
    with pytest.raises(NotRateable, match="does not ask"):
        ballots.rate_scales(rater, showing.item, {("beauty", "a"): 1}, showing.key)
    with pytest.raises(NotRateable, match="key"):
        ballots.rate(rater, showing.item, "a", "")
    assert rows(world) == []


def test_a_revoked_link_opens_nothing_at_once_and_its_answers_stay(world: World):
    study = world.open_study()
    invitation = world.store.raters.invite(study)
    world.store.ballots.consent(invitation.rater)
    world.prefer(invitation.rater, "tuned")
    world.store.raters.revoke(invitation.rater)

    assert world.store.ballots.rater_of_token(invitation.token) is None
    with pytest.raises(LinkNotValid):
        world.store.ballots.next_item(invitation.rater)
    assert len(rows(world)) == 1


def test_the_token_itself_is_not_stored(world: World):
    invitation = world.store.raters.invite(world.open_study())

    assert world.store.ballots.rater_of_token(invitation.token) == invitation.rater
    assert world.store.ballots.rater_of_token("anything") is None
    world.database.close()
    stored = b"".join(p.read_bytes() for p in world.workspace.root.glob("chatui.sqlite*"))
    assert invitation.token.encode() not in stored


def test_a_reason_is_kept_as_written_but_not_endlessly(world: World):
    rater = world.rater(world.open_study())
    showing = world.shown(rater)
    world.store.ballots.rate(rater, showing.item, "a", showing.key, reason=" <b>x</b>" * 1000)

    assert rows(world)[0].reason.startswith("<b>x</b>")
    assert len(rows(world)[0].reason) <= 2000


def test_an_acknowledged_answer_survives_a_kill(world: World):
    rater = world.rater(world.open_study())
    showing = world.shown(rater)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from chatui.database import open_database\n"
        "from chatui.rate.ballots import Ballots\n"
        "path, rater, item, key = sys.argv[1:]\n"
        "Ballots(open_database(Path(path)), {}).rate(rater, item, 'a', key)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = world.workspace.database_file
    arguments = [str(path), rater, showing.item, showing.key]
    ended = subprocess.run([sys.executable, "-c", script, *arguments], check=False)

    assert ended.returncode == -9
    reopened = open_database(path)
    with reopened.reading() as session:
        assert [row.value for row in session.scalars(select(RatingRow))] == ["a"]
    reopened.close()
