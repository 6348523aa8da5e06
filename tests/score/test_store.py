"""Scores are started for runs that can be scored, found again, and say how they stand."""

import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from chatui.errors import JobIsActive, NotFound, NotScorable
from chatui.jobs import Jobs, Task
from chatui.jobs.process import claim
from chatui.model.decoding import Decoding
from chatui.score import store as store_module
from chatui.score.store import ScoreStore
from chatui.score.worker import work
from tests.fakes import ADAPTER, FakeEngine


@dataclass
class FakeRuns:
    """One run, r1, as it is told to stand."""

    dataset: str
    adapter: Path | None
    is_active: bool = False

    def view(self, run_id: str) -> SimpleNamespace:
        if run_id != "r1":
            raise NotFound("run", run_id, ["r1"])
        return SimpleNamespace(
            id="r1",
            dataset=self.dataset,
            base="starter",
            adapter=self.adapter,
            adapter_hash=ADAPTER if self.adapter else None,
            job=SimpleNamespace(is_active=self.is_active),
        )


@pytest.fixture
def runs(dataset, workspace) -> FakeRuns:
    return FakeRuns(dataset.id, workspace.root / "runs" / "r1" / "adapter")


@pytest.fixture
def jobs(workspace, monkeypatch) -> Jobs:
    """A queue that starts nothing: tests do the work themselves."""
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    return Jobs(workspace.root)


@pytest.fixture
def scores(workspace, jobs, datasets, runs) -> ScoreStore:
    return ScoreStore(workspace, jobs, datasets, runs)


def measure(scores: ScoreStore, name: str, items) -> None:
    task = Task(scores.view(name).job.folder)
    work(task, lambda base: FakeEngine(items))
    task.journal.append("finished")


def test_a_started_score_is_a_job_that_knows_all_it_needs(scores, dataset, items):
    name = scores.start("r1")

    view = scores.view(name)
    assert (name, view.run, view.job.kind) == ("s1", "r1", "score")
    assert view.config.dataset == dataset.id
    assert view.config.test_hash == dataset.split_hashes["test"]
    assert view.config.adapter == "runs/r1/adapter"
    assert sorted(view.config.items) == sorted(item.id for item in items)
    assert view.report is None


def test_a_finished_score_has_its_report(scores, items):
    name = scores.start("r1")

    measure(scores, name, items)

    view = scores.view(name)
    assert view.job.state == "finished"
    assert view.report.n == len(items)
    assert [each.id for each in scores.of_run("r1")] == ["s1"]
    assert scores.of_run("r2") == []


def test_the_limit_takes_the_same_first_items_each_time(scores, items):
    some, more = (scores.view(scores.start("r1", limit=n)).config for n in (3, 6))

    assert len(some.items) == 3
    assert more.items[:3] == some.items
    assert set(more.items) <= {item.id for item in items}


def test_two_starts_with_one_key_are_one_score(scores):
    assert scores.start("r1", key="click") == scores.start("r1", key="click")
    assert scores.start("r1", key="another") == "s2"


def test_decoding_is_part_of_what_is_scored(scores):
    name = scores.start("r1", decoding=Decoding(max_new_tokens=7))

    assert scores.view(name).config.decoding.max_new_tokens == 7


def test_a_run_that_still_trains_is_refused(scores, runs):
    runs.is_active = True

    assert "still training" in scores.why_not("r1")
    with pytest.raises(NotScorable, match="still training"):
        scores.start("r1")
    assert scores.all() == []


def test_a_run_without_adapter_is_refused(scores, runs):
    runs.adapter = None

    with pytest.raises(NotScorable, match="no adapter"):
        scores.start("r1")


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one_is_refused(scores, limit):
    with pytest.raises(NotScorable, match="at least one item"):
        scores.start("r1", limit=limit)


def test_unknown_names_are_refused_with_the_known_ones(scores):
    with pytest.raises(NotFound, match="no run called 'r9'"):
        scores.start("r9")
    with pytest.raises(NotFound, match="no split called 'exam'"):
        scores.start("r1", "exam")
    with pytest.raises(NotFound, match="no score called 's9'"):
        scores.view("s9")


def test_another_split_can_be_scored(scores, dataset):
    config = scores.view(scores.start("r1", "validation")).config

    assert config.test_hash == dataset.split_hashes["validation"]
    assert len(config.items) == dataset.splits["validation"]


def test_the_plan_says_items_and_primary_metric_beforehand(scores, dataset, runs):
    runs.is_active = True

    plan = scores.plan("r1")

    assert (plan.dataset, plan.items, plan.primary) == (dataset.id, dataset.splits["test"], "bleu")


def test_progress_tells_base_from_tuned_and_keeps_partial_figures(scores):
    name = scores.start("r1")
    task = Task(scores.view(name).job.folder)
    task.step(12, 48, doing="likelihoods", system="base", done=12, of=12, perplexity=20.5)
    task.step(15, 48, doing="likelihoods", system="tuned", done=3, of=12, perplexity=9.25)

    progress = scores.view(name).progress

    assert (progress["base"].likelihoods, progress["base"].perplexity) == (12, 20.5)
    assert (progress["tuned"].likelihoods, progress["tuned"].replies) == (3, 0)
    assert progress["tuned"].items == 12


def test_a_running_score_cannot_be_deleted_and_a_finished_one_can(scores, items):
    name = scores.start("r1")
    claim(scores.view(name).job.folder, os.getpid())
    with pytest.raises(JobIsActive):
        scores.delete(name)

    measure(scores, name, items)
    scores.delete(name)

    assert scores.all() == []


def test_the_report_can_be_downloaded_from_the_exports_alone(scores, items, workspace):
    name = scores.start("r1")
    measure(scores, name, items)

    for ending in ("md", "json"):
        path = scores.report_file(name, ending)
        assert path.parent == workspace.exports
        assert path.name == f"score-s1.{ending}"
        assert path.read_text() == (scores.view(name).job.folder / f"report.{ending}").read_text()


def test_the_worker_is_a_module_that_can_be_run():
    assert store_module.WORKER == "chatui.score.worker"
