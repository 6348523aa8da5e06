"""Recipes, removed rows, differences and exports on the command line."""

import json

import pytest


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(
        json.dumps({"steps": ["flagged"], "parameters": {"flagged_words": ["thing 7"]}})
    )
    return path


def test_a_dry_run_tells_what_would_happen_and_saves_nothing(run, file, recipe):
    status, told, _ = run("add", str(file), "--recipe", str(recipe), "--dry-run")

    assert status == 0
    assert told["dataset"] is None
    assert (told["rows_read"], told["kept"], told["removed"]) == (31, 30, {"flagged": 1})
    assert told["removed_examples"]["flagged"][0]["row"] == 8
    assert len(run("datasets")[1]["datasets"]) == 1
    text = run("add", str(file), "--dry-run", as_json=False)[1]
    assert "Nothing was saved. 31 read = 30 kept + 1 removed" in text


def test_splits_have_the_same_share_of_each_label_on_demand(run, tmp_path):
    rows = [f"question {n},reply {n},{'rare' if n < 20 else 'often'}" for n in range(200)]
    (tmp_path / "a.csv").write_text("\n".join(["user,agent,label", *rows]))

    _, added, _ = run("add", str(tmp_path / "a.csv"), "--stratify-by", "label")
    run("export", added["dataset"], "-o", str(tmp_path / "o"))

    lines = [json.loads(line) for line in (tmp_path / "o").read_text().splitlines()]
    tested = [line["label"] for line in lines if line["split"] == "test"]
    assert (len(tested), tested.count("rare")) == (20, 2)


def test_rows_that_are_added_later_leave_the_others_in_their_splits(run, tmp_path):
    lines = [f"What is thing{n} for,It is {n}.,x" for n in range(60)]
    splits = []
    for name, some in (("a", lines[:40]), ("b", lines[20:] + lines[:20])):
        (tmp_path / f"{name}.csv").write_text("\n".join(["user,agent,label", *some]))
        _, added, _ = run("add", str(tmp_path / f"{name}.csv"), "--split-by-content")
        run("export", added["dataset"], "-o", str(tmp_path / name))
        rows = map(json.loads, (tmp_path / name).read_text().splitlines())
        splits.append({row["messages"][0]["content"]: row["split"] for row in rows})

    assert splits[0].items() <= splits[1].items()
    assert len(splits[1]) == 60


def test_a_file_is_added_by_a_recipe(run, file, recipe):
    _, added, _ = run("add", str(file), "--recipe", str(recipe))

    assert added["removed"] == {"flagged": 1}


def test_a_version_is_cleaned_by_a_recipe_into_its_child(run, file, recipe):
    run("add", str(file))

    _, dry, _ = run("clean", "support-v1", "--recipe", str(recipe), "--dry-run")
    status, made, _ = run("clean", "support-v1", "--recipe", str(recipe))

    assert (status, dry["removed"]) == (0, {"flagged": 1})
    assert (made["dataset"], made["parent"], made["kept"]) == ("support-v2", "support-v1", 29)
    _, same, err = run("clean", "support-v2", "--recipe", str(recipe))
    assert same["dataset"] == "support-v2"
    assert "changes nothing" in err


def test_removed_rows_are_listed_by_step_and_come_back(run, file):
    run("add", str(file))

    _, all_of_them, _ = run("removed", "support-v1")
    _, copies, _ = run("removed", "support-v1", "--reason", "duplicates")
    _, none, _ = run("removed", "support-v1", "--reason", "blank")
    status, made, _ = run("restore", "support-v1", "31")

    row = copies["removed"][0]
    assert all_of_them == copies
    assert none["removed"] == []
    assert (row["row"], row["step"], row["reason"]) == (31, "duplicates", "says the same as row 1")
    assert row["messages"][0]["role"] == "user"
    assert (status, made["dataset"], made["kept"], made["removed"]) == (0, "support-v2", 31, {})


def test_the_difference_of_two_versions_is_told(run, file):
    run("add", str(file))
    run("restore", "support-v1", "31")

    _, found, _ = run("diff", "support-v1", "support-v2")
    text = run("diff", "support-v1", "support-v2", as_json=False)[1]

    assert [row["row"] for row in found["added"]] == [31]
    assert found["removed"] == []
    assert found["same"] + len(found["changed"]) == 30
    assert text.startswith("support-v1 → support-v2: 1 added, 0 removed")


