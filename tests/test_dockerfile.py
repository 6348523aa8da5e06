"""The Dockerfile, as far as it can be tried without a container engine."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sysconfig
import urllib.error
import urllib.request
import venv
from pathlib import Path

import pytest

from tests.conftest import wait_until

ROOT = Path(__file__).parent.parent
STEPS = [
    tuple(line.split(None, 1))
    for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]


def steps(instruction: str) -> list[str]:
    return [rest for name, rest in STEPS if name == instruction]


def test_it_is_slim_runs_as_a_user_and_keeps_the_workspace_on_a_volume():
    assert re.fullmatch(r"python:3\.1[123]-slim", steps("FROM")[0])
    assert steps("USER") == ["chatui"]
    assert steps("VOLUME") == ["/data"]
    assert "CHATUI_WORKSPACE=/data" in steps("ENV")[0]
    assert len(steps("HEALTHCHECK")) == 1
    assert not any("ADD" in name or "latest" in rest for name, rest in STEPS)


def test_requirements_are_a_layer_of_their_own_before_the_code():
    order = [rest for name, rest in STEPS if name in ("COPY", "RUN")]
    install = next(i for i, rest in enumerate(order) if "pip install" in rest)

    assert order[install - 1].startswith("requirements.txt")
    assert any("chatui ./chatui" in rest for rest in order[install + 1 :])


def test_an_init_reaps_the_workers():
    assert steps("ENTRYPOINT") == ['["tini", "--"]']


@pytest.mark.slow
def test_what_it_copies_installs_serves_and_reports_healthy(tmp_path):
    python = _clean_environment(tmp_path / "venv")
    app = _copied(tmp_path / "app")
    port = _free_port()
    environment = {"CHATUI_WORKSPACE": str(tmp_path / "data"), "CHATUI_PORT": str(port)}
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("CHATUI_")}

    install = next(rest for rest in steps("RUN") if "pip install" in rest)
    subprocess.run([python, *shlex.split(install)[1:], "--quiet"], cwd=app, check=True)
    command = _words(steps("CMD")[0])
    check = _words(steps("HEALTHCHECK")[0].split("CMD", 1)[1])
    log = (tmp_path / "log").open("wb")
    server = subprocess.Popen(
        [python, *command[1:]], cwd=app, env=surroundings | environment, stdout=log, stderr=log
    )
    try:
        wait_until(lambda: _answers(port) or server.poll() is not None, 120, "it serves")
        healthy = [python, *(word.replace("7860", str(port)) for word in check[1:])]
        assert subprocess.run(healthy, check=False).returncode == 0, (tmp_path / "log").read_text()
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def _clean_environment(folder: Path) -> str:
    """A new environment that sees what is installed here, so that nothing is downloaded."""
    venv.create(folder, with_pip=True, symlinks=True)
    python = str(folder / "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    target = subprocess.check_output([python, "-c", ask], text=True).strip()
    Path(target, "installed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def _copied(app: Path) -> Path:
    """The files of the COPY steps and no others."""
    app.mkdir()
    for step in steps("COPY"):
        *names, target = [word for word in step.split() if not word.startswith("--")]
        for name in names:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, app / target / ".", ignore=ignored)
            else:
                shutil.copy(ROOT / name, app / target)
    return app


def _words(json_list: str) -> list[str]:
    return re.findall(r'"((?:[^"\\]|\\.)*)"', json_list)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
