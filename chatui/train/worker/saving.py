"""What a run leaves on disk while it trains: the best adapter, and checkpoints to resume from.

Both survive a kill at any moment: an adapter is replaced in one move, and a checkpoint counts only
once its last file, the mark, is there.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import save_file

from chatui.errors import DiskFull
from chatui.workspace import disk_full_in_words, write_text

_MARK = "complete"
_KEPT = 2


@contextmanager
def full_disk_in_words(what: str) -> Iterator[None]:
    """Turn the ways in which torch and safetensors say "no space left" into a sentence.

    Neither raises an OSError: torch's archive writer only finds itself at a place where it should
    not be, safetensors quotes the system.
    """
    try:
        with disk_full_in_words(what):
            yield
    except (RuntimeError, SafetensorError) as error:
        if "inline_container" in str(error) or "(os error 28)" in str(error):
            raise DiskFull(what) from error
        raise


def save_adapter(model: Any, folder: Path, base_name: str) -> None:
    """Write the adapter of a PEFT model in PEFT's format, or replace the one that is there.

    Only the weights change during a run, so replacing their file replaces the adapter at once.
    """
    with full_disk_in_words("the adapter"):
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "adapter_config.json").exists():
            config = model.peft_config["default"]
            # A name that means something elsewhere: a path of this machine would not.
            config.base_model_name_or_path = base_name
            config.inference_mode = True
            try:
                config.save_pretrained(folder)
            finally:
                config.inference_mode = False
        # Embeddings never learn here; left to decide by itself, PEFT asks the Hub for their size.
        state = get_peft_model_state_dict(model, save_embedding_layers=False)
        state = {name: tensor.contiguous().cpu() for name, tensor in state.items()}
        staged = folder / ".adapter_model.safetensors"
        save_file(state, staged, metadata={"format": "pt"})
        staged.replace(folder / "adapter_model.safetensors")


def has_adapter(folder: Path) -> bool:
    """Whether an adapter has been saved there."""
    return (folder / "adapter_model.safetensors").exists()


def mark_complete(checkpoint: Path) -> None:
    """Say that a checkpoint is whole, and delete those before the last two."""
    write_text(checkpoint / _MARK, "")
    for old in _whole_checkpoints(checkpoint.parent)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; what a kill left unfinished is deleted."""
    whole = _whole_checkpoints(folder)
    for path in folder.glob("checkpoint-*"):
        if path not in whole:
            shutil.rmtree(path, ignore_errors=True)
    return whole[-1] if whole else None


def _whole_checkpoints(folder: Path) -> list[Path]:
    found = (path.parent for path in folder.glob(f"checkpoint-*/{_MARK}"))
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))
