"""A search tries options run by run, survives kills, and says which were best."""

import itertools
import statistics
import time
from pathlib import Path

import pytest

from chatui.errors import BadSearch, CannotTrain, SearchFailed
from chatui.jobs import JobStopped, Journal
from chatui.train import search_worker
from chatui.train.config import TrainConfig, with_changes
from chatui.train.launching import Launch
from chatui.train.search import SearchStore
from chatui.train.search_record import SearchOptions, SearchRecord
from chatui.train.search_space import read_space
from chatui.train.search_study import importances, is_hopeless, suggestion
from chatui.train.search_view import Trial, searched_seconds, trials_in
from tests.conftest import wait_until
from tests.jobs.test_jobs import process_of
from tests.train.searching import SPACE, START, World, begun, bowl, last_words, search


@pytest.fixture
def world(monkeypatch) -> World:
    world = World()
    monkeypatch.setattr("chatui.jobs.queue.spawn", world.spawn)
    monkeypatch.setattr(search_worker.time, "sleep", world.turn)
    return world


@pytest.fixture
def searches(bench) -> SearchStore:
    return SearchStore(bench.workspace, bench.jobs, bench.datasets, bench.runs)


def record(seed: int = 0, method: str = "tpe", prune: bool = True) -> SearchRecord:
    options = SearchOptions(search_seed=seed, method=method, prune=prune)
    return SearchRecord(
        dataset="shop-v1",
        base="starter",
        start=START,
        space=read_space(SPACE, START),
        options=options,
        created_at="2026-01-01T00:00:00+00:00",
    )


def drawn(one: SearchRecord, count: int) -> list[Trial]:
    """Trials one after the other, each with the loss that its options have."""
    trials: list[Trial] = []
    for number in range(count):
        values = suggestion(one, trials)
        loss = bowl(START.model_copy(update=values))
        measured = tuple(loss + 1 / n for n in range(1, 5))
        trials.append(Trial(number, values, f"r{number}", "complete", loss, measured))
    return trials


@pytest.mark.parametrize("method", ["tpe", "random"])
def test_the_same_seed_tries_the_same_options_and_another_one_others(method):
    first, again, other = (
        [trial.values for trial in drawn(record(seed, method), 12)] for seed in (5, 5, 6)
    )

    assert first == again
    assert first[1:] != other[1:]
    assert all(values not in first[:n] for n, values in enumerate(first))


def test_the_first_trial_is_what_one_has_and_all_lie_inside_of_the_limits():
    one = record()
    trials = drawn(one, 20)

    assert trials[0].values == {"learning_rate": 0.006, "lora_rank": 4, "lora_dropout": 0.0}
    for trial, dimension in itertools.product(trials, one.space):
        assert dimension.holds(trial.values[dimension.option])


def test_tpe_comes_to_draw_near_the_best_and_chance_does_not():
    def later_losses(method: str) -> list[float]:
        return [t.loss for seed in range(4) for t in drawn(record(seed, method), 20)[12:]]

    assert statistics.median(later_losses("tpe")) < statistics.median(later_losses("random"))


def test_a_space_that_is_used_up_ends_the_search():
    one = record().model_copy(update={"space": read_space(["schedule=cosine|linear"], START)})
    trials = [
        Trial(n, {"schedule": name}, f"r{n}", "complete", 1.0)
        for n, name in enumerate(("cosine", "linear"))
    ]

    assert suggestion(one, trials[:1]) == {"schedule": "linear"}
    assert suggestion(one, trials) is None


def test_a_trial_is_hopeless_when_half_of_the_others_did_better_at_the_same_point():
    one, others = record(), drawn(record(), 6)
    middle = statistics.median(trial.measured[1] for trial in others)

    def hopeless(*measured: float, **changes: object) -> bool:
        trial = Trial(6, others[1].values, "r6", measured=measured)
        return is_hopeless(one.model_copy(update=changes), others, trial)

    assert hopeless(9.0, middle + 0.1)
    assert not hopeless(9.0, middle - 0.1)
    assert not hopeless(99.0)  # once is too early
    assert not hopeless(9.0, 9.0, 9.0, 9.0)  # over anyway
    assert not hopeless(9.0, 9.0, options=SearchOptions(prune=False))
    assert not is_hopeless(one, others[:3], Trial(6, others[1].values, "r6", measured=(9.0, 9.0)))


