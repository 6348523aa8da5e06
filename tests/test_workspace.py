import pytest

from chatui.chat.feedback import FeedbackStore
from chatui.database import open_database
from chatui.jobs import Journal
from chatui.workspace import write_json
from tests.chat.test_feedback import GOOD


def a_run_is_made(workspace):
    workspace.new_folder("runs", "r")


def a_step_is_journalled(workspace):
    Journal(workspace.folder("runs", "r1")).append("step", step=1, steps=2)


def a_run_is_renamed(workspace):
    write_json(workspace.folder("runs", "r1") / "name.json", {"name": "first"})


def a_run_is_told_to_stop(workspace):
    (workspace.folder("runs", "r1") / "stop").touch()


def a_run_is_deleted(workspace):
    workspace.delete("runs", "r1")


def the_queue_moves_on(workspace):
    write_json(workspace.queue / "default.json", {"active": None})


@pytest.mark.parametrize(
    "change",
    [
        a_run_is_made,
        a_step_is_journalled,
        a_run_is_renamed,
        a_run_is_told_to_stop,
        a_run_is_deleted,
        the_queue_moves_on,
    ],
)
def test_the_stamp_differs_after_any_change_and_only_then(workspace, change):
    write_json(workspace.new_folder("runs", "r") / "config.json", {})
    before = workspace.stamp()
    assert workspace.stamp() == before

    change(workspace)

    assert workspace.stamp() != before


def test_the_stamp_differs_after_somebody_has_said_something_and_not_after_it_was_read(workspace):
    database = open_database(workspace.database_file)
    store = FeedbackStore(database)
    stamps = [workspace.stamp()]

    store.save(GOOD)
    stamps.append(workspace.stamp())
    assert store.all() == [GOOD]
    stamps.append(workspace.stamp())
    database.close()

    assert stamps[0] != stamps[1] == stamps[2]