def test_a_version_is_exported(run, file, tmp_path):
    run("add", str(file))

    status, told, _ = run("export", "support-v1", "--format", "messages", "-o", str(tmp_path / "o"))

    lines = [json.loads(line) for line in (tmp_path / "o").read_text().splitlines()]
    assert (status, told["rows"], len(lines)) == (0, 30, 30)
    assert set(lines[0]) == {"messages", "split", "id"}


def test_masked_values_are_kept_apart_and_for_their_owner_alone(run, tmp_path):
    (tmp_path / "a.csv").write_text("user,agent\nI am jo@example.org,Hello jo@example.org\n")
    (tmp_path / "r.json").write_text('{"steps": ["pii"]}')
    key = tmp_path / "key.json"
    words = ("--recipe", str(tmp_path / "r.json"), "--key", str(key))

    run("add", str(tmp_path / "a.csv"), *words, "--dry-run")
    assert not key.exists()
    _, added, told = run("add", str(tmp_path / "a.csv"), *words)

    assert json.loads(key.read_text()) == {"<EMAIL_1>": "jo@example.org"}
    assert key.stat().st_mode & 0o777 == 0o600
    assert "1 masked values are in" in told
    folder = tmp_path / "workspace" / "datasets" / added["dataset"]
    assert all(b"jo@example" not in file.read_bytes() for file in folder.iterdir())


def test_letters_that_may_be_others_are_shown_in_three_ways_to_choose_among(run, tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"Wo ist Paket {n} für Łódź?,Im Büro.\n" for n in range(9))
    path.write_bytes(("user,agent\n" + rows).encode("cp1250"))

    _, guessed, told = run("add", str(path), "--name", "guessed")
    _, chosen, quiet = run("add", str(path), "--name", "chosen", "--encoding", "cp1250")

    assert told.count("--encoding cp") + told.count("--encoding mac") == 3
    assert "--encoding cp1250\nWo ist Paket 0 für Łódź?,Im Büro." in told
    assert "it was read as Windows-1252" in told
    assert "--encoding" not in quiet
    assert guessed["sha256"] != chosen["sha256"]
    assert run("add", str(path), "--encoding", "klingon")[2].startswith("There is no encoding")


def test_stopping_in_the_middle_leaves_nothing(run, file, tmp_path, monkeypatch):
    from chatui.cli import adding

    def tell(_, progress):
        if progress.doing == "writing":
            raise KeyboardInterrupt

    monkeypatch.setattr(adding.Telling, "tell", tell)
    status, out, err = run("add", str(file))

    assert (status, out) == (1, "")
    assert f"Stopped: nothing of {str(file)[:60]}" in err
    names = [path.name for path in (tmp_path / "workspace" / "datasets").iterdir()]
    assert names == ["sample-support-v1"]


def test_how_far_a_long_work_is_is_told_on_stderr(run, file, monkeypatch):
    monkeypatch.setattr("chatui.cli.adding._TELL_AFTER", 0.0)

    status, added, err = run("add", str(file))

    assert (status, added["kept"]) == (0, 30)
    assert "reading: 100% of 2 KB, 31 rows" in err
    assert "writing: 100%, 30 rows" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("removed", "nothing-v1"), "nothing-v1"),
        (("removed", "sample-support-v1", "--reason", "magic"), "magic"),
        (("restore", "sample-support-v1", "1"), "Row 1 can't be brought back"),
        (("restore", "sample-support-v1"), "ROWS"),
        (("diff", "sample-support-v1", "nothing-v1"), "nothing-v1"),
        (("export", "sample-support-v1", "--format", "xml", "-o", "x"), "--format"),
        (("clean", "sample-support-v1"), "--recipe"),
        (("clean", "sample-support-v1", "--recipe", "/no/recipe.json"), "recipe.json"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run, words, told):
    status, out, err = run(*words)

    assert (status, out) == (1, "")
    assert told.lower() in err.lower()
    assert "Traceback" not in err
