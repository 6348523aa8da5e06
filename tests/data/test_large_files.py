"""A version made of a file that is never in memory is the version that is made of it at once."""

import json

import pytest

from chatui.conversation import Turn
from chatui.data import grouping, numbers, options, origins, prepare, splitting, spool
from chatui.data.cleaning import STEP_NAMES, Parameters
from chatui.data.editing import flagged, left_out, reworded
from chatui.data.options import Options
from chatui.data.prepare import draft_of, prepare_whole, preview_of
from chatui.data.store import DatasetStore
from chatui.errors import NoRows, NoUsableRow, TooLargeAtOnce
from tests.data.writing import csv_text, pairs, write

FILES = ("conversations.parquet", "removed.parquet", "recipe.json")


def messy(count: int) -> list[dict[str, str]]:
    """Rows of which every step finds some: copies, near copies, personal data, blanks, markup."""
    rows = []
    for n in range(count):
        kind = n % 9
        user = (
            f"<p>Where is order {n // 3}?</p>" if kind == 1 else f"Where is my order {n // 4} now"
        )
        agent = f"write to jo{n % 7}@example.org, <EMAIL_3>" if kind == 2 else f"On its way {n % 5}"
        rows.append({"user": "" if kind == 4 else user, "agent": f" {agent}"})
    return rows


@pytest.fixture
def store(workspace):
    return DatasetStore(workspace)


@pytest.fixture
def small_pieces(monkeypatch):
    """Cut everything that is cut by size into so small pieces that a few rows are many."""
    monkeypatch.setattr(origins, "BLOCK", 700)
    monkeypatch.setattr(spool, "IN_MEMORY", 900)
    monkeypatch.setattr(spool, "_FRAME", 7)
    monkeypatch.setattr(grouping, "_EVERY", 11)
    monkeypatch.setattr(splitting, "_EVERY", 11)
    monkeypatch.setattr(numbers, "IN_MEMORY", 900)
    monkeypatch.setattr("chatui.data.progress._EVERY", 11)
    monkeypatch.setattr("chatui.data.tally._RUN", 500)


def both_ways(store, workspace, path, options, monkeypatch=None):
    """The files of a version of a draft, and of a version that was prepared in pieces."""
    drafted = store.save(draft_of(path, options, path.name), "at once")
    prepared = prepare_whole(path, options, path.name, folder=workspace.root)
    streamed = store.save_prepared(prepared, "in pieces")
    folders = [workspace.folder("datasets", view.id) for view in (drafted, streamed)]
    return drafted, streamed, folders


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet", ".json", ".xlsx", ".gz"])
@pytest.mark.parametrize("steps", [(), options.DEFAULT_STEPS, STEP_NAMES])
def test_both_ways_make_the_same_bytes(store, workspace, tmp_path, small_pieces, kind, steps):
    path = write(tmp_path / f"a{kind}", messy(200))
    chosen = Options(steps=steps, parameters=Parameters(similarity=0.6), restored=(5, 6, 41))

    drafted, streamed, folders = both_ways(store, workspace, path, chosen)

    assert streamed.kept + sum(streamed.removed.values()) == 200
    for name in ("sha256", "split_hashes", "splits", "kept", "removed", "changed", "joined"):
        assert getattr(drafted, name) == getattr(streamed, name)
    for name in FILES:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    locked = [json.loads((folder / "manifest.json").read_text())["locked"] for folder in folders]
    assert locked[0] == locked[1]


