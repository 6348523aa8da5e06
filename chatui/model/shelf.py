"""The models that the page keeps loaded for chatting: each base model once, loaded when first used.

No torch is imported until somebody asks for an engine.
"""

import threading
from typing import TYPE_CHECKING

from chatui.model.catalog import find_base
from chatui.settings import quiet_environment

if TYPE_CHECKING:
    from chatui.model.engine import Engine

_Key = tuple[str, str]  # where it is, and the chat template that was chosen


class ModelShelf:
    """Engines by the name of their base model; thread-safe."""

    def __init__(self, keep: int = 2) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._loading: dict[_Key, threading.Lock] = {}
        self._engines: dict[_Key, Engine] = {}

    def engine(self, base_name: str) -> "Engine":
        """The engine of a base model, loaded if need be (seconds, or minutes for a download).

        The base model that was asked for the longest ago is forgotten when there are too many.
        Raises what `find_base` and `Engine.open` raise.
        """
        base = find_base(base_name)
        key = base.path, base.template
        with self._lock:
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:  # one thread loads; others that want the same model wait for it
            with self._lock:
                engine = self._engines.pop(key, None)
            if engine is None:
                quiet_environment()
                from chatui.model.engine import Engine

                engine = Engine.open(base, decodes_only=True)
            with self._lock:
                self._engines[key] = engine
                while len(self._engines) > self._keep:
                    self._engines.pop(next(iter(self._engines)))
            return engine

    def is_loaded(self, base_name: str) -> bool:
        """Whether a base model would answer without loading first."""
        with self._lock:
            base = find_base(base_name)
            return (base.path, base.template) in self._engines
