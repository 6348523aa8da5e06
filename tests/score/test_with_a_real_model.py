"""The job on a real (tiny) 4-bit model, in a process of its own, as the queue runs it."""

import shutil
import subprocess
import sys

import pytest

from chatui.jobs import view_job
from chatui.model.hashes import adapter_hash
from chatui.score.report import from_json
from chatui.workspace import read_json


@pytest.mark.slow
def test_a_real_model_is_scored_and_frozen_replies_are_read_back(
    make_score, items, workspace, tiny_base, tiny_adapter
):
    shutil.copytree(tiny_adapter, workspace.root / "runs" / "r1" / "adapter")
    chosen = {
        "base": str(tiny_base),
        "adapter_hash": adapter_hash(tiny_adapter),
        "items": [item.id for item in items[:4]],
        "decoding": {"max_new_tokens": 4},
    }
    reports = []
    for folder in (make_score(**chosen), make_score(**chosen)):
        command = [sys.executable, "-m", "chatui.score.worker", str(folder)]
        done = subprocess.run(command, capture_output=True, timeout=120, check=False, text=True)
        assert done.returncode == 0, done.stderr
        assert view_job(folder).state == "finished"
        reports.append(from_json(read_json(folder / "report.json")))

    first, second = reports
    assert first.n == 4
    assert first.base["perplexity"].value > 1
    assert first.base["perplexity"] != first.tuned["perplexity"]
    assert (first.base, first.tuned, first.items) == (second.base, second.tuned, second.items)
    lines = workspace.folder("replies", first.hashes["base_replies"][:16]) / "replies.jsonl"
    assert len(lines.read_text().splitlines()) == 4