def test_the_option_that_decides_is_the_most_important_one():
    found = importances(record(), drawn(record(), 20))

    assert max(found, key=found.__getitem__) == "learning_rate"
    assert sum(found.values()) == pytest.approx(1.0)
    assert importances(record(), drawn(record(), 5)) == {}


def test_each_trial_is_a_run_of_the_queue_that_says_whose_it_is(bench, searches, tiny_base, world):
    task = begun(bench, searches, str(tiny_base), prune=False)

    search(bench, task).work()

    view = searches.view("s1")
    assert [trial.state for trial in view.trials] == ["complete"] * 8
    assert [trial.run for trial in view.trials] == [run.id for run in bench.runs.all()]
    assert [run.trial for run in bench.runs.all()] == [("s1", n) for n in range(8)]
    for run, trial in zip(bench.runs.all(), view.trials, strict=True):
        changed = {name: getattr(run.config, name) for name in trial.values}
        assert changed == trial.values
        assert run.config.lora_alpha == 8 * run.config.lora_rank
        assert trial.loss == run.validation_loss
    assert view.best == min(view.trials, key=lambda trial: trial.loss)
    assert (view.job.step, view.job.steps) == (8, 8)
    assert sum(view.importances.values()) == pytest.approx(1.0)
    assert f"{view.best.title} ({view.best.run}), validation loss" in view.sentence


def test_a_trial_that_does_worse_than_the_others_is_pruned_and_its_run_says_so(
    bench, searches, tiny_base, world
):
    task = begun(bench, searches, str(tiny_base), trials=12)

    search(bench, task).work()

    view = searches.view("s1")
    pruned = [trial for trial in view.trials if trial.state == "pruned"]
    assert pruned
    assert all(2 <= len(trial.measured) < 4 for trial in pruned)
    run = bench.runs.view(pruned[0].run)
    assert (run.state, run.state_in_words) == ("stopped", "pruned")
    assert "other trials of s1 did better by then" in run.sentence
    assert view.best.number not in {trial.number for trial in pruned}
    assert any("does worse than others did" in text for text in last_words(task))


class Killed(BaseException):
    """What `kill -9` is to a process: nothing after it is done."""


@pytest.mark.parametrize("at", [*range(1, 9), 12, 17, 23])
def test_a_search_that_is_killed_at_any_line_goes_on_as_if_nothing_had_happened(
    bench, searches, tiny_base, world, monkeypatch, at
):
    whole = begun(bench, searches, str(tiny_base), trials=6)
    search(bench, whole).work()
    killed = begun(bench, searches, str(tiny_base), trials=6)
    append, lines = Journal.append, itertools.count(1)

    def dies(self: Journal, kind: str, **fields: object) -> None:
        if self.path.parent == killed.folder and next(lines) == at:
            raise Killed
        append(self, kind, **fields)

    monkeypatch.setattr(Journal, "append", dies)
    with pytest.raises(Killed):
        search(bench, killed).work()
    search(bench, killed).work()

    one, other = (searches.view(name).trials for name in ("s1", "s2"))
    assert [(t.values, t.state, t.loss, t.measured) for t in one] == [
        (t.values, t.state, t.loss, t.measured) for t in other
    ]
    runs = [run.trial for run in bench.runs.all() if run.trial[0] == "s2"]
    assert runs == [("s2", number) for number in range(6)]  # none was begun twice


def test_a_kill_between_the_mark_of_pruning_and_the_stop_prunes_all_the_same(
    bench, searches, tiny_base, world, monkeypatch
):
    task = begun(bench, searches, str(tiny_base), trials=12)
    stop = bench.jobs.stop

    def dies(folder: Path) -> None:
        raise Killed

    monkeypatch.setattr(bench.jobs, "stop", dies)
    with pytest.raises(Killed):
        search(bench, task).work()
    monkeypatch.setattr(bench.jobs, "stop", stop)
    (marked,) = (run for run in bench.runs.all() if run.is_pruned)
    assert marked.state == "running"
    search(bench, task).work()

    assert bench.runs.view(marked.id).state_in_words == "pruned"
    assert searches.view("s1").trials[marked.trial[1]].state == "pruned"


