"""A run that is trained on Hugging Face Jobs, with a Hub in a folder and a job in a process."""

import inspect
import threading
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from chatui.cli.planning import flavor_of
from chatui.errors import BadOption, CannotTrain, JobElsewhereFailed, NoHubToken, NotOnTheHub
from chatui.jobs import JobStopped, Task
from chatui.train import launching, remote
from chatui.train.launching import Launch
from chatui.train.remote import Elsewhere, Watch, dependencies
from chatui.train.remote_hub import Hub
from tests.conftest import wait_until
from tests.train.conftest import SMALL, Bench, make_dataset
from tests.train.hub_stand_in import OWNER, StandIn

TOKEN = "hf_kept_nowhere_0123456789"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def hub(tmp_path):
    stand_in = StandIn(tmp_path / "hub")
    stand_in.root.mkdir()
    yield stand_in
    stand_in.close()


def made(bench: Bench, monkeypatch, base: Path | str = "starter", **options: object) -> Task:
    """The task of a run that is to be trained elsewhere, and that nobody watches yet.

    The machine of a stand-in's job sees this disk, and so a base model on it.
    """
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    monkeypatch.setattr(launching, "_problems_elsewhere", lambda base: [])
    config = SMALL.model_copy(update={"max_length": 256, **options})
    launch = Launch(flavor="a10g-small", hours=2)
    run = bench.runs.start(bench.dataset.id, config, str(base), launch=launch)
    return Task(bench.workspace.existing("runs", run))


def watch(task: Task, hub: StandIn) -> Watch:
    return Watch(task, hub, TOKEN, sends=0.2, looks=0.2)


def calls(hub: StandIn, name: str) -> list[dict[str, object]]:
    return [options for called, options in hub.calls if called == name]


@pytest.mark.slow
def test_a_run_is_trained_elsewhere_and_looks_as_if_it_were_here(
    bench, hub, tiny_base, tmp_path, monkeypatch
):
    make_dataset(bench.datasets, tmp_path, 20, "Another")
    task = made(bench, monkeypatch, tiny_base, learning_rate=0.01)

    watch(task, hub).train()
    task.journal.append("finished")

    view = bench.runs.view(task.folder.name)
    assert view.state == "finished"
    assert [p.step for p in view.curve if p.kind == "train"] == list(range(1, view.steps + 1))
    assert view.validation_perplexity < view.base_perplexity
    assert view.adapter is not None
    assert view.job.of_kind("samples")
    assert len({(e["kind"], e["at"]) for e in view.job.events}) == len(view.job.events)
    (job,) = calls(hub, "run_uv_job")
    assert (job["flavor"], job["timeout"]) == ("a10g-small", "7200s")
    assert job["secrets"] == {"HF_TOKEN": TOKEN}
    (repo,) = (hub.root / OWNER).iterdir()
    assert [path.name for path in (repo / "workspace/datasets").iterdir()] == [bench.dataset.id]
    assert not list(repo.rglob("*.pyc"))
    _is_written_nowhere(TOKEN, bench.workspace.root, hub.root)


def _is_written_nowhere(text: str, *folders: Path) -> None:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert [path for path in files if text.encode() in path.read_bytes()] == []


@pytest.mark.slow
def test_stop_cancels_the_job_and_resume_goes_on_from_what_was_sent(
    bench, hub, tiny_base, monkeypatch
):
    task = made(bench, monkeypatch, tiny_base, epochs=20, evaluations=20)
    ended: list[type[BaseException]] = []

    def train() -> None:
        try:
            watch(task, hub).train()
        except JobStopped:
            ended.append(JobStopped)

    watching = threading.Thread(target=train)
    watching.start()
    wait_until(lambda: bench.runs.view(task.folder.name).adapter, 120, "an adapter has come")
    (task.folder / "stop").touch()
    watching.join(60)

    assert ended == [JobStopped]
    assert calls(hub, "cancel_job") == [{"job_id": "job1"}]
    stopped = bench.runs.view(task.folder.name)
    assert stopped.step > 0
    (task.folder / "stop").unlink()
    watch(task, hub).train()
    task.journal.append("finished")

    view = bench.runs.view(task.folder.name)
    assert sorted(hub.jobs) == ["job1", "job2"]
    assert len(list((hub.root / OWNER).iterdir())) == 1
    assert any(line.startswith("Going on after step") for line in view.log(1000))
    assert [p.step for p in view.curve if p.kind == "train"] == list(range(1, view.steps + 1))


