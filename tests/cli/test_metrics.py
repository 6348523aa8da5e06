"""`metrics` prints one JSON object, or a table, or a sentence."""

import json

import pytest

from chatui.cli import main


@pytest.fixture
def run(tmp_path, capsys):
    """Score these lines; returns (status, stdout, stderr)."""

    def run(lines: list[dict[str, object]], *options: str) -> tuple[int, str, str]:
        path = tmp_path / "pairs.jsonl"
        path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
        status = main(["metrics", str(path), *options])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


LINES = [
    {"reply": f"It is number {n}.", "references": [f"It was number {n}."], "label": "x"}
    for n in range(12)
]
TWO = [{**line, "reply_b": line["references"][0]} for line in LINES]


def test_json_is_one_object_with_a_figure_for_each_metric(run):
    status, out, err = run(LINES, "--json")

    assert (status, err) == (0, "")
    found = json.loads(out)
    assert set(found) == {"n", "seed", "a"}
    assert set(found["a"]["bleu"]) == {"value", "low", "high", "n", "signature"}


def test_two_systems_have_a_difference_with_p(run):
    found = json.loads(run(TWO, "--json")[1])

    assert {"a", "b", "difference"} < set(found)
    assert found["b"]["exact_match"]["value"] == 1
    assert found["difference"]["chrf2"]["p"] < 0.01
    assert found["difference"]["chrf2"]["p_adjusted"] >= found["difference"]["chrf2"]["p"]


def test_an_undefined_metric_is_null_with_a_reason_and_exit_0(run):
    status, out, _ = run([{"reply": "", "references": ["x"]}], "--json")

    assert status == 0
    assert json.loads(out)["a"]["self_bleu"]["value"] is None
    assert json.loads(out)["a"]["self_bleu"]["reason"] == "fewer than two replies have tokens"


def test_people_get_a_table(run):
    longer = [{**TWO[0], "reply": f"It is number {n}."} for n in range(40)]

    status, out, _ = run(longer)

    assert status == 0
    assert "b − a" in out
    assert "exact_match" in out
    assert "p < .001" in out
    assert "0.000 [0.000, 0.000]" in out
    assert "-0.000" not in out


def test_reasons_stand_below_the_table(run):
    out = run([{"reply": "", "references": ["x"]}])[1]

    assert "undefined" in out
    assert "self_bleu: fewer than two replies have tokens." in out


def test_a_bad_line_gets_a_sentence(run):
    status, out, err = run([LINES[0], {"reply": "a", "references": "b"}], "--json")

    assert (status, out) == (1, "")
    assert "line 2: 'references' is a bare text" in err


def test_a_seed_below_0_gets_a_sentence(run):
    status, out, err = run(LINES, "--seed", "-1")

    assert (status, out) == (1, "")
    assert "--seed" in err
