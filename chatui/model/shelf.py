"""The models that the page keeps loaded for chatting: each base once, loaded when first used.

One that nobody asks for a while is put away, and so is any that nobody is asking when a job on the
same device wants the room. No torch is imported until somebody asks for an engine.
"""

import ctypes
import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatui.model.catalog import BaseModel, find_base
from chatui.model.requests import Answering
from chatui.settings import quiet_environment

if TYPE_CHECKING:
    from chatui.model.engine import Engine

Remote = Callable[[BaseModel], Answering]  # what answers for a base model elsewhere

_Key = tuple[str, str, str]  # where it is, and what was chosen: chat template, quantization

IDLE_SECONDS = 900.0  # without a question, after which a model is put away
_LOOK_EVERY = 1.0  # seconds between two looks at who wants room


@dataclass(slots=True)
class _Place:
    """What is known of one base model."""

    loading: threading.Lock = field(default_factory=threading.Lock)
    engine: "Engine | None" = None
    asked: int = 0  # by so many at the moment
    since: float = 0.0  # nobody has asked it, by the clock of the shelf
    away: str | None = None  # why it was put away


class ModelShelf:
    """Engines by their base model; thread-safe."""

    def __init__(
        self,
        keep: int = 2,
        *,
        idle_seconds: float = IDLE_SECONDS,
        room_wanted: Callable[[], str | None] = lambda: None,
        remote: Remote | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`room_wanted` tells who wants the memory that models take here, if anybody does.

        With `remote` nothing is loaded here.
        """
        self._keep = keep
        self._idle_seconds = idle_seconds
        self._room_wanted = room_wanted
        self._remote = remote
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[_Key, _Place] = {}  # the one that was asked last is the last
        self._watcher: threading.Thread | None = None

    @contextmanager
    def using(self, base_name: str) -> Iterator[Answering]:
        """The engine of a base model, loaded if need be (seconds, or minutes for a download).

        It stays while it is used. The base that was asked for the longest ago is put away when
        there are too many. Raises what `find_base` and `Engine.open` raise.
        """
        base = find_base(base_name)
        if self._remote is not None:
            yield self._remote(base)
            return
        key = _key(base)
        with self._lock:
            place = self._places.setdefault(key, _Place())
            place.asked += 1
            self._places[key] = self._places.pop(key)
        try:
            with place.loading:  # one thread loads; others that want the same model wait for it
                if place.engine is None:
                    quiet_environment()
                    from chatui.model.engine import Engine

                    place.engine = Engine.open(base, decodes_only=True)
                    place.away = None
            self._put_away_what_is_too_much()
            self._watch()
            yield place.engine
        finally:
            with self._lock:
                place.asked -= 1
                place.since = self._clock()

    def is_loaded(self, base_name: str) -> bool:
        """Whether a base model would answer without loading first."""
        place = self._places.get(_key(find_base(base_name)))
        return self._remote is not None or (place is not None and place.engine is not None)

    def why_away(self, base_name: str) -> str | None:
        """Why a base model that was loaded is not any more, in words."""
        place = self._places.get(_key(find_base(base_name)))
        return place.away if place is not None else None

    def look_round(self) -> None:
        """Put away what nobody has asked for a while, or what somebody else needs the room of."""
        if (who := self._room_wanted()) is not None:
            self._put_away(self._unused(), f"it was put away to make room for {who}")
            return
        limit = self._clock() - self._idle_seconds
        idle = [place for place in self._unused() if place.since <= limit]
        minutes = round(self._idle_seconds / 60)
        self._put_away(idle, f"it was put away after {minutes} minutes without a question")

    def _put_away_what_is_too_much(self) -> None:
        loaded = sum(place.engine is not None for place in list(self._places.values()))
        too_much = self._unused()[: max(0, loaded - self._keep)]
        self._put_away(too_much, "it was put away for another model")

    def _unused(self) -> list[_Place]:
        """Places of engines that nobody is asking, the one that was asked longest ago first."""
        with self._lock:
            return [each for each in self._places.values() if each.engine and not each.asked]

    def _put_away(self, places: list[_Place], why: str) -> None:
        for place in places:
            with self._lock:
                if place.asked:  # meanwhile
                    continue
                place.engine, place.away = None, why
        if places:
            _return_memory()

    def _watch(self) -> None:
        with self._lock:
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watching, name="shelf", daemon=True)
                self._watcher.start()

    def _watching(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(_LOOK_EVERY)
            self.look_round()
            with self._lock:
                if not any(place.engine or place.asked for place in self._places.values()):
                    self._watcher = None
                    return


def _key(base: BaseModel) -> _Key:
    return base.path, base.template, base.quantization


def _return_memory() -> None:
    """Give the memory of what was dropped back to the machine, which Python alone does not."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        with_trim = ctypes.CDLL(None)
        if hasattr(with_trim, "malloc_trim"):  # glibc's
            with_trim.malloc_trim(0)
