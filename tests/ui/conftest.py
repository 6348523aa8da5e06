"""A workspace with all stores, and no event loop left open behind Gradio."""

import asyncio
from collections.abc import Iterator

import pytest

from chatui.services import Services
from chatui.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def closed_loops() -> Iterator[None]:
    """Gradio makes an event loop wherever it needs a lock and none runs, and never closes it."""
    made: list[asyncio.AbstractEventLoop] = []
    make = asyncio.new_event_loop

    def make_and_remember() -> asyncio.AbstractEventLoop:
        made.append(make())
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", make_and_remember)
        yield
    for loop in made:
        if not loop.is_running():
            loop.close()


@pytest.fixture(scope="session")
def real_services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """All stores on a workspace of their own, with the sample dataset in it."""
    return Services.open(Settings(workspace=tmp_path_factory.mktemp("workspace")))
