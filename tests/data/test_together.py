"""Rows that were cut out of one conversation stand in one split, whatever becomes of them."""

from array import array
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatui.data.editing import left_out
from chatui.data.mixing import Part, mixture, save_mixture
from chatui.data.options import Options
from chatui.data.prepare import draft_of, prepare, prepare_whole
from chatui.data.recipe import Recipe
from chatui.data.revising import cleaned_draft, restore, revise
from chatui.data.splitting import Groups
from chatui.data.store import DatasetStore
from chatui.data.together import kept_together
from tests.data.writing import write

CONVERSATIONS = 120


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


def cut_rows(per=4, first=0):
    """Pairs cut out of conversations that share no word; those of one never come in a row."""
    return [
        {
            "conversation_id": f"c{n}",
            "user": f"alpha{first}x{n}y{turn}?",
            "agent": f"beta{n}z{turn}",
        }
        for turn in range(per)
        for n in range(CONVERSATIONS)
    ]


def table(tmp_path, rows, name="a.csv"):
    """A file whose first rows name no conversation twice, so they are not joined."""
    return write(tmp_path / name, rows)


def whole(conversations, name=lambda row: row.turns[0].text.partition("y")[0]):
    """Whether each conversation is in one split, and there are several splits."""
    splits = defaultdict(set)
    for row in conversations:
        splits[name(row)].add(row.split)
    assert {split for found in splits.values() for split in found} == {
        "train", "validation", "test",
    }  # fmt: skip
    return all(len(found) == 1 for found in splits.values())


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr("chatui.data.prepare._SAMPLE", 100)
    return table(tmp_path, cut_rows())


def test_rows_of_one_conversation_are_never_in_two_splits(file):
    draft = prepare(file)

    assert draft.columns.together == "conversation_id"
    assert len(draft.kept) == 4 * CONVERSATIONS
    assert whole(draft.conversations)
    assert {s: round(n / 480, 2) for s, n in draft.splits.items()} == {
        "train": 0.8, "validation": 0.1, "test": 0.1,
    }  # fmt: skip


def test_without_the_column_they_are_cut(tmp_path):
    rows = [{k: v for k, v in row.items() if k != "conversation_id"} for row in cut_rows()]

    assert not whole(prepare(table(tmp_path, rows)).conversations)


def test_a_version_made_by_a_job_is_the_one_made_of_a_draft(store, file, tmp_path):
    drafted = store.save(draft_of(file, Options(), "a.csv"), "drafted")
    by_job = store.save_prepared(prepare_whole(file, Options(), "a.csv"), "by job")

    assert whole(store.rows(by_job.id))
    for name in ("conversations.parquet", "removed.parquet"):
        one, other = (store.file(view.id).with_name(name) for view in (drafted, by_job))
        assert one.read_bytes() == other.read_bytes()


def test_whatever_is_made_of_a_version_keeps_them_together(store, file):
    first = store.save(prepare(file), "a")
    rows = store.rows(first.id)
    gone = [rows[n].row for n in (5, 130, 131, 400)]

    less = revise(store, first.id, left_out((), gone))
    back = restore(store, less.id, gone)
    other_seed = cleaned_draft(store, first.id, Recipe(seed=7))
    again = store.save(other_seed, "a", parent=first.id)

    assert (less.kept, back.kept) == (first.kept - 4, first.kept)
    for view in (less, back, again):
        assert whole(store.rows(view.id))
    assert {r.thread for r in store.removed_rows(less.id)} == {
        row.thread for row in rows if row.row in gone
    }


def test_in_a_mixture_conversations_of_one_name_are_not_one(store, file, tmp_path):
    other = table(tmp_path, cut_rows(first=1), "b.csv")
    one, two = store.save(prepare(file), "a"), store.save(prepare(other), "b")

    made = mixture(store, [Part(one.id), Part(two.id)], "both")
    both = save_mixture(store, made, "both")
    again = store.save(cleaned_draft(store, both.id, Recipe(seed=3)), "both", parent=both.id)

    assert [line.left_out for line in made.lines] == [0, 0]
    assert len({row.thread for row in store.rows(both.id)}) == 2 * CONVERSATIONS
    assert whole(store.rows(both.id))
    assert whole(store.rows(again.id))


def test_a_version_without_such_rows_has_no_column_for_them(store, tmp_path):
    import pyarrow.parquet

    rows = [{"user": f"q{n}", "agent": "a"} for n in range(9)]
    view = store.save(prepare(table(tmp_path, rows)), "a")

    assert "thread" not in pyarrow.parquet.read_schema(store.file(view.id)).names


def test_the_names_of_conversations_are_not_stored(store, file):
    view = store.save(prepare(file), "a")

    stored = {row.thread for row in store.rows(view.id)}

    assert len(stored) == CONVERSATIONS
    assert not stored & {f"c{n}" for n in range(CONVERSATIONS)}


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([None, *range(6)]))))
def test_groups_are_joined_by_threads_and_by_nothing_else(rows):
    groups, threads = [g for g, _ in rows], [t for _, t in rows]

    numbers = array("Q", (thread or 0 for thread in threads))
    found = list(kept_together(Groups.called(groups), numbers).by_row())

    reached = {group: {group} for group in groups}
    for _ in rows:  # as far as steps from group to thread to group lead
        for thread in {t for t in threads if t}:
            together = set().union(*(reached[g] for g, t in rows if t == thread))
            for group in together:
                reached[group] |= together
    assert found == [min(reached[group]) for group in groups]
