"""Translate texts with Marian models from local folders.

Sentence by sentence, as such models learned it; line breaks stay. Nothing is downloaded, and torch
is imported when the first text is translated.
"""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chatui.errors import NoTranslationModel

_FILES = ("config.json", "vocab.json", "source.spm", "target.spm", "model.safetensors")
_BATCH = 16
_LONGEST = 512  # tokens; Marian models know no more places
_BEAMS = 4
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+")


def missing_in(folder: Path) -> str | None:
    """What a folder lacks to be a translation model, or nothing."""
    if not folder.is_dir():
        return "there is no such folder"
    missing = [name for name in _FILES if not (folder / name).is_file()]
    return f"{', '.join(missing)} missing" if missing else None


class Translator:
    """One direction of translation; deterministic."""

    def __init__(self, folder: Path) -> None:
        """Raises NoTranslationModel where the folder holds none."""
        if problem := missing_in(folder):
            raise NoTranslationModel(str(folder), problem)
        self._folder = folder
        self._loaded: tuple[Any, Any] | None = None

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """The texts in the other language; a sentence too long for the model leaves it blank."""
        split = [[_SENTENCE_END.split(line) for line in text.split("\n")] for text in texts]
        said = dict.fromkeys(s for text in split for line in text for s in line if s.strip())
        # Sentences of one length together: what fills up a batch is translated for nothing.
        waiting = sorted(said, key=len)
        found: dict[str, str] = {}
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            found |= zip(batch, self._translated(batch), strict=True)
        return [_joined(text, found) for text in split]

    def _translated(self, sentences: Sequence[str]) -> list[str]:
        import torch

        tokenizer, model = self._model()
        inputs = tokenizer(list(sentences), return_tensors="pt", padding=True).to(model.device)
        fits = inputs["attention_mask"].sum(dim=1) <= _LONGEST
        inputs = {name: values[:, :_LONGEST] for name, values in inputs.items()}
        # A translation is not many times as long; what goes on has lost its way.
        most = min(_LONGEST - 1, 2 * inputs["input_ids"].shape[1] + 20)
        with torch.inference_mode():
            made = model.generate(**inputs, num_beams=_BEAMS, do_sample=False, max_new_tokens=most)
        texts = tokenizer.batch_decode(made, skip_special_tokens=True)
        return [text if fit else "" for text, fit in zip(texts, fits.tolist(), strict=True)]

    def _model(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = _load(self._folder)
        return self._loaded


def _load(folder: Path) -> tuple[Any, Any]:
    import torch
    from safetensors import SafetensorError
    from transformers import MarianMTModel, MarianTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():  # it recommends a package that evens out quotes
            warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
            tokenizer = MarianTokenizer.from_pretrained(folder, local_files_only=True)
        model = MarianMTModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise NoTranslationModel(str(folder), f"it can't be loaded ({reason})") from error
    return tokenizer, model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _joined(text: Sequence[Sequence[str]], found: dict[str, str]) -> str:
    """A text put together again; blank where one of its sentences could not be translated."""
    if any(s.strip() and not found[s].strip() for line in text for s in line):
        return ""
    return "\n".join(" ".join(found.get(s, s) for s in line) for line in text)
