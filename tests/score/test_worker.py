"""A score measures each item once, whatever happens in between, and its report adds up."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chatui.errors import EqualWeights, SetupChanged
from chatui.jobs import JobStopped, Task, view_job
from chatui.model.requests import Item, Likelihood
from chatui.replies import ReplyStore
from chatui.score.comparison import METRICS
from chatui.score.readable import as_markdown
from chatui.score.report import from_json, to_json
from chatui.score.worker import work
from chatui.ui.tabs.score.describe import figures as shown
from chatui.workspace import read_json, write_json
from tests.conftest import wait_until
from tests.fakes import FakeEngine


def measure(folder: Path, engine: FakeEngine) -> None:
    work(Task(folder), lambda base: engine)


def test_a_score_ends_in_a_report_on_all_items(make_score, items):
    folder, engine = make_score(), FakeEngine(items)

    measure(folder, engine)

    report = from_json(read_json(folder / "report.json"))
    assert report.n == report.total == len(items) > 0
    assert report.verdict.startswith("▲ Tuned is better: BLEU +")
    assert report.tuned["perplexity"].value < report.base["perplexity"].value
    assert [item.id for item in report.items] == [item.id for item in items]
    assert report.items[0].tuned.reply == items[0].reference.replace("will be", "is")


def test_the_report_has_the_shape_that_the_command_line_prints(make_score, items):
    folder = make_score()

    measure(folder, FakeEngine(items))

    report = read_json(folder / "report.json")
    for system in ("base", "tuned"):
        assert set(report[system]) == {each.name for each in METRICS}
        for figure in report[system].values():
            assert set(figure) == {"value", "low", "high"}
    assert report["n"] == len(items)
    assert json.loads(json.dumps(to_json(from_json(report)))) == report


def test_the_signature_names_what_made_the_numbers(make_score, items, dataset):
    folder = make_score()

    measure(folder, FakeEngine(items))

    signature = str(read_json(folder / "report.json")["signature"])
    for part in (
        f"dataset={dataset.id}",
        f"test={dataset.split_hashes['test'][:12]}",
        "decoding=greedy, at most 128 tokens",
        "tok:13a|smooth:exp",
        "nc:6|nw:0",
        "seed=0",
        "template=cccccccccccc",
        "sacrebleu=2.6.0",
    ):
        assert part in signature


def test_the_readable_report_keeps_foreign_texts_inert(make_score, items):
    folder = make_score()

    measure(folder, FakeEngine(items))

    text = (folder / "report.md").read_text()
    assert text.startswith("# Score s1: base against r1")
    assert f"    reference: {items[0].reference}" in text


def test_likelihoods_come_before_replies_and_base_before_tuned(make_score, items):
    folder, engine = make_score(), FakeEngine(items)

    measure(folder, engine)

    steps = Task(folder).journal.events()
    passes = [(e["doing"], e["system"]) for e in steps if e["kind"] == "step"]
    assert list(dict.fromkeys(passes)) == [
        ("likelihoods", "base"),
        ("likelihoods", "tuned"),
        ("replies", "base"),
        ("replies", "tuned"),
    ]
    assert {request.adapter for request in engine.asked[: len(items)]} == {None}


def test_steps_count_up_to_four_measurements_an_item(make_score, items):
    folder = make_score()

    measure(folder, FakeEngine(items))

    steps = [e for e in Task(folder).journal.events() if e["kind"] == "step"]
    assert [e["step"] for e in steps] == sorted(e["step"] for e in steps)
    assert steps[-1]["step"] == steps[-1]["steps"] == 4 * len(items)


def test_a_second_score_reads_the_frozen_replies(make_score, items, workspace):
    first, second, engine = make_score(), make_score(), FakeEngine(items)
    measure(first, engine)
    engine.asked.clear()

    measure(second, engine)

    assert engine.asked == []
    one, two = (from_json(read_json(f / "report.json")) for f in (first, second))
    assert (one.base, one.tuned, one.differences) == (two.base, two.tuned, two.differences)
    assert len(ReplyStore(workspace).read(one.hashes["tuned_replies"])) == len(items)


def test_an_item_without_likelihood_is_skipped_listed_and_never_asked(make_score, items):
    folder, engine = make_score(), FakeEngine(items)
    engine.skips.add(items[0].turns)

    measure(folder, engine)

    report = from_json(read_json(folder / "report.json"))
    assert (report.n, report.total) == (len(items) - 1, len(items))
    assert [(each.id, each.reason) for each in report.skipped] == [
        (items[0].id, "it is longer than the model's context")
    ]
    assert items[0].prompt not in [request.turns for request in engine.asked]
    assert items[0].id in (folder / "report.md").read_text()


def test_a_score_without_a_single_scorable_item_says_so(make_score, items):
    folder, engine = make_score(), FakeEngine(items)
    engine.skips.update(item.turns for item in items)

    measure(folder, engine)

    report = read_json(folder / "report.json")
    assert report["base"]["bleu"] == {
        "value": None,
        "low": None,
        "high": None,
        "reason": "no item could be scored",
    }
    assert str(report["verdict"]).startswith("≈ Cannot tell yet: BLEU is undefined")
    assert from_json(report).skipped


def test_equal_weights_are_refused(make_score, items):
    class SameModel(FakeEngine):
        def model_hash(self, adapter: str | None) -> str:
            return "d" * 64

    with pytest.raises(EqualWeights, match="changes nothing"):
        measure(make_score(), SameModel(items))


def test_an_adapter_that_moves_nothing_is_refused(make_score, items):
    class Untrained(FakeEngine):
        def _likelihood(self, item: Item) -> Likelihood:
            return super()._likelihood(Item(item.turns, None))

    folder, engine = make_score(), Untrained(items)
    with pytest.raises(EqualWeights):
        measure(folder, engine)

    assert engine.asked == []
    assert not (folder / "report.json").exists()


def test_an_adapter_or_a_dataset_that_changed_meanwhile_is_refused(make_score, items):
    with pytest.raises(SetupChanged, match="adapter of r1"):
        measure(make_score(), FakeEngine(items, adapter="e" * 64))
    with pytest.raises(SetupChanged, match="dataset version"):
        measure(make_score(test_hash="0" * 64), FakeEngine(items))


def test_a_chosen_part_of_the_items_is_scored_alone(make_score, items):
    chosen = [item.id for item in items[1:4]]
    folder = make_score(items=chosen, limit=3)

    measure(folder, FakeEngine(items))

    report = from_json(read_json(folder / "report.json"))
    assert [item.id for item in report.items] == chosen


def test_stop_keeps_what_was_measured_and_a_resumed_score_asks_only_for_the_rest(make_score, items):
    class Stopping(FakeEngine):
        def _likelihood(self, item: Item) -> Likelihood:
            if len(self.judged) == len(items) + 3:
                (folder / "stop").touch()
            return super()._likelihood(item)

    folder, engine = make_score(), Stopping(items)
    with pytest.raises(JobStopped):
        measure(folder, engine)
    assert len(engine.judged) == len(items) + 3
    (folder / "stop").unlink()

    again = FakeEngine(items)
    measure(folder, again)

    assert len(again.judged) == len(items) - 3
    assert all(item.adapter for item in again.judged)


@pytest.mark.slow
def test_a_killed_score_resumes_without_measuring_anything_twice(make_score, items):
    folder = make_score()
    half = 2 * len(items) + len(items) // 2  # in the middle of the base's replies
    (folder / "go").write_text(str(half))
    process = start(folder)
    wait_until(lambda: len(asked(folder)) == half, what="the replies have begun")
    process.kill()
    process.wait()
    assert view_job(folder).state == "interrupted"
    assert view_job(folder).step >= 2 * len(items)

    (folder / "go").write_text("100000")
    assert start(folder).wait(timeout=60) == 0

    everything = asked(folder)
    assert view_job(folder).state == "finished"
    assert len(everything) - len(set(everything)) <= 1  # the one that was cut short
    assert len(set(everything)) == 4 * len(items)
    report = read_json(folder / "report.json")
    assert report["n"] == len(items)


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.score.gated_worker", str(folder)]
    with (folder / "worker.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def asked(folder: Path) -> list[str]:
    path = folder / "asked"
    return path.read_text().splitlines() if path.exists() else []


def test_no_nan_gets_into_a_report(make_score, items):
    class Silent(FakeEngine):
        def _likelihood(self, item: Item) -> Likelihood:
            return Likelihood(float("nan"), 3, 9, 0)

    folder = make_score()
    measure(folder, Silent(items))

    text = (folder / "report.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["skipped"][0]["reason"] == "its likelihood is not a finite number"


def test_the_order_of_the_items_changes_no_figure(make_score, items, dataset, datasets):
    there, back = make_score(), make_score()
    measure(there, FakeEngine(items))
    config = read_json(back / "config.json")
    write_json(back / "config.json", {**config, "items": [item.id for item in items[::-1]]})
    measure(back, FakeEngine(items))

    one, two = (from_json(read_json(f / "report.json")) for f in (there, back))
    assert (one.base, one.tuned, one.differences) == (two.base, two.tuned, two.differences)


def test_a_report_of_before_a_metric_was_there_can_still_be_read(make_score, items):
    folder = make_score()
    measure(folder, FakeEngine(items))
    old = read_json(folder / "report.json")
    for figures in ("base", "tuned", "differences"):
        del old[figures]["bits_per_byte"]

    report = from_json(old)

    assert "Bits per byte" not in as_markdown(report) + shown(report)
    assert "Token accuracy" in as_markdown(report)
    assert "Token accuracy" in shown(report)
