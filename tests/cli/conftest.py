"""Run commands in a workspace of their own."""

import json
from pathlib import Path

import pytest

from chatui.cli import main

ROWS = [f"How do I do thing {n}?,You do thing {n} like this." for n in range(30)]


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run a command in a workspace of its own; returns (status, stdout as JSON or text, stderr)."""
    monkeypatch.delenv("CHATUI_WORKSPACE", raising=False)

    def run(*words: str, as_json: bool = True):
        options = ["--workspace", str(tmp_path / "workspace"), *(["--json"] if as_json else [])]
        status = main([words[0], *words[1:], *options])
        captured = capsys.readouterr()
        return (
            status,
            json.loads(captured.out) if as_json and captured.out else captured.out,
            (captured.err),
        )

    return run


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "support.csv"
    path.write_text("question,answer\n" + "\n".join([*ROWS, ROWS[0]]) + "\n", encoding="utf-8")
    return path
