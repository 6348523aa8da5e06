"""Which layers of a base model an adapter goes on: by kind, by name, and by how far up they are.

Works on names alone, so that the page can check a choice before a model is loaded.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from chatui.errors import NoSuchLayers
from chatui.model.catalog import BaseModel

ALL_LINEAR = "all-linear"
# What the modules around a layer are called in the families of models that are common.
_KINDS = {"attention": ("attn", "attention"), "mlp": ("mlp", "feed_forward", "ffn")}
_BLOCK = re.compile(r"(?:^|\.)(\d+)\.")


def linear_layers(base: BaseModel) -> list[str] | None:
    """Names of a local base model's matrices inside its blocks; None if it is not on this disk."""
    return list(_matrices(base.path)) if base.is_local else None


def matrix_shapes(base: BaseModel) -> dict[str, tuple[int, int]] | None:
    """Outputs and inputs of those matrices; None if the model is not on this disk."""
    return dict(_matrices(base.path)) if base.is_local else None


def inside_blocks(name: str) -> str:
    """A layer's name from the number of its block on: what stands before differs by the file."""
    found = _BLOCK.search(name)
    return name[found.start(1) :] if found else name


def chosen_layers(names: Iterable[str], wanted: str, top: int = 0) -> list[str]:
    """Those of the layers that get an adapter; raises NoSuchLayers naming what is not there.

    `wanted` is "all-linear", "attention", "mlp", or names with commas between them; `top` keeps the
    last so many blocks, 0 all of them.
    """
    inside = [name for name in names if _BLOCK.search(name)]
    blocks = sorted({block_of(name) for name in inside})
    if top > len(blocks):
        told = f"Top layers is {top} and the base model has {len(blocks)} blocks"
        raise NoSuchLayers(told, "top_layers")
    kept = set(blocks[-top:])  # [-0:] is all
    found: list[str] = []
    for want in filter(None, map(str.strip, wanted.split(","))):
        mine = [name for name in inside if _is_wanted(name, want)]
        if not mine:
            kinds = ", ".join((ALL_LINEAR, *_KINDS, *sorted({last_name(n) for n in inside})))
            raise NoSuchLayers(f"Target layers: none is called {want[:60]!r} (there are: {kinds})")
        found += mine
    if not found:
        raise NoSuchLayers("Target layers: none is named")
    return [name for name in dict.fromkeys(found) if block_of(name) in kept]


def block_of(name: str) -> int:
    """The number of the block that a layer belongs to."""
    number = _BLOCK.search(name)
    return int(number[1]) if number else -1


def last_name(name: str) -> str:
    """What a layer is called inside its block: "q_proj"."""
    return name.rpartition(".")[2]


def _is_wanted(name: str, want: str) -> bool:
    around = name.rpartition(".")[0].rpartition(".")[2]
    if want == ALL_LINEAR:
        return True
    if want in _KINDS:
        return any(word in around for word in _KINDS[want])
    return last_name(name) == want


@lru_cache(maxsize=8)
def _matrices(folder: str) -> Mapping[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for path in Path(folder).glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        found |= {
            name.removesuffix(".weight"): (tensor["shape"][0], tensor["shape"][1])
            for name, tensor in header.items()
            if name.endswith(".weight") and len(tensor["shape"]) == 2 and _BLOCK.search(name)
        }
    return dict(sorted(found.items()))