class Dead(StandIn):
    """A Hub whose jobs end at once, with a word."""

    def run_uv_job(self, script: str, **options: object) -> object:
        return super().run_uv_job(str(self.root / "absent.py"), **options)


def test_a_job_that_fails_before_it_says_anything_is_told_with_its_last_words(
    bench, tmp_path, monkeypatch
):
    hub = Dead(tmp_path / "hub")
    hub.root.mkdir()

    with pytest.raises(JobElsewhereFailed, match="No such file or directory"):
        watch(made(bench, monkeypatch), hub).train()
    hub.close()


def test_a_watcher_that_was_killed_finds_its_job_again(bench, hub, monkeypatch):
    task = made(bench, monkeypatch)
    first = watch(task, hub)
    first._send()
    (hub.root / "slow.py").write_text("import time\ndef main(*_): time.sleep(600)\n")
    monkeypatch.setattr(remote.remote_script, "__file__", str(hub.root / "slow.py"))
    first._start()

    assert watch(task, hub)._is_running()
    assert Elsewhere.read(task.folder).job == "job1"
    hub.cancel_job(job_id="job1")
    assert not watch(task, hub)._is_running()


class Refusing(StandIn):
    def create_repo(self, repo_id: str, **options: object) -> str:
        raise OSError("401 Client Error: Invalid username or password.")


def test_what_the_hub_refuses_is_told_in_a_sentence(bench, tmp_path, monkeypatch):
    with pytest.raises(NotOnTheHub, match=r"401 .* Check token, credit"):
        watch(made(bench, monkeypatch), Refusing(tmp_path / "hub")).train()


def test_without_a_token_nothing_is_asked(bench, monkeypatch):
    monkeypatch.delenv("CHATUI_HUB_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)

    with pytest.raises(NoHubToken, match="CHATUI_HUB_TOKEN"):
        remote.watch(made(bench, monkeypatch))


def test_what_is_asked_of_the_hub_is_what_the_installed_library_offers():
    asked = {name: f for name, f in vars(Hub).items() if inspect.isfunction(f) and name[0] != "_"}

    assert len(asked) == 8
    for name, function in asked.items():
        real = inspect.signature(getattr(HfApi, name)).parameters
        for parameter in inspect.signature(function).parameters.values():
            assert parameter.name in real, f"{name} has no {parameter.name}"
            assert real[parameter.name].kind in (parameter.kind, parameter.POSITIONAL_OR_KEYWORD)


def test_a_run_elsewhere_waits_for_nobody(bench, monkeypatch, tiny_base):
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    here = bench.runs.start(bench.dataset.id, SMALL, str(tiny_base))
    elsewhere = [made(bench, monkeypatch).folder.name for _ in range(2)]

    states = {job.name: job.state for job in bench.jobs.active()}
    assert states == dict.fromkeys([here, *elsewhere], "running")


def test_a_base_model_of_this_machine_is_refused(bench, tiny_base):
    with pytest.raises(CannotTrain, match="which Hugging Face does not see"):
        bench.runs.start(bench.dataset.id, SMALL, str(tiny_base), launch=Launch(flavor="t4-small"))


def test_what_training_needs_is_installed_there_in_the_same_versions():
    needed = dependencies()

    assert set(needed) < set((ROOT / "requirements.txt").read_text().splitlines())
    assert {"torch", "transformers", "peft", "bitsandbytes"} < {n.split("==")[0] for n in needed}
    assert not [name for name in needed if name.startswith("gradio")]


@pytest.mark.parametrize("on", ["a10g-small", "hf:", "aws:p5"])
def test_a_machine_that_nobody_names_is_refused(on):
    with pytest.raises(BadOption, match="such as hf:a10g-small"):
        flavor_of(on)
