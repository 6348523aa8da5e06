"""What does not fit is refused with what would make it fit; what barely fits is said."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from chatui.errors import CannotTrain
from chatui.model.catalog import bases_on_offer, find_base
from chatui.train import fitting, forecast
from chatui.train.config import TrainConfig
from chatui.train.fitting import available_mb, fit_of, too_large
from chatui.train.hardware import Hardware
from chatui.train.memory import free_memory_mb, held_mb

STARTER = find_base("starter")
QWEN = find_base("Qwen/Qwen2.5-0.5B-Instruct")
LARGE = TrainConfig(activation_checkpointing="off", max_length=4096, batch_tokens=16384)


def problem(config: TrainConfig, free_mb: int, base=QWEN):
    fit = fit_of(config, base, None, free_mb)
    return too_large(fit, config, None, bases_on_offer())


@pytest.mark.parametrize("free_mb", [2_000, 3_000, 6_000, 12_000, 40_000])
def test_what_does_not_fit_says_which_changes_would_make_it_fit_and_each_does(free_mb):
    found = problem(LARGE, free_mb)

    assert f"needs about 57.1 GB and {free_mb / 1024:.1f} GB are free" in found.sentence
    ways = re.findall(r"(max length|batch tokens) (\d+)( and activation)?", found.sentence)
    changes = [
        {option.replace(" ", "_"): int(value)}
        | ({"activation_checkpointing": "on"} if also else {})
        for option, value, also in ways
    ]
    if "with activation checkpointing on" in found.sentence:
        changes.append({"activation_checkpointing": "on"})
    assert changes
    for change in changes:
        assert problem(LARGE.model_copy(update=change), free_mb) is None


def test_a_machine_that_is_too_small_for_anything_is_told_so():
    assert "a machine with more" in problem(TrainConfig(), 100, STARTER).sentence


def test_a_run_that_fits_is_no_problem_and_one_that_barely_does_is_a_warning():
    needed = fit_of(TrainConfig(), STARTER, None, 10**6).needed_mb
    wide, narrow = (fit_of(TrainConfig(), STARTER, None, free) for free in (10**5, needed))
    narrow = replace(narrow, free_mb=narrow.needed_mb + 10)

    assert (wide.verdict, wide.warning, wide.label) == ("fits", "", "fits · needs about 0.8 GB")
    assert narrow.verdict == "tight"
    assert narrow.warning.startswith("Memory is tight: this run of Starter needs about")
    assert too_large(narrow, TrainConfig(), None, []) is None


def test_nothing_is_said_of_a_model_or_a_machine_that_nobody_knows():
    assert fit_of(TrainConfig(), replace(STARTER, name="a/b", path="a/b"), None, 100) is None
    unknown = replace(fit_of(TrainConfig(), STARTER, None, 10**6), free_mb=None)

    assert (unknown.verdict, unknown.warning) == (None, "")
    assert too_large(unknown, TrainConfig(), None, []) is None


def test_a_run_that_does_not_fit_is_refused_with_all_other_problems(bench, monkeypatch):
    monkeypatch.setattr(forecast, "available_mb", lambda jobs: 100)

    problems = bench.runs.problems(bench.dataset.id, TrainConfig(batch_size=64))

    assert {problem.field for problem in problems} == {"batch_size", "base"}
    with pytest.raises(CannotTrain, match=r"needs about .* are free on this machine"):
        bench.runs.start(bench.dataset.id, TrainConfig())


def test_what_the_running_job_holds_is_free_for_the_run_that_waits_for_it(bench, monkeypatch):
    monkeypatch.setattr("chatui.jobs.queue.spawn", lambda folder, module: None)
    monkeypatch.setattr(fitting, "free_memory_mb", lambda: 1000)
    assert available_mb(bench.jobs) == 1000

    bench.runs.start(bench.dataset.id, TrainConfig())

    (job,) = bench.jobs.on_the_device()
    assert job.process_id == os.getpid()  # nobody does it: it is claimed by who queued it
    assert available_mb(bench.jobs) > 1000 + 50
    assert held_mb([]) == 0
    assert free_memory_mb() > 0


def a_tool(folder: Path, *lines: str) -> None:
    """A driver's tool that says something else for each query."""
    tool = folder / "nvidia-smi"
    tool.write_text("\n".join(["#!/bin/sh", 'case "$1" in', *lines, "esac"]))
    tool.chmod(0o755)


def test_the_memory_of_a_gpu_is_asked_of_its_driver_and_counts_what_the_job_holds(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Hardware, "here", lambda: Hardware(8, 64_000, has_gpu=True))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    a_tool(
        tmp_path,
        "*gpu=memory.free) echo 5000;;",
        f"*apps=pid,used_memory) echo '{os.getpid()}, 700'; echo '1, 300'; echo '2, [N/A]';;",
    )

    assert free_memory_mb() == 5000
    assert held_mb([os.getpid()]) == 700
    assert "GB of GPU memory and 2.9 GB are free" in problem(LARGE, 3000).sentence


def test_a_driver_that_cannot_be_asked_leaves_it_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(Hardware, "here", lambda: Hardware(8, 64_000, has_gpu=True))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    a_tool(tmp_path, "*) echo 'no devices were found' >&2; exit 6;;")

    assert free_memory_mb() is None
    assert held_mb([os.getpid()]) == 0
