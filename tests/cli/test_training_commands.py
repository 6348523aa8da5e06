"""Commands that keep, compare and reuse how runs were made; jobs are queued and done by nobody."""

import json

import pytest

from chatui.cli import main
from chatui.jobs import Journal
from chatui.train.config_file import from_yaml


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker is started: a run stays as it was made."""
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)


def test_the_options_of_a_run_go_to_a_file_and_start_another_one(run, tmp_path):
    run("train", "sample-support-v1", "--set", "epochs=3", "--set", "dora=true")
    file = tmp_path / "mine.yaml"

    status, _, err = run("config", "r1", "-o", str(file))
    assert status == 0, err
    status, _, err = run("train", "--config", str(file), "--set", "epochs=4")
    assert status == 0, err

    _, differ, _ = run("config", "r1", "--against", "r2")
    assert differ["differences"] == {"epochs": [3, 4]}
    _, told, _ = run("config", "r1", "--against", "r2", as_json=False)
    assert told.split()[-3:] == ["epochs", "3", "4"]
    _, alike, _ = run("config", "r1", "--against", "r1", as_json=False)
    assert alike.strip() == "They were configured alike."
    _, text, _ = run("config", "r2", as_json=False)
    assert from_yaml(text, "r2").config.epochs == 4


def test_a_config_file_that_cannot_be_used_starts_nothing(run, tmp_path):
    (tmp_path / "bad.yaml").write_text("options: {epochs: -1}")

    for words in (
        ("train", "sample-support-v1", "--config", str(tmp_path / "bad.yaml")),
        ("train", "sample-support-v1", "--config", str(tmp_path / "none.yaml")),
        ("train",),
    ):
        status, _, err = run(*words)
        assert status == 1
        assert "Traceback" not in err
    assert run("runs")[1]["runs"] == []


def test_a_run_without_an_adapter_is_not_continued_and_one_that_waits_can_be_discarded(run):
    run("train", "sample-support-v1")
    run("train", "sample-support-v1")

    status, _, err = run("continue", "r1")
    assert (status, "has no final adapter yet" in err) == (1, True)

    status, told, err = run("stop", "r2", "--discard")
    assert (status, told["state"]) == (0, "discarded"), err
    assert [row["run"] for row in run("runs")[1]["runs"]] == ["r1"]


def test_the_switch_for_privacy_brings_what_it_needs_and_contradictions_are_refused(run):
    status, _, err = run("train", "sample-support-v1", "--set", "privacy_epsilon=8")
    assert status == 0, err
    assert "packing=False: privacy needs it" in err
    assert "gradient_accumulation=4: privacy needs it" in err
    _, made, _ = run("config", "r1")
    assert (made["packing"], made["gradient_accumulation"]) == (False, 4)
    _, shown, _ = run("show", "r1")
    assert (shown["epsilon"], shown["delta"]) == (None, None)

    both = ("--set", "privacy_epsilon=8", "--set", "packing=true")
    status, _, err = run("train", "sample-support-v1", *both)
    assert status == 1
    assert "Turn packing off." in err


def test_a_run_is_made_for_several_machines_and_its_line_is_said(run):
    words = ("train", "sample-support-v1", "--processes", "16", "--sharded", "--prepare")

    status, made, err = run(*words)

    assert status == 0, err
    assert made["command"].startswith("torchrun --nproc_per_node 16 -m chatui.train.worker ")
    _, found, _ = run("show", made["run"])
    assert found["state"] == "stopped"
    status, _, err = run("resume", made["run"], "--processes", "5000")
    assert status == 1
    assert "Processes is 5000" in err
    status, _, err = run("resume", made["run"], "--processes", "1")
    assert status == 0, err


def test_a_run_is_queued_for_hugging_face_and_takes_no_device(run):
    _, here, _ = run("train", "sample-support-v1")
    status, there, err = run("train", "sample-support-v1", "--on", "hf:a10g-small", "--hours", "3")

    assert status == 0, err
    assert [here["state"], there["state"]] == ["running", "running"]
    status, _, err = run("train", "sample-support-v1", "--on", "a10g-small")
    assert status == 1
    assert "such as hf:a10g-small" in err


def test_base_tells_size_and_licence(capsys):
    assert main(["base", "starter", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["licence"], told["is_here"]) == ("apache-2.0", True)
    assert told["size_mb"] > 1


def test_a_dry_run_prints_what_five_steps_took_and_starts_no_run(run, monkeypatch):
    def five_steps(folder, module):
        journal = Journal(folder)
        journal.append("encoded", rows=418, tokens=22_000)
        journal.append("step", step=0, steps=5)
        for step in range(1, 6):
            figures = {"loss": 2.0, "tokens": 400, "seconds": 4.0, "memory_mb": 800}
            journal.append("step", step=step, steps=5, **figures)
        journal.append("finished")

    monkeypatch.setattr("chatui.jobs.queue.spawn", five_steps)

    status, told, err = run("train", "sample-support-v1", "--dry-run", "--set", "epochs=2")

    assert status == 0, err
    assert (told["steps"], told["tokens_per_second"], told["peak_memory_mb"]) == (5, 100, 800)
    assert told["seconds"] == pytest.approx(440, abs=5)
    _, text, _ = run("train", "sample-support-v1", "--dry-run", "--set", "epochs=2", as_json=False)
    assert "5 steps were measured: the whole run takes about 440 s and 0.8 GB" in text
    assert run("runs")[1]["runs"] == []


def test_a_dry_run_that_fails_says_why(run, monkeypatch):
    def fails(folder, module):
        Journal(folder).append("failed", reason="The machine ran out of memory.")

    monkeypatch.setattr("chatui.jobs.queue.spawn", fails)

    status, _, err = run("train", "sample-support-v1", "--dry-run")

    assert status == 1
    assert "The time was not measured: The machine ran out of memory." in err