@pytest.mark.parametrize("steps", [(), options.DEFAULT_STEPS, STEP_NAMES])
def test_both_ways_carry_out_the_same_decisions(store, workspace, tmp_path, small_pieces, steps):
    path = write(tmp_path / "a.csv", messy(200))
    gone = {row.row for row in draft_of(path, Options(steps=steps), path.name).removed}
    rows = [1, 2, 199, 200, *sorted(gone)[:60]]
    edits = flagged(left_out((), rows[::3]), rows[1::3])
    for row in rows[2::3]:
        edits = reworded(
            edits, row, (Turn("user", f"ask <b>{row}</b>"), Turn("assistant", "a@b.co"))
        )

    drafted, streamed, folders = both_ways(
        store, workspace, path, Options(steps=steps, edits=edits)
    )

    assert streamed.changed["edited"] == len(rows[2::3])
    assert streamed.removed["excluded"] >= 2
    assert streamed.kept + sum(streamed.removed.values()) == 200
    assert drafted.sha256 == streamed.sha256
    for name in FILES:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_both_ways_make_the_same_conversations_of_messages(
    store, workspace, tmp_path, small_pieces
):
    messages = [
        {"thread_id": f"t{n % 40}", "turn": str(n // 40), "role": role, "content": f"said {n}"}
        for n in range(160)
        for role in [("user", "agent")[n // 40 % 2]]
    ]
    path = write(tmp_path / "a.csv", [*messages, {**messages[0], "thread_id": ""}])

    drafted, streamed, folders = both_ways(store, workspace, path, Options())

    assert (streamed.kept, streamed.joined, streamed.rows_read) == (40, 120, 161)
    for name in FILES:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_the_same_file_and_options_give_the_same_bytes_again(store, workspace, tmp_path):
    path = write(tmp_path / "a.csv", messy(300))

    made = []
    for name in ("one", "two"):
        prepared = prepare_whole(path, Options(steps=STEP_NAMES), "a.csv", folder=workspace.root)
        folder = workspace.folder("datasets", store.save_prepared(prepared, name).id)
        made.append([(folder / file).read_bytes() for file in FILES])

    assert made[0] == made[1]


def test_what_is_saved_already_is_found_and_nothing_is_left_beside_it(store, workspace, tmp_path):
    path = write(tmp_path / "a.csv", pairs(30))
    first = store.save(draft_of(path, Options(), "a.csv"), "a")

    again = store.save_prepared(prepare_whole(path, Options(), "a.csv"), "A")

    assert again == first
    assert [folder.name for folder in (workspace.root / "datasets").iterdir()] == [first.id]


def test_what_an_earlier_version_tests_is_tested_in_a_large_one_too(store, tmp_path):
    small = write(tmp_path / "a.csv", pairs(60))
    first = store.save(draft_of(small, Options(seed=1), "a.csv"), "a")
    tested = {c.group for c in store.conversations(first.id, "test")}

    whole = prepare_whole(write(tmp_path / "b.csv", pairs(90)), Options(seed=5), "b.csv")
    later = store.save_prepared(whole, "a")

    assert tested <= {c.group for c in store.conversations(later.id, "test")}


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_of_a_large_file_the_beginning_is_shown_and_that_is_said(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(prepare, "LARGE", 2000)
    monkeypatch.setattr(prepare, "_SHOWN", 1000)
    monkeypatch.setattr("chatui.data.reading._PREVIEWED", 20)
    monkeypatch.setattr("chatui.data.documents._PARQUET_ROWS", 10)
    path = write(tmp_path / f"a{kind}", pairs(400))

    draft = preview_of(path, Options(), path.name)

    assert 5 < draft.rows_read < 60
    assert draft.part_of == path.stat().st_size
    assert draft.accounted
    assert draft.notes[0].startswith(f"The first {draft.rows_read} rows of a file of ")
    assert draft.notes[0].endswith(" KB; all of it is read when you save.")
    assert draft_of(path, Options(), path.name).rows_read == 400


def test_a_small_file_is_shown_as_a_whole(tmp_path):
    path = write(tmp_path / "a.csv", pairs(40))

    assert preview_of(path, Options(), "a.csv").part_of is None


def test_a_column_that_first_comes_at_the_end_is_known_from_the_beginning(store, tmp_path):
    rows = [*pairs(3000), {"user": "a", "agent": "b", "system": "Be kind."}]
    path = write(tmp_path / "a.jsonl", rows)

    view = store.save_prepared(prepare_whole(path, Options(), "a.jsonl"), "a")

    assert store.rows(view.id)[-1].turns[0].text == "Be kind."


def test_json_in_one_piece_has_a_limit_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(origins, "MAX_WHOLE", 2**20)
    path = write(tmp_path / "a.json", pairs(30_000))

    with pytest.raises(TooLargeAtOnce, match=r"a\.json is one piece of JSON, .* may have 1 MB"):
        prepare_whole(path, Options(), "a.json")


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("user,agent\n", NoRows, "there is only a header"),
        ("user,agent\n,\n", NoUsableRow, "Its only row can't be used. Row 1: the reply is blank"),
        ("user,agent\na\nb\n", NoUsableRow, "None of its 2 rows can be used. Row 1: line 2: 1 v"),
    ],
)
def test_a_file_of_which_nothing_is_left_says_so_whichever_way_it_is_read(
    tmp_path, text, error, sentence
):
    path = tmp_path / "a.csv"
    path.write_text(text)

    for way in (draft_of, prepare_whole, preview_of):
        with pytest.raises(error, match=sentence):
            way(path, Options(), "a.csv")


def test_the_work_says_how_far_it_is(tmp_path, store):
    path = tmp_path / "a.csv"
    path.write_text(csv_text(pairs(9000)))
    seen = []

    prepared = prepare_whole(path, Options(), "a.csv", report=seen.append)
    store.save_prepared(prepared, "a", report=seen.append)

    assert list(dict.fromkeys(each.doing for each in seen)) == [
        "reading",
        "comparing",
        "writing",
        "saving",
    ]
    read = [each for each in seen if each.doing == "reading"]
    assert read[-1].done == read[-1].total == path.stat().st_size
    assert [each.rows for each in read] == sorted(each.rows for each in read)
    assert seen[-2] == ("writing", 9000, 9000, 9000)
