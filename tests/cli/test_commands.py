"""The command line: one JSON object on stdout, a sentence on stderr, 0 or 1."""

import gzip

import pytest

from chatui.cli.printing import table


def test_add_accounts_for_every_row_and_saves_a_version(run, file):
    status, added, _ = run("add", str(file), "--name", "Support")

    assert status == 0
    assert added["dataset"] == "support-v1"
    assert (added["rows_read"], added["kept"]) == (31, 30)
    assert sum(added["removed"].values()) == 1
    assert sum(added["splits"].values()) == 30
    assert len(added["sha256"]) == 64


def test_add_tells_where_each_record_went(run, tmp_path):
    path = tmp_path / "support.jsonl.gz"
    lines = [f'{{"user": "q {n}", "agent": " a {n}"}}' for n in range(3)]
    path.write_bytes(gzip.compress("\n".join([*lines, '{"user": 7}', "{broken"]).encode()))

    status, added, _ = run("add", str(path))

    assert status == 0
    assert (added["dataset"], added["rows_read"], added["kept"]) == ("support-v1", 5, 3)
    assert added["changed"] == {"spaces": 3}
    assert [(row["row"], row["field"]) for row in added["quarantined"]] == [(4, "user"), (5, None)]
    assert "a number (7), not a text" in added["quarantined"][0]["reason"]
    assert added["accounted"] is True
    text = run("add", str(path), as_json=False)[1]
    assert "support-v1: 5 read = 3 kept + 2 removed" in text
    assert "row 5: line 5: the JSON is broken at column 2" in text


def test_of_many_quarantined_rows_the_first_are_told_and_the_others_counted(run, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("user,agent\nq,a\n" + "only one\n" * 9)

    assert "and 4 more; --json has all" in run("add", str(path), as_json=False)[1]


def test_the_same_file_twice_is_the_same_version(run, file):
    assert run("add", str(file))[1] == run("add", str(file))[1]


def test_columns_can_be_named(run, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("kunde,wir,frei\n" + "\n".join(f"q {n},a {n},x" for n in range(3)))

    status, added, _ = run("add", str(path), "--map", "user=kunde", "--map", "assistant=wir")

    assert status == 0
    assert added["kept"] == 3


def test_the_sample_is_there_from_the_start(run):
    _, listed, _ = run("datasets")

    assert [row["sample"] for row in listed["datasets"]] == [True]


def test_a_bad_file_gets_a_sentence_and_no_traceback(run, tmp_path):
    path = tmp_path / "cat.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))

    status, out, err = run("add", str(path))

    assert (status, out) == (1, "")
    assert "PNG" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "r9"), "r9"),
        (("train", "nothing-v1"), "nothing-v1"),
        (("train", "sample-support-v1", "--set", "epochs"), "epochs"),
        (("train", "sample-support-v1", "--set", "epochs=many"), "epochs"),
        (("train", "sample-support-v1", "--set", "speed=9"), "speed"),
        (("score", "r1"), "r1"),
        (("chat", "r1", "hello"), "r1"),
        (("add", "/no/such/file.csv"), "file.csv"),
        (("add", "http://127.0.0.1/a.csv"), "127.0.0.1 is not on the public internet"),
        (("serve", "--port", "99999"), "port"),
        (("nonsense",), "nonsense"),
        (("chat",), "MODEL"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run, words, told):
    status, out, err = run(*words)

    assert status == 1
    assert out == ""
    assert told.lower() in err.lower()
    assert "Traceback" not in err


def test_a_bug_leaves_its_traceback_in_a_file_and_not_on_the_screen(run, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("chatui.cli.commands._open", lambda _: 1 / 0)

    status, _, err = run("datasets")

    assert status == 1
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err
    assert "Traceback" in (tmp_path / "chatui-crash.log").read_text()


@pytest.mark.slow
def test_the_road_from_a_file_to_a_reply(run, file):
    run("add", str(file))
    options = ("--set", "epochs=1", "--set", "lora_rank=4", "--wait")
    status, trained, err = run("train", "support-v1", *options)
    assert (status, trained["state"]) == (0, "finished"), err
    assert trained["step"] == trained["steps"] > 0
    assert trained["validation_perplexity"] > 1
    assert trained["tokens_per_second"] > 0
    assert trained["peak_memory_mb"] > 0

    assert [row["run"] for row in run("runs")[1]["runs"]] == ["r1"]
    assert run("show", "r1")[1]["train_loss"] == trained["train_loss"]
    status, _, err = run("resume", "r1")
    assert status == 1
    assert "finished" in err

    status, scored, err = run("score", "r1", "--limit", "3")
    assert status == 0, err
    assert scored["n"] == 3
    for system in ("base", "tuned"):
        for metric in ("perplexity", "bleu", "chrf2"):
            assert set(scored[system][metric]) >= {"value", "low", "high"}
    assert scored["tuned"]["perplexity"]["value"] < scored["base"]["perplexity"]["value"]

    status, talked, _ = run("chat", "r1", "How do I do thing 4?", "--system", "Be kind.")
    assert status == 0
    assert talked["reply"].strip()
    assert run("chat", "base", "hello", as_json=False)[1].strip()


@pytest.mark.slow
def test_a_run_that_is_not_waited_for_goes_on_until_it_is_stopped(run):
    _, started, _ = run("train", "sample-support-v1", "--set", "epochs=50")
    assert started["state"] == "running"

    status, stopped, err = run("stop", "r1")

    assert (status, stopped["state"]) == (0, "stopped"), err
    assert stopped["step"] < stopped["steps"] or stopped["steps"] == 0
    assert run("runs")[1]["runs"][0]["state"] == "stopped"


def test_a_table_lines_up():
    assert table(["a", "long"], [["xyz", "1"]]) == "a    long\n---  ----\nxyz  1"
