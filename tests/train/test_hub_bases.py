"""A run on a base model of the Hub: its download is a step of the job, with its own Stop."""

import shutil

import pytest
from huggingface_hub import constants

from chatui.errors import BaseNotReachable, CannotContinue
from chatui.jobs import JobStopped, Task
from chatui.jobs.secrets import lending
from chatui.model.catalog import find_base
from chatui.model.hub import on_this_disk
from chatui.train.worker.training import train
from tests.conftest import wait_until
from tests.hub_stand_in import hub
from tests.train.conftest import SMALL, Bench, made

NAME = "acme/tiny"


@pytest.fixture
def site(monkeypatch, tmp_path, tiny_base):
    """A Hub on the loopback with the tiny model, for this process and for workers."""
    cache = str(tmp_path / "cache")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", cache)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_HUB_CACHE", cache)
    with hub() as site:
        monkeypatch.setenv("CHATUI_HUB", site.address)
        site.has(
            NAME, shutil.copytree(tiny_base, tmp_path / "offered"), cardData={"license": "mit"}
        )
        yield site


def start(bench: Bench, name: str = NAME) -> str:
    return bench.runs.start(bench.dataset.id, SMALL.model_copy(update={"epochs": 1}), name)


def test_a_base_of_the_hub_is_downloaded_trained_and_named_by_its_name(bench, site):
    task = made(bench, lambda: start(bench))

    train(task)
    task.journal.append("finished")
    run = bench.runs.view(task.folder.name)

    arrived = run.job.of_kind("download")[-1]
    assert arrived["done"] == arrived["total"] > 0
    assert any("licence mit" in line for line in run.log())
    assert (
        f'"base_model_name_or_path": "{NAME}"' in (run.adapter / "adapter_config.json").read_text()
    )
    found = find_base(NAME)
    assert (found.name, found.is_local, found.context) == (NAME, True, 256)
    site.asked.clear()
    bench.runs.problems(bench.dataset.id, SMALL, NAME)
    assert site.asked == []  # what is here is not asked for again


@pytest.mark.slow
def test_stop_ends_a_download_and_resume_goes_on_with_it(bench, site):
    site.gate.clear()
    run = start(bench)
    wait_until(site.waits.is_set, 60, "the weights are on their way")
    wait_until(lambda: bench.runs.view(run).downloading, 15, "the journal tells of it")
    assert "is downloading its base model: 0 of" in bench.runs.view(run).sentence

    bench.runs.stop(run)

    wait_until(lambda: bench.runs.view(run).state == "stopped", 15, "it has stopped")
    assert on_this_disk(NAME) is None
    site.gate.set()
    bench.runs.resume(run)
    wait_until(lambda: not bench.runs.view(run).job.is_active, 60, "it has ended")
    assert bench.runs.view(run).state == "finished"


def test_stop_does_not_wait_for_a_hub_that_does_not_answer(bench, site, monkeypatch):
    site.answers.clear()
    task = made(bench, lambda: start(bench))
    monkeypatch.setattr(Task, "should_stop", property(lambda task: bool(site.asked)))

    with pytest.raises(JobStopped):
        train(task)

    assert on_this_disk(NAME) is None


@pytest.mark.slow
def test_a_token_reaches_the_worker_and_no_file(bench, site):
    token = "hf_s3cret_of_somebody"
    site.tokens = {token}

    with lending({"CHATUI_HUB_TOKEN": token}):
        run = start(bench)
    wait_until(lambda: not bench.runs.view(run).job.is_active, 60, "it has ended")

    assert bench.runs.view(run).state == "finished"
    kept = [path for path in bench.workspace.root.rglob("*") if path.is_file()]
    assert len(kept) > 10
    assert not any(token.encode() in path.read_bytes() for path in kept)
    assert {shown for _, _, shown in site.asked} == {f"Bearer {token}"}


def test_without_the_token_the_run_says_what_is_missing(bench, site):
    site.tokens = {"hf_s3cret"}
    task = made(bench, lambda: start(bench))

    with pytest.raises(BaseNotReachable, match="gated: accept its terms"):
        train(task)


def test_a_model_that_wants_its_own_code_run_is_refused_and_none_is_run(bench, site):
    folder = site.models[NAME][0]
    (folder / "evil.py").write_text("raise SystemExit('code of a model was run')")
    config = (folder / "config.json").read_text()
    wanted = '"auto_map": {"AutoModelForCausalLM": "evil.Evil", "AutoConfig": "evil.Config"}, '
    (folder / "config.json").write_text(
        config.replace('"model_type": "llama"', f'{wanted}"model_type": "evil"')
    )
    task = made(bench, lambda: start(bench))

    with pytest.raises(Exception, match="could not be loaded"):
        train(task)

    assert not any("evil" in path for _, path, _ in site.asked)


def test_an_adapter_of_the_hub_is_gone_on_from(bench, site, tiny_base, tiny_adapter):
    site.has("acme/adapter", tiny_adapter)

    beginning = bench.runs.beginning("acme/adapter", str(tiny_base))

    assert (beginning.name, beginning.options["lora_rank"]) == ("acme/adapter", 4)
    with pytest.raises(CannotContinue, match="no such model, or it is private"):
        bench.runs.beginning("acme/nothing")
    with pytest.raises(CannotContinue, match="no weights as safetensors"):
        bench.runs.beginning(NAME)  # a base model, and no adapter
