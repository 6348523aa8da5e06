"""Versions are whole, never change, and lock their test split."""

import json

import pytest

from chatui.conversation import SPLITS, Turn, conversation_id
from chatui.data.prepare import prepare
from chatui.data.store import SAMPLE_FILE, DatasetStore
from chatui.errors import BadName, DiskFull, NotFound
from chatui.workspace import write_json
from tests.data.writing import pairs, write


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def file(tmp_path):
    return lambda rows, name="a.csv": write(tmp_path / name, rows)


def test_what_is_saved_comes_back(store, file):
    rows = [*pairs(20), {"user": "", "agent": "x"}, {"user": " b ", "agent": "c"}]
    draft = prepare(file(rows))

    view = store.save(draft, "My support")

    assert (view.id, view.name) == ("my-support-v1", "My support")
    assert view.rows_read == view.kept + sum(view.removed.values()) == 22
    assert view.removed == {"blank": 1}
    assert view.changed == {"spaces": 1}
    assert store.conversations(view.id) == list(draft.conversations)
    assert store.removed_rows(view.id) == list(draft.removed)
    assert store.view(view.id) == view
    assert store.all() == [view]
    for split in SPLITS:
        assert len(store.conversations(view.id, split)) == view.splits[split]


def test_the_folder_holds_four_files_and_its_manifest_says_its_format(store, workspace, file):
    view = store.save(prepare(file(pairs(3))), "a")
    folder = workspace.folder("datasets", view.id)

    assert {path.name for path in folder.iterdir()} == {
        "conversations.parquet",
        "removed.parquet",
        "recipe.json",
        "manifest.json",
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert set(manifest["split_hashes"]) == set(SPLITS)


def test_the_same_file_and_options_give_the_same_bytes(store, workspace, file):
    draft = prepare(file(pairs(30)))

    first, second = store.save(draft, "one"), store.save(draft, "two")

    assert first.sha256 == second.sha256
    assert first.split_hashes == second.split_hashes
    for name in ("conversations.parquet", "removed.parquet", "recipe.json"):
        one, two = (workspace.folder("datasets", v.id) / name for v in (first, second))
        assert one.read_bytes() == two.read_bytes()


def test_the_same_content_under_the_same_name_is_the_same_version(store, file):
    first = store.save(prepare(file(pairs(5))), "a")
    again = store.save(prepare(file(pairs(5), "b.jsonl")), "A")

    assert again == first


def test_other_content_is_the_next_version_and_names_its_parent(store, file):
    first = store.save(prepare(file(pairs(5))), "a")
    second = store.save(prepare(file(pairs(6))), "a")

    assert (second.id, second.parent) == ("a-v2", first.id)
    assert store.conversations(first.id) != store.conversations(second.id)


def test_a_later_version_never_trains_on_what_an_earlier_one_tests(store, file):
    first = store.save(prepare(file(pairs(60)), seed=1), "a")
    tested = {c.group for c in store.conversations(first.id, "test")}

    for seed in range(2, 8):
        later = store.save(prepare(file(pairs(90)), seed=seed), "a")
        trained = {
            c.group for s in ("train", "validation") for c in store.conversations(later.id, s)
        }
        assert tested.isdisjoint(trained)
        tested |= {c.group for c in store.conversations(later.id, "test")}


def test_the_lock_holds_for_rows_that_are_cleaned_otherwise_and_after_a_delete(store, file):
    rows = [{"user": f"<h1>question</h1><title>x</title> {n}", "agent": str(n)} for n in range(40)]
    first = store.save(prepare(file(rows), steps=()), "a")
    tested = {c.row for c in store.conversations(first.id, "test")}
    second = store.save(prepare(file(rows), seed=9), "a")
    store.delete(first.id)
    third = store.save(prepare(file(rows), steps=("html",), seed=5), "a")

    for version in (second, third):
        assert tested <= {c.row for c in store.conversations(version.id, "test")}


def test_a_system_prompt_goes_before_every_conversation_that_has_none(store, file):
    rows = [{"user": "a", "agent": "b", "system": ""}, {"user": "c", "agent": "d", "system": "own"}]

    view = store.save(prepare(file(rows), system="  Be kind. "), "a")

    first, second = store.conversations(view.id)
    assert view.system == "Be kind."
    assert first.turns[0] == Turn("system", "Be kind.")
    assert second.turns[0] == Turn("system", "own")
    assert first.id == conversation_id(first.turns[1:])


def test_another_system_prompt_is_another_test_set(store, file):
    plain = store.save(prepare(file(pairs(5))), "a")
    kind = store.save(prepare(file(pairs(5)), system="Be kind."), "a")

    assert plain.split_hashes["test"] != kind.split_hashes["test"]


def test_a_version_can_be_renamed_and_stays_itself(store, file):
    view = store.save(prepare(file(pairs(5))), "a")

    store.rename(view.id, "Help desk")

    assert store.view(view.id).name == "Help desk"
    assert store.view(view.id).sha256 == view.sha256
    with pytest.raises(BadName):
        store.rename(view.id, "../up")


def test_a_renamed_dataset_keeps_its_lock(store, file):
    first = store.save(prepare(file(pairs(30)), seed=1), "a")
    store.rename(first.id, "Help desk")

    later = store.save(prepare(file(pairs(30)), seed=2), "Help desk")

    assert later.parent == first.id
    tested = {c.id for c in store.conversations(first.id, "test")}
    assert tested <= {c.id for c in store.conversations(later.id, "test")}


def test_a_deleted_version_is_gone(store, file):
    view = store.save(prepare(file(pairs(5))), "a")

    store.delete(view.id)

    assert store.all() == []
    with pytest.raises(NotFound, match="There is no dataset called 'a-v1'"):
        store.view(view.id)


def test_a_full_disk_leaves_nothing_half_saved(store, workspace, file, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("chatui.data.content.write_removed", full)
    with pytest.raises(DiskFull):
        store.save(prepare(file(pairs(5))), "a")

    assert list((workspace.root / "datasets").iterdir()) == []


def test_a_version_made_meanwhile_by_another_program_is_not_touched(
    store, workspace, file, monkeypatch
):
    target = workspace.folder("datasets", "a-v1")

    def loses_the_race(path, manifest):
        if not target.exists():
            target.mkdir()
            (target / "manifest.json").write_text('{"name": "a", "created_at": "", "locked": []}')
        write_json(path, manifest)

    monkeypatch.setattr("chatui.data.store.write_json", loses_the_race)
    made = store.save(prepare(file(pairs(5))), "a")

    assert made.id == "a-v2"
    assert [path.name for path in target.iterdir()] == ["manifest.json"]


def test_conversations_of_a_version_can_be_prepared_again(store, file):
    view = store.save(prepare(file(pairs(20))), "a")

    draft = prepare(store.file(view.id))

    assert [row.turns for row in draft.kept] == [c.turns for c in store.conversations(view.id)]


def test_the_sample_is_there_once_and_comes_back_after_a_delete(store):
    first = store.ensure_sample()

    assert first.sample
    assert store.ensure_sample() == first
    assert store.save(prepare(SAMPLE_FILE), first.name) == first
    store.delete(first.id)
    assert store.ensure_sample().sha256 == first.sha256
