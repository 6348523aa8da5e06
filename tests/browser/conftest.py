"""A real server and a real browser."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.conftest import wait_until

ROOT = Path(__file__).parents[2]
DEBIAN_CHROMIUM = Path("/usr/bin/chromium")


@dataclass
class Server:
    """The app in a process of its own, on a workspace of its own."""

    workspace: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = {"CHATUI_WORKSPACE": str(self.workspace), "CHATUI_PORT": str(self.port)}
        with self.workspace.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "app.py"],
                cwd=ROOT,
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, 90, "the page is served")

    def stop(self, kill: bool = False) -> None:
        assert self.process is not None
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(30)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.workspace.with_suffix(".log").read_text()
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Two cores serve the page and drive the browser, and may have other things to do."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("served") / "workspace", _free_port())
    server.start()
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()
    for path in server.workspace.glob("*/*/process.json"):
        _end_worker(path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        own = str(DEBIAN_CHROMIUM) if DEBIAN_CHROMIUM.exists() else None
        browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Open the app for a visitor of their own; fails at the end if a page had script errors."""
    contexts = []
    errors: list[str] = []

    def open_page(path: str = "/", width: int = 1280, scheme: str = "light") -> Page:
        height = 844 if width < 500 else 900
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.address + path)
        page.locator("#chatui-strip .chatui-chip").first.wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def photograph(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keep a picture of the page, for people to look at."""
    chosen = request.config.getoption("--pictures")
    folder = Path(str(chosen)) if chosen else ROOT / "tests/output"

    def photograph(page: Page, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        with Image.open(path) as picture:  # a palette is a third of the size, and enough
            picture.convert("RGB").quantize(128).save(path, optimize=True)

    return photograph


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_worker(path: Path) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):  # a zombie counts as gone
        worker = psutil.Process(json.loads(path.read_text())["pid"])
        if str(path.parent) in worker.cmdline():
            worker.kill()
