"""Commands of search; jobs are queued and done by nobody."""

import pytest

from chatui.jobs import Journal
from chatui.workspace import Workspace


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker is started: a search stays as it was made."""
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)


def test_a_search_is_started_listed_and_stopped(run, tmp_path):
    words = ("sample-support-v1", "--trials", "3", "--space", "lr,rank=4..32", "--seed", "7")
    status, told, err = run("search", *words, "--set", "epochs=2", "--method", "random")

    assert status == 0, err
    assert (told["search"], told["state"], told["best"]) == ("s1", "running", None)
    assert told["space"] == ["learning_rate=0.0006..0.018", "lora_rank=4..32"]
    journal = Journal(Workspace(tmp_path / "workspace").folder("searches", "s1"))
    journal.append("trial", trial=0, values={"learning_rate": 0.006, "lora_rank": 16})
    journal.append("queued", trial=0, run="r1")
    journal.append("ended", trial=0, state="complete", loss=0.5)
    journal.append("finished")

    _, listed, _ = run("searches")
    assert listed["searches"][0]["best"] == {
        "trial": 1,
        "run": "r1",
        "state": "complete",
        "validation_loss": 0.5,
        "options": {"learning_rate": 0.006, "lora_rank": 16},
        "reason": None,
    }
    _, text, _ = run("searches", "s1", as_json=False)
    assert "s1 is done: 1 complete. Best: trial 1 (r1), validation loss 0.5000." in text
    assert text.splitlines()[1].split() == [
        *("trial", "run", "state", "loss"),
        *("learning_rate", "lora_rank"),
    ]
    _, text, _ = run("searches", as_json=False)
    assert "0.5000 (r1)" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing-v1",), "no dataset called 'nothing-v1'"),
        (("sample-support-v1", "--space", "speed"), "no option 'speed'"),
        (("sample-support-v1", "--method", "luck"), "method: Input should be"),
        (("sample-support-v1", "--trials", "0"), "both 0"),
        (("sample-support-v1", "--set", "epochs=-1"), "--set"),
    ],
)
def test_what_cannot_be_searched_is_said_and_starts_nothing(run, words, said):
    status, _, err = run("search", *words)

    assert status == 1
    assert said in err
    assert "Traceback" not in err
    assert run("searches")[1]["searches"] == []


def test_a_finished_search_is_not_resumed_and_an_unknown_one_is_named(run, tmp_path):
    run("search", "sample-support-v1", "--minutes", "5")
    Journal(Workspace(tmp_path / "workspace").folder("searches", "s1")).append("finished")

    _, _, err = run("searches", "s1", "--resume")
    assert "s1 is finished" in err
    _, _, err = run("searches", "s9")
    assert "no search called 's9'. Known: s1" in err