def test_a_run_that_was_made_and_never_queued_is_made_anew(bench, searches, tiny_base, world):
    task = begun(bench, searches, str(tiny_base), trials=1)
    submit = bench.jobs.submit

    def dies(kind: str, module: str, make, **more: object) -> Path:
        make()
        raise Killed

    bench.jobs.submit = dies
    with pytest.raises(Killed):
        search(bench, task).work()
    bench.jobs.submit = submit
    search(bench, task).work()

    assert [(run.id, run.state) for run in bench.runs.all()] == [("r1", "finished")]


def test_a_run_of_an_earlier_search_of_the_same_name_is_not_taken_for_a_trial(
    bench, searches, tiny_base, world
):
    old = bench.runs.start(bench.dataset.id, START, str(tiny_base), launch=Launch(trial=("s1", 0)))
    file = bench.workspace.existing("runs", old) / "config.json"
    file.write_text(file.read_text().replace('"created_at": "20', '"created_at": "19'))
    task = begun(bench, searches, str(tiny_base), trials=1)

    search(bench, task).work()

    assert searches.view("s1").trials[0].run == "r2"


def test_stop_stops_the_run_too_and_both_go_on_later(bench, searches, tiny_base, world):
    task = begun(bench, searches, str(tiny_base), trials=2)
    turn = world.turn
    searches.stop("s1")
    with pytest.raises(JobStopped):
        search(bench, task).work()
    turn()
    task.journal.append("stopped")
    assert [run.state for run in bench.runs.all()] in ([], ["stopped"])

    searches.resume("s1")
    search(bench, task).work()

    assert [trial.state for trial in searches.view("s1").trials] == ["complete"] * 2
    assert len(bench.runs.all()) == 2


def test_a_trial_that_fails_says_why_and_three_in_a_row_end_the_search(
    bench, searches, tiny_base, world
):
    world.refuses = lambda config: "Too much." if config.learning_rate == 0.006 else ""
    task = begun(bench, searches, str(tiny_base), trials=6, method="random")
    search(bench, task).work()

    view = searches.view("s1")
    failed = [trial for trial in view.trials if trial.state == "failed"]
    assert view.trials[0] in failed  # what it starts from has a rate of 0.006
    assert {trial.reason for trial in failed} == {"Too much."}
    assert view.best is not None

    world.refuses = lambda config: "The disk is full."
    with pytest.raises(SearchFailed, match="3 trials in a row .* The disk is full. Mend that"):
        search(bench, begun(bench, searches, str(tiny_base))).work()


def test_a_run_that_is_deleted_fails_its_trial_alone(bench, searches, tiny_base, world):
    task = begun(bench, searches, str(tiny_base), trials=3, prune=False)
    view = bench.runs.view

    def gone_once(run: str):
        if run == "r1":
            bench.jobs.stop(bench.workspace.existing("runs", run))
            world.turn()
            bench.runs.view = view
            bench.runs.delete(run)
        return view(run)

    bench.runs.view = gone_once
    search(bench, task).work()

    states = [(trial.state, trial.reason) for trial in searches.view("s1").trials]
    assert states[0][0] == "failed"
    assert "no run called 'r1'" in states[0][1]
    assert [state for state, _ in states[1:]] == ["complete"] * 2


def test_a_run_that_somebody_stops_fails_its_trial_with_that_sentence(
    bench, searches, tiny_base, world, monkeypatch
):
    task = begun(bench, searches, str(tiny_base), trials=2)

    def turn(seconds: float) -> None:
        if len(bench.runs.all()) == 1:
            bench.runs.stop("r1")
        world.turn()

    monkeypatch.setattr(search_worker.time, "sleep", turn)
    search(bench, task).work()

    first, second = searches.view("s1").trials
    assert (first.state, second.state) == ("failed", "complete")
    assert first.reason.startswith("r1 was stopped at step")


