"""What is exported reads back as the same conversations, in every format."""

import json

import pytest

from chatui.conversation import Turn
from chatui.data.augmenting import augmented, noise, save_augmentation
from chatui.data.exporting import export
from chatui.data.prepare import prepare
from chatui.data.store import SAMPLE_FILE, DatasetStore
from chatui.errors import FileNotWritable, NotExportable, NotFound
from tests.data.whole import read_file
from tests.data.writing import pairs, write

FORMATS = ("messages", "pairs", "sharegpt", "alpaca", "parquet")


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("system", [None, "Be kind."])
def test_an_export_reads_back_as_the_same_rows(store, tmp_path, form, system):
    version = store.save(prepare(SAMPLE_FILE, system=system), "a").id
    path = tmp_path / f"out.{'parquet' if form == 'parquet' else 'jsonl'}"

    told = export(store, version, form, path)

    draft = prepare(path, steps=())
    rows = store.conversations(version)
    assert told["rows"] == len(rows) == draft.rows_read
    assert [c.turns for c in draft.conversations] == [c.turns for c in rows]
    assert [c.label for c in draft.conversations] == [c.label for c in rows]


@pytest.mark.parametrize("form", ["messages", "sharegpt", "alpaca", "parquet"])
def test_long_conversations_and_rejected_replies_read_back(store, tmp_path, form):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "NA"}] * 2
    rows = [{"messages": turns, "rejected": "no\nnever"}, {"messages": turns[:2]}]
    version = store.save(prepare(write(tmp_path / "a.jsonl", rows)), "a").id
    path = tmp_path / f"out.{'parquet' if form == 'parquet' else 'jsonl'}"

    export(store, version, form, path)

    again = prepare(path, steps=()).conversations
    assert [c.turns for c in again] == [c.turns for c in store.conversations(version)]
    assert [c.rejected for c in again] == ["no\nnever", None]


def test_messages_are_one_object_a_line_with_split_and_id(store, tmp_path):
    version = store.save(prepare(write(tmp_path / "a.csv", pairs(10))), "a")
    path = tmp_path / "out.jsonl"

    export(store, version.id, "messages", path)

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    conversations = store.conversations(version.id)
    assert [set(line) for line in lines] == [{"messages", "split", "id"}] * 10
    assert [line["split"] for line in lines] == [c.split for c in conversations]
    assert [Turn(m["role"], m["content"]) for m in lines[0]["messages"]] == list(
        conversations[0].turns
    )


@pytest.mark.parametrize("form", FORMATS)
def test_an_added_row_names_its_parent_and_how_it_was_made(store, tmp_path, form):
    asked = [{"user": f"Where is parcel number {n} waiting?", "agent": "There."} for n in range(40)]
    version = store.save(prepare(write(tmp_path / "a.csv", asked)), "a")
    added = save_augmentation(store, augmented(store, version.id, noise(), 0.2))
    path = tmp_path / f"out.{'parquet' if form == 'parquet' else 'jsonl'}"

    export(store, added.id, form, path)

    rows = read_file(path).good
    told = {r.values["id"]: (r.values.get("parent"), r.values.get("made_by")) for r in rows}
    assert told == {row.id: (row.parent, row.made_by) for row in store.rows(added.id)}
    assert sum(made == "noise" for _, made in told.values()) == added.added > 0
    again = prepare(path, steps=()).conversations
    assert [c.turns for c in again] == [c.turns for c in store.rows(added.id)]


def test_what_has_no_place_in_a_format_is_said_and_nothing_is_written(store, tmp_path):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}] * 2
    path = write(tmp_path / "a.jsonl", [{"messages": turns}, {"messages": turns[:2]}])
    version = store.save(prepare(path), "a").id

    with pytest.raises(NotExportable, match="1 of 2 conversations have more than one question"):
        export(store, version, "pairs", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_a_place_that_cannot_be_written_is_named(store, tmp_path):
    version = store.save(prepare(write(tmp_path / "a.csv", pairs(3))), "a").id

    with pytest.raises(FileNotWritable, match=r"out\.jsonl can't be written: no such file"):
        export(store, version, "messages", tmp_path / "no" / "out.jsonl")
    with pytest.raises(NotFound):
        export(store, "b-v1", "messages", tmp_path / "out.jsonl")
