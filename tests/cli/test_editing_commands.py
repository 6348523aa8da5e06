"""Rows are edited, left out and flagged on the command line."""

import pytest


def texts(run, version):
    _, found, _ = run("flag", version)
    return found


def test_a_row_is_edited_in_the_next_version(run, file, tmp_path):
    run("add", str(file))

    status, made, _ = run("edit", "support-v1", "3", "--reply", "Like that.")
    run("export", "support-v2", "-o", str(tmp_path / "o.jsonl"))

    assert (status, made["dataset"], made["parent"]) == (0, "support-v2", "support-v1")
    assert made["changed"]["edited"] == 1
    assert '"How do I do thing 2?"' in (tmp_path / "o.jsonl").read_text()
    assert '"Like that."' in (tmp_path / "o.jsonl").read_text()


def test_any_turn_is_edited_by_its_number(run, file):
    run("add", str(file))

    _, made, _ = run("edit", "support-v1", "3", "--turn", "1=Why?")
    _, found, _ = run("diff", "support-v1", made["dataset"])

    assert [row["after"]["messages"][0]["content"] for row in found["changed"]] == ["Why?"]


def test_rows_are_left_out_and_come_back(run, file):
    run("add", str(file))

    _, made, _ = run("exclude", "support-v1", "3", "4")
    _, gone, _ = run("removed", made["dataset"], "--reason", "excluded")
    _, same, told = run("exclude", made["dataset"], "3")
    _, back, _ = run("restore", made["dataset"], "3", "4")

    assert made["removed"] == {"duplicates": 1, "excluded": 2}
    assert [(row["row"], row["reason"]) for row in gone["removed"]] == [
        (3, "you left it out"),
        (4, "you left it out"),
    ]
    assert same["dataset"] == made["dataset"]
    assert "already" in told
    assert back["removed"] == {"duplicates": 1}


def test_rows_are_flagged_listed_and_no_longer_flagged(run, file):
    run("add", str(file))

    _, made, _ = run("flag", "support-v1", "3")
    _, listed, _ = run("flag", made["dataset"])
    _, off, _ = run("flag", made["dataset"], "3", "--off")

    assert [row["row"] for row in listed["flagged"]] == [3]
    assert listed["flagged"][0]["messages"][0]["content"] == "How do I do thing 2?"
    assert run("flag", off["dataset"])[1]["flagged"] == []
    assert "No row of support-v1 is flagged" in run("flag", "support-v1", as_json=False)[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("edit", "sample-support-v1", "1"), "--user"),
        (("edit", "sample-support-v1", "1", "--reply", " "), "--reply: the reply is blank"),
        (("edit", "sample-support-v1", "1", "--turn", "9=x"), "row 1 has turns 1 to 2"),
        (("edit", "sample-support-v1", "9999", "--reply", "x"), "there is no such row"),
        (("exclude", "sample-support-v1"), "ROWS"),
        (("exclude", "sample-support-v1", "9999"), "there is no such row"),
        (("flag", "nothing-v1", "1"), "nothing-v1"),
    ],
)
def test_what_cannot_be_done_to_a_row_is_said_in_a_sentence(run, words, told):
    status, out, err = run(*words)

    assert (status, out) == (1, "")
    assert told.lower() in err.lower()
    assert "Traceback" not in err