def test_minutes_count_while_it_works_and_not_while_it_is_down():
    def at(kind: str, second: float) -> dict[str, object]:
        return {"kind": kind, "at": second}

    killed = [at("started", 0), at("log", 60), at("resumed", 1000), at("log", 1030)]

    assert searched_seconds(killed, now=1040) == 60 + 40
    assert searched_seconds([*killed, at("finished", 1050)], now=9999) == 60 + 50


def test_no_run_begins_after_the_minutes_are_over(bench, searches, tiny_base, world, monkeypatch):
    clock = itertools.count(time.time(), 7.0)  # each look at the clock is seven seconds later
    task = begun(bench, searches, str(tiny_base), trials=0, minutes=5)
    monkeypatch.setattr("chatui.jobs.journal.time.time", lambda: next(clock))

    search(bench, task).work()

    trials = searches.view("s1").trials
    assert 1 < len(trials) < 20
    assert all(trial.state != "running" for trial in trials)
    assert searches.view("s1").job.steps == 5


def test_what_can_never_begin_is_refused_before_it_is_queued(bench, searches, tiny_base):
    where = (bench.dataset.id, START, str(tiny_base))

    with pytest.raises(BadSearch, match="both 0"):
        searches.start(*where, options=SearchOptions(trials=0))
    with pytest.raises(BadSearch, match="no option 'speed'"):
        searches.start(*where, space=["speed"])
    with pytest.raises(CannotTrain, match="Epochs and max steps are both 0"):
        searches.start(bench.dataset.id, TrainConfig(epochs=0), str(tiny_base))
    assert searches.all() == []


def test_a_search_takes_no_device_and_waits_for_another_search_only(
    bench, searches, tiny_base, world
):
    bench.runs.start(bench.dataset.id, START, str(tiny_base))
    for _ in range(2):
        begun(bench, searches, str(tiny_base))

    assert [view.job.state for view in searches.all()] == ["running", "queued"]
    assert bench.runs.view("r1").state == "running"
    assert "waits until another search has ended" in searches.view("s2").sentence


def test_a_journal_that_was_cut_in_a_line_tells_what_it_still_knows():
    events = [
        {"kind": "trial", "trial": 0, "values": {"lora_rank": 8}},
        {"kind": "queued", "trial": 0, "run": "r4"},
        {"kind": "measured", "trial": 0, "number": 1, "loss": 2.0},
        {"kind": "measured", "trial": 0, "number": 1, "loss": 2.0},
        {"kind": "ended", "trial": 7, "state": "complete", "loss": 1.0},
    ]

    assert trials_in(events) == (Trial(0, {"lora_rank": 8}, "r4", "running", None, (2.0,)),)


@pytest.mark.slow
def test_a_search_that_is_killed_with_its_app_finds_its_running_trial_again(
    bench, searches, tiny_base
):
    name = searches.start(
        bench.dataset.id,
        START.model_copy(update={"epochs": 8, "sample_replies": 0}),
        str(tiny_base),
        options=SearchOptions(trials=2),
        space=["lr", "rank=2..8"],
    )
    folder = bench.workspace.existing("searches", name)
    wait_until(lambda: bench.runs.all() and bench.runs.view("r1").step > 0, 90, "r1 learns")
    process_of(folder).kill()
    wait_until(lambda: searches.view(name).job.state == "interrupted", 30, "it is cut off")
    process_of(bench.workspace.existing("runs", "r1")).kill()

    assert searches.revive() == [name]
    wait_until(lambda: not searches.view(name).job.is_active, 180, "the search has ended")

    view = searches.view(name)
    assert view.job.state == "finished", view.job.reason
    assert [(trial.run, trial.state) for trial in view.trials] == [
        ("r1", "complete"),
        ("r2", "complete"),
    ]
    assert len(bench.runs.view("r1").job.of_kind("resumed")) == 1
    assert searches.revive() == []


def test_a_search_on_private_data_is_refused_since_each_trial_would_spend_its_own(
    bench, searches, tiny_base
):
    start = with_changes(START, {"privacy_epsilon": 8.0, "packing": False})

    with pytest.raises(BadSearch, match="spend an ε of its own"):
        searches.start(bench.dataset.id, start, str(tiny_base))
