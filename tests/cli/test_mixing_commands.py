"""`mix`, `balance` and `augment`: a table first, then a version."""

import pytest


@pytest.fixture
def two(run, tmp_path):
    """Two datasets, one of them with labels."""
    for name, count, label in (("large", 100, "a"), ("small", 40, "b")):
        labels = (label if n % 4 else "rare" for n in range(count))
        rows = [f"What is {name}{n} for,It is thing {n}.,{x}" for n, x in enumerate(labels)]
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(["user,agent,label", *rows]))
        run("add", str(path))


def test_a_mixture_is_shown_and_then_saved(run, two):
    words = ("mix", "large-v1:1", "small-v1:3", "--name", "Both", "--rows", "100")

    _, dry, _ = run(*words, "--dry-run")
    assert dry["dataset"] is None
    assert [line["seen"] for line in dry["sources"]] == [25, 75]
    assert len(run("datasets")[1]["datasets"]) == 3

    status, made, _ = run(*words)
    assert (status, made["dataset"], made["sources"]) == (0, "both-v1", dry["sources"])
    assert made["parents"] == ["large-v1", "small-v1"]
    assert made["rows_read"] == made["kept"] + sum(made["removed"].values()) == 140
    assert made["splits"]["train"] == 100
    assert made["accounted"] is True
    text = run(*words, "--dry-run", as_json=False)[1]
    assert "Nothing was saved." in text
    assert "75.0 %" in text
    assert "repeats" in text


def test_the_imbalance_is_shown_with_bars_and_saves_nothing(run, two):
    _, found, _ = run("balance", "large-v1")
    text = run("balance", "large-v1", as_json=False)[1]

    assert found["dataset"] is None
    assert [line["label"] for line in found["labels"]] == ["a", "rare"]
    assert text.splitlines()[3].count("█") == 24
    assert "Nothing was saved." in text


def test_labels_are_capped_or_repeated(run, two):
    _, capped, _ = run("balance", "large-v1", "--cap", "10")
    _, even, _ = run("balance", "large-v1", "--weights", "--times", "2")
    text = run("balance", "large-v1", "--weights", as_json=False)[1]

    assert (capped["dataset"], capped["added"]) == ("large-v2", 0)
    assert capped["removed"]["cap"] == sum(line["dropped"] for line in capped["labels"]) > 0
    assert {line["seen"] for line in capped["labels"]} == {10}
    assert (even["removed"], even["added"]) == ({}, even["labels"][1]["repeated"])
    assert "large-v4: 100 rows = 100 kept + 0 left out; 44 added for training" in text


def test_noise_is_shown_and_then_added(run, two):
    _, dry, _ = run("augment", "large-v1", "--noise", "0.2", "--dry-run")
    status, made, _ = run("augment", "large-v1", "--noise", "0.2")
    text = run("augment", "large-v1", "--noise", "0.1", "--dry-run", as_json=False)[1]

    assert dry["dataset"] is None
    assert dry["examples"][0]["before"] != dry["examples"][0]["after"]
    assert (status, made["dataset"], made["added"]) == (0, "large-v2", dry["added"])
    assert made["accounted"] is True
    assert "rows added by noise to 80 training rows" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mix", "large-v1:1", "--name", "x"), "fewer than two"),
        (("mix", "large-v1:1", "nothing-v1:1", "--name", "x"), "nothing-v1"),
        (("mix", "large-v1:1", "small-v1:much", "--name", "x"), "'much' is no weight of small-v1"),
        (("mix", "large-v1:1", "small-v1"), "--name"),
        (("balance", "large-v1", "--cap", "0"), "a cap of 0"),
        (("balance", "large-v1", "--cap", "3", "--weights"), "choose one of them"),
        (("augment", "large-v1"), "choose one of --noise"),
        (("augment", "large-v1", "--noise", "7"), "at most 1"),
        (("augment", "large-v1", "--back-translate", "/no/a", "/no/b"), "/no/a: there is no such"),
        (("augment", "large-v1", "--paraphrase", "http://127.0.0.1:1/v1"), "nothing answers there"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run, two, words, told):
    status, out, err = run(*words)

    assert (status, out) == (1, "")
    assert told.lower() in err.lower()
    assert "Traceback" not in err
    assert len(run("datasets")[1]["datasets"]) == 3
