"""On a mixture, validation is measured for each source apart, and the parts make the whole."""

import math

import pytest

from chatui.data.mixing import Part, mixture, save_mixture
from chatui.data.prepare import prepare
from chatui.model.catalog import find_base
from chatui.model.engine import Engine
from chatui.model.requests import Item
from chatui.train.by_source import source_lines
from chatui.train.worker.by_source import by_source
from chatui.train.worker.training import train
from chatui.ui.tabs.train import looking
from tests.train.conftest import SMALL, made, trained


@pytest.fixture
def mixed(bench, tmp_path):
    """A version mixed of two datasets that ask different things."""
    path = tmp_path / "weather.jsonl"
    path.write_text(
        "\n".join(
            f'{{"user": "How warm is day {n} of the year {n * 7}?", "agent": "{n} degrees."}}'
            for n in range(40)
        )
    )
    other = bench.datasets.save(prepare(path), "Weather")
    both = mixture(bench.datasets, [Part(bench.dataset.id, 2), Part(other.id, 1)], "both")
    return save_mixture(bench.datasets, both, "both")


def test_a_run_on_a_mixture_tells_its_sources_apart(bench, tiny_base, mixed):
    task = made(bench, lambda: bench.runs.start(mixed.id, SMALL, str(tiny_base)))
    train(task)
    task.journal.append("finished")
    run = bench.runs.view(task.folder.name)

    for event in run.job.of_kind("evaluation"):
        parts = event["by_source"]
        assert set(parts) == {bench.dataset.id, "weather-v1"}
        nats = sum(part["loss"] * part["tokens"] for part in parts.values())
        assert sum(part["tokens"] for part in parts.values()) == event["tokens"]
        assert nats / event["tokens"] == pytest.approx(event["loss"])
    lines = {line.source: line for line in source_lines(run)}
    rows = bench.datasets.conversations(mixed.id, "validation")
    engine = Engine.open(find_base(str(tiny_base)))
    adapter = engine.attach(run.adapter)
    for source, line in lines.items():
        mine = [row for row in rows if row.source == source]
        scored = engine.likelihoods([Item(row.turns, adapter) for row in mine])
        loss = sum(each.nats for each in scored) / sum(each.tokens for each in scored)
        assert line.rows == len(mine)
        assert line.kept == pytest.approx(loss, rel=0.02)  # bfloat16, in other batches
        assert line.before > line.kept
    shown = looking.chart(run, [], "Loss", "none")
    assert "Validation perplexity of" in shown
    assert "weather-v1" in shown


def test_a_run_on_one_dataset_has_no_sources_to_tell_apart(bench, start):
    run = bench.runs.view(trained(bench, start, epochs=1, evaluations=1))

    assert source_lines(run) == []
    assert "Validation perplexity of" not in looking.chart(run, [], "Loss", "none")


def test_rows_count_by_their_tokens_and_in_the_order_of_their_sources():
    sums = {1: (4.0, 2), 0: (3.0, 1), 2: (5.0, 5)}

    assert by_source(sums, ["a", "b", "a"]) == {
        "a": {"loss": 8 / 6, "tokens": 6, "rows": 2},
        "b": {"loss": 2.0, "tokens": 2, "rows": 1},
    }
    assert by_source(sums, [None, None, None]) == {}
    assert by_source(sums, []) == {}
    assert set(by_source(sums, [None, "b", None])) == {"no source", "b"}
    assert math.isclose(by_source(sums, [None, "b", None])["b"]["loss"], 2.0)
