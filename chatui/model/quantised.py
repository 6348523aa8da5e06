"""Base models as they were quantised once: loading them again takes a fraction of the time.

A copy is used only if it was made from the same weights with the same settings and libraries, and
if its own files are what was written. A copy that is stale or broken counts as none and is made
anew; where none can be kept (a full disk, a folder that may not be written) everything works as
without.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from chatui.conversation import content_hash
from chatui.errors import ChatUIError
from chatui.model.catalog import BaseModel
from chatui.model.hashes import base_hash, file_hash
from chatui.settings import load_settings
from chatui.workspace import read_json, write_json

_WORTH_KEEPING = 20_000_000  # parameters: smaller models are quantised in a moment
_MANIFEST = "made-from.json"
_LIBRARIES = ("torch", "transformers", "bitsandbytes")
_log = logging.getLogger(__name__)


class Copy:
    """The place of a base model's quantised copy."""

    def __init__(self, base: BaseModel, settings: dict[str, object]) -> None:
        cache = load_settings().cache.expanduser()
        name = base.source if base.is_of_the_hub else base.path
        self.folder = cache / "quantised" / content_hash([name, settings])[:16]
        libraries = {name: version(name) for name in _LIBRARIES}
        self._made_from = {"base": base_hash(base), "settings": settings, "libraries": libraries}

    def is_whole(self) -> bool:
        """Whether there is a copy of just this, with every byte as it was written."""
        try:
            manifest = read_json(self.folder / _MANIFEST)
            return manifest == {**self._made_from, "files": _hashes(self.folder)}
        except (OSError, ValueError):
            return False

    def make(self, model: Any) -> None:
        """Write or replace the copy; who reads an old one meanwhile keeps what it has opened."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            staged = Path(tempfile.mkdtemp(prefix=".staging-", dir=self.folder.parent))
            try:
                model.save_pretrained(staged)
                write_json(staged / _MANIFEST, {**self._made_from, "files": _hashes(staged)})
                shutil.rmtree(self.folder, ignore_errors=True)
                staged.rename(self.folder)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
        except (OSError, ChatUIError) as error:  # another process was quicker, or the disk is full
            _log.warning("The quantised model was not kept: %s", error)


def is_worth_keeping(model: Any) -> bool:
    """Whether quantising a model takes long enough."""
    return int(model.num_parameters()) >= _WORTH_KEEPING


def loaded_once(
    copy: Copy, load: Callable[[Path | None], Any], broken: tuple[type[Exception], ...]
) -> Any:
    """A model from its copy, or else anew, and then there is a copy.

    `load` takes the folder of the copy, or None for the base model itself; `broken` is what it may
    raise for a copy that looked whole.
    """
    if copy.is_whole():
        try:
            return load(copy.folder)
        except broken as error:
            _log.warning("The quantised model could not be read, and is made anew: %s", error)
    model = load(None)
    if is_worth_keeping(model):
        copy.make(model)
    return model


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.iterdir()) if path.name != _MANIFEST)
    return {path.name: file_hash(path) for path in files}
