"""Options out of the form and into it: copied from a run, as a YAML file to take away or bring."""

import hashlib
import shutil
import tempfile
import weakref
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from chatui.errors import ChatUIError
from chatui.services import Services
from chatui.train.config import TrainConfig
from chatui.train.config_file import read_config_file, to_yaml
from chatui.ui.errors import error_card

_SAME = gr.skip()
_OPTIONS = len(TrainConfig.model_fields)
# What a handler writes that fills the form: note, base, the base its rate is for, every option.
Filled = tuple[Any, ...]


class Keeping:
    """The listeners of "Copy, load or save options"."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # Gradio serves a copy of what lies here; this folder goes when the app ends.
        self._folder = Path(tempfile.mkdtemp(prefix="chatui-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def copy(self, run: str | None) -> Filled:
        """Fill the form with the base model and the options of a run."""
        if not run:
            return (_SAME,) * (3 + _OPTIONS)
        try:
            view = self._services.runs.view(run)
        except ChatUIError as error:
            return _refused(error)
        return _filled(f"The form holds the options of {run}.", view.base, view.config)

    def load(self, path: str | None, base: str) -> Filled:
        """Fill the form from a YAML file, or say all that is wrong with it."""
        if not path:
            return (_SAME,) * (3 + _OPTIONS)
        try:
            file = read_config_file(Path(path))
        except ChatUIError as error:
            return _refused(error)
        count = len(file.options)
        told = f"The form holds the file's {count} options; the others are at their defaults."
        return _filled(told, file.base or base, file.config)

    def offer(self, config: TrainConfig, dataset: str | None, base: str) -> Any:
        """The button that hands out what the form holds: a click serves what was set before."""
        text = to_yaml(config, dataset=dataset or "", base=base)
        folder = self._folder / hashlib.sha256(text.encode()).hexdigest()[:16]
        folder.mkdir(exist_ok=True)
        file = folder / "training.yaml"
        file.write_text(text, encoding="utf-8")
        return gr.DownloadButton(value=str(file))


def _filled(told: str, base: str, config: TrainConfig) -> Filled:
    note = f'<p class="chatui-note" role="status">{escape(told)}</p>'
    values = config.model_dump()
    return note, base, base, *(values[name] for name in TrainConfig.model_fields)


def _refused(error: ChatUIError) -> Filled:
    return error_card(str(error)), *(_SAME,) * (2 + _OPTIONS)
