"""What all tests share: no network, a workspace of their own, and waiting for conditions."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.update(
    {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
)

from chatui.workspace import Workspace  # noqa: E402 - after the environment


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", help="folder for the pictures of the browser tests")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def wait_until(condition: Callable[[], object], seconds: float = 15, what: str = "it") -> None:
    """Poll a condition; fail with its name when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s in vain until {what}")
        time.sleep(0.02)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random model: a base model's name like any other."""
    from tests.tiny_model import make_tiny_base

    return make_tiny_base(tmp_path_factory.mktemp("tiny-base"))


@pytest.fixture(scope="session")
def tiny_adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random adapter for the tiny model."""
    from tests.tiny_model import make_adapter

    return make_adapter(tiny_base, tmp_path_factory.mktemp("tiny-adapter"))


@pytest.fixture(scope="session")
def tiny_marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random translation model."""
    from tests.tiny_marian import make_tiny_marian

    return make_tiny_marian(tmp_path_factory.mktemp("tiny-marian"))
