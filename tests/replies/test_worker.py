"""The job that makes the replies a study needs: base and tuned, and only what is missing."""

from pathlib import Path

import pytest

from chatui.data.prepare import prepare
from chatui.data.store import DatasetStore
from chatui.errors import SetupChanged
from chatui.jobs import JobStopped, Task
from chatui.replies import RepliesJob, ReplyStore
from chatui.replies.worker import work
from chatui.workspace import write_json
from tests.fakes import ADAPTER, FakeEngine


@pytest.fixture
def items(workspace, tmp_path):
    path = tmp_path / "parcels.csv"
    rows = "".join(f"Where is parcel {n}?,It comes on day {n}.\n" for n in range(60))
    path.write_text("user,assistant\n" + rows)
    store = DatasetStore(workspace)
    return store.conversations(store.save(prepare(path), "parcels").id, "test")


@pytest.fixture
def folder(workspace, items) -> Path:
    made = workspace.new_folder("studies", "t")
    job = RepliesJob(
        dataset="parcels-v1",
        test_hash="t" * 64,
        base="starter",
        adapter="runs/r1/adapter",
        adapter_hash=ADAPTER,
        items=tuple(item.id for item in items[:3]),
    )
    write_json(made / "config.json", {**job.model_dump(mode="json"), "question": "which?"})
    return made


def test_both_sets_are_filled_for_the_wanted_items(workspace, folder, items):
    engine = FakeEngine(items)

    work(Task(folder), lambda base: engine)

    assert [r.adapter for r in engine.asked] == [None] * 3 + [ADAPTER] * 3
    steps = [e for e in Task(folder).journal.events() if e["kind"] == "step"]
    assert (steps[-1]["step"], steps[-1]["steps"]) == (6, 6)
    assert len(list((workspace.root / "replies").iterdir())) == 2


def test_a_second_job_asks_for_nothing(folder, items):
    work(Task(folder), lambda base: FakeEngine(items))
    engine = FakeEngine(items)

    work(Task(folder), lambda base: engine)

    assert engine.asked == []


def test_stop_is_heeded_between_replies(workspace, folder, items):
    (folder / "stop").touch()
    engine = FakeEngine(items)

    with pytest.raises(JobStopped):
        work(Task(folder), lambda base: engine)

    assert engine.asked == []
    assert not any(ReplyStore(workspace).read(p.name) for p in workspace.root.glob("replies/*"))


def test_another_adapter_than_the_one_that_was_meant_is_refused(folder, items):
    with pytest.raises(SetupChanged, match="adapter"):
        work(Task(folder), lambda base: FakeEngine(items, adapter="e" * 64))
