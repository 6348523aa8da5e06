"""The special tokens of a tokenizer, from its files alone."""

import json
from pathlib import Path
from typing import Any

_KINDS = ("bos", "eos", "pad", "unk", "sep", "cls", "mask")


def special_tokens(folder: Path) -> dict[str, str]:
    """The tokens that a template may name, such as `bos_token`; older models list them apart."""
    listed = _object(folder / "special_tokens_map.json") | _object(folder / "tokenizer_config.json")
    found = {f"{kind}_token": listed.get(f"{kind}_token") for kind in _KINDS}
    texts = {n: v.get("content") if isinstance(v, dict) else v for n, v in found.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _object(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
