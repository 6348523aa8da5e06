"""The handler that fetches a file from a public address or a dataset from the Hub by its name, and
shows it like one that was dropped.
"""

import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from chatui.data.fetching import Permit, fetched, is_url
from chatui.data.hub import fetched_dataset, hub_of
from chatui.data.prepare import recognise_file
from chatui.errors import ChatUIError, NotFetched
from chatui.services import Services
from chatui.ui.errors import error_card
from chatui.ui.state import Selection
from chatui.ui.tabs.data import describe
from chatui.ui.tabs.data.drawing import Changes, Drawing, told
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import of_upload

_EVERY = 0.5  # seconds between two words about progress


class GettingHandlers:
    """What happens beside the field for an address."""

    def __init__(self, services: Services, parts: Parts, permit: Permit | None = None) -> None:
        self._hub = hub_of(services.settings)
        self._max_bytes = services.settings.max_upload_mb * 2**20
        self._parts = parts
        self._permit = permit
        self._drawing = Drawing(services, parts)
        # What is prepared has to stay for as long as somebody may look at it.
        self._folder = Path(tempfile.mkdtemp(prefix="chatui-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def fetch(self, url: str, selected: Selection) -> Iterator[Changes]:
        """Fetch, telling how much has come; what is wrong stays below the field."""
        parts = self._parts
        news: Queue[int | Path | Exception] = Queue()
        Thread(target=self._work, args=(url.strip(), news), daemon=True).start()
        came: int | Path | Exception = 0
        while isinstance(came, int):
            size = describe.in_bytes(came)
            yield {parts.address_status: told(f'<p role="status">Fetching: {size} so far.</p>')}
            came = _last_of(news)
        try:
            if isinstance(came, Exception):
                raise came
            recognise_file(came)
        except ChatUIError as error:
            yield {parts.address_status: told(error_card(str(error)))}
            return
        shown = self._drawing.other(of_upload(str(came), selected.dataset), selected)
        yield shown | {parts.address: "", parts.address_status: told("")}

    def _work(self, url: str, news: "Queue[int | Path | Exception]") -> None:
        try:
            with self._fetched(url, news.put) as path:
                kept = Path(tempfile.mkdtemp(dir=self._folder)) / path.name
                shutil.move(path, kept)
            news.put(kept)
        except Exception as error:  # noqa: BLE001 - raised again where somebody looks
            news.put(error)

    def _fetched(self, url: str, came: Callable[[int], None]) -> AbstractContextManager[Path]:
        if (dataset := self._hub.name_in(url)) is not None:
            return fetched_dataset(dataset, self._hub, self._max_bytes, self._permit, progress=came)
        if not is_url(url):
            what = "an address begins with https://, a dataset of the Hub with hf:"
            raise NotFetched(url[:120] or "(nothing)", what)
        return fetched(url, self._max_bytes, self._permit, progress=came)


def _last_of(news: "Queue[int | Path | Exception]") -> int | Path | Exception:
    """The next news, or the last of all that came within a moment."""
    item = news.get()
    ends_at = time.monotonic() + _EVERY
    while isinstance(item, int) and (left := ends_at - time.monotonic()) > 0:
        try:
            item = news.get(timeout=left)
        except Empty:
            break
    return item
