"""Name models by their content, so that a score or a reply says exactly what made it.

Reads files only: no torch. All hashes are SHA-256 in hex.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from chatui.conversation import content_hash
from chatui.errors import AdapterNotUsable
from chatui.model.catalog import BaseModel, chat_template, local_folder
from chatui.model.quantization import NF4

_PARTS_OF_A_BASE = ("config.json", "*.safetensors", "tokenizer.json", "tokenizer.model")
# Where an adapter was made does not change what it is.
_NOT_PART_OF_AN_ADAPTER = ("base_model_name_or_path", "inference_mode", "revision")


def base_hash(base: BaseModel) -> str:
    """Hash of a base model's weights as they are loaded, its shape and tokenizer.

    Downloads a Hub model if need be.
    """
    folder = local_folder(base)
    files = sorted({path for pattern in _PARTS_OF_A_BASE for path in folder.glob(pattern)})
    whole = content_hash([[path.name, file_hash(path)] for path in files])
    return whole if base.quantization == NF4 else content_hash([whole, base.quantization])


def template_hash(base: BaseModel) -> str:
    """Hash of a base model's chat template."""
    return content_hash(chat_template(base))


def adapter_hash(folder: Path) -> str:
    """Hash of an adapter's weights and shape."""
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        weights = file_hash(folder / "adapter_model.safetensors")
    except (OSError, ValueError) as error:
        raise AdapterNotUsable(folder.name, "its files are missing or damaged") from error
    shape = {k: v for k, v in config.items() if k not in _NOT_PART_OF_AN_ADAPTER}
    if isinstance(shape.get("target_modules"), list):  # a set in PEFT: it has no order
        shape["target_modules"] = sorted(shape["target_modules"])
    return content_hash([shape, weights])


def model_hash(base: str, adapter: str | None, template: str) -> str:
    """Hash of what answers: base model, adapter (or none) and chat template, by their hashes."""
    return content_hash([base, adapter, template])


def file_hash(path: Path) -> str:
    """Hash of a file's bytes, read once while its size and time stay the same."""
    status = path.stat()
    return _hash_of(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _hash_of(path: Path, size: int, changed: int) -> str:
    """Weights of gigabytes are read once while they stay the same."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
