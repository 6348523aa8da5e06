"""The shape of the project: what a map, a table or a rule says is so."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import chatui
from chatui.settings import Settings

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "chatui").rglob("*.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
STAGES = {"data", "train", "score", "rate", "chat"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_300_lines_and_each_says_what_it_is_for(path):
    text = path.read_text(encoding="utf-8")

    assert text.count("\n") <= 300
    assert ast.get_docstring(ast.parse(text))


def test_every_stage_has_a_package_and_a_tab():
    tabs = {path.stem for path in (ROOT / "chatui/ui/tabs").iterdir() if path.stem[0] != "_"}
    packages = {path.name for path in (ROOT / "chatui").iterdir() if path.is_dir()}

    assert tabs == STAGES
    assert packages >= STAGES


def test_only_settings_reads_the_environment():
    readers = [p.name for p in SOURCES if re.search(r"os\.(environ|getenv)", p.read_text())]

    assert readers == ["settings.py"]


def test_the_map_in_the_readme_names_what_is_there():
    tree = README.split("<!-- map -->")[1]
    named = {line.split()[0] for line in tree.splitlines() if re.match(r"\s+\w+[/.]", line)}
    inside = {p.name for p in (ROOT / "chatui").iterdir() if p.name != "__pycache__"}
    there = {f"{n}/" if (ROOT / "chatui" / n).is_dir() else n for n in inside}

    assert there - named == {"__init__.py", "__main__.py"}
    assert {n for n in named if not _exists(n)} == set()


def _exists(name: str) -> bool:
    return any((folder / name).exists() for folder in (ROOT, ROOT / "chatui", ROOT / "chatui/ui"))


def test_the_settings_table_in_the_readme_is_the_code():
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        row = f"| `CHATUI_{name.upper()}` | {default} | {field.description} |"
        assert row in README


def test_the_training_options_in_the_docs_are_the_code():
    from chatui.train.config import TrainConfig

    docs = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    for name, field in TrainConfig.model_fields.items():
        assert field.description
        assert f"| `{name}` | `{field.default}` | {field.description} |" in docs


def test_the_commands_in_the_readme_exist():
    from chatui.cli.commands import app

    known = {c.name or c.callback.__name__ for c in app.registered_commands}
    named = set(re.findall(r"python -m chatui (\w+)", README))

    assert named <= known
    assert {"add", "train", "score", "chat", "demo"} <= named


def test_the_version_has_one_value():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == chatui.__version__


def test_requirements_are_pinned_exactly_and_the_space_runs_the_same_gradio():
    lines = [
        line
        for name in ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt")
        for line in (ROOT / name).read_text().splitlines()
        if line and not line.startswith("#")
    ]

    assert [line for line in lines if not re.fullmatch(r"[\w-]+(\[\w+\])?==[\d.]+", line)] == []
    version = next(line for line in lines if line.startswith("gradio==")).removeprefix("gradio==")
    assert f"sdk_version: {version}" in README.split("---")[1]


def test_the_starter_is_small_enough_to_come_along():
    files = list((ROOT / "chatui/model/starter").glob("*"))

    assert sum(path.stat().st_size for path in files if path.is_file()) < 12e6
