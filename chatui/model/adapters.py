"""The adapters on a loaded base model: attached by hash, switched on and off, never merged."""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import safe_open

from chatui.errors import AdapterNotUsable
from chatui.model.decoder import Share
from chatui.model.hashes import adapter_hash
from chatui.model.lean import LeanAdapters

_PREFIX = "base_model.model."


class AdapterSwitch:
    """One base model and the adapters on it; at each moment one of them, or none, is on."""

    def __init__(self, model: Any) -> None:
        self._base = model
        self._peft: Any = None
        self._lean: LeanAdapters | None = None
        self._attached: set[str] = set()
        self._on: str | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._attached

    def attach(self, folder: Path) -> str:
        """Attach the adapter in a folder; returns its hash. Attaching it twice is one."""
        name = adapter_hash(folder)
        if name in self._attached:
            return name
        refuse_if_foreign(folder, self._base)
        with warnings.catch_warnings():
            # PEFT still asks for a property that transformers has renamed.
            warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
            if self._peft is None:
                self._peft = PeftModel.from_pretrained(self._base, str(folder), adapter_name=name)
                self._lean = LeanAdapters(self._peft)
                self._on = name
            else:
                self._peft.load_adapter(str(folder), adapter_name=name)
        self._attached.add(name)
        self._peft.eval()
        if self._lean is not None:
            self._lean.refresh()
        return name

    def detach(self, name: str) -> None:
        """Free what an adapter takes; one that is not attached is none."""
        if name not in self._attached:
            return
        self._attached.remove(name)
        if self._attached:
            self.using(next(iter(self._attached)))  # PEFT would choose one itself
            self._peft.delete_adapter(name)
        else:
            self._base = self._peft.unload()
            self._peft = self._lean = self._on = None

    def can_share(self, name: str | None) -> bool:
        """Whether an adapter, or (None) the base, can be asked in one pass with others."""
        self._check(name)
        return name is None or (self._lean is not None and self._lean.can_serve(name))

    @contextmanager
    def sharing(self, shares: Sequence[Share]) -> Iterator[Any]:
        """The model in which each adapter reads its share of the tokens, and the base all."""
        if self._lean is None:
            yield self._base
            return
        with self._lean.sharing(shares):
            yield self._peft

    def using(self, name: str | None) -> Any:
        """The model with one adapter on, or with none; valid until the next call."""
        self._check(name)
        if self._peft is None:
            return self._base
        if name is None and self._on is not None:
            self._peft.base_model.disable_adapter_layers()
        elif name is not None and name != self._on:
            if self._on is None:
                self._peft.base_model.enable_adapter_layers()
            self._peft.set_adapter(name, inference_mode=True)
        self._on = name
        return self._peft

    def _check(self, name: str | None) -> None:
        if name is not None and name not in self._attached:
            raise AdapterNotUsable(name[:12], "it is not attached to this model")


def refuse_if_foreign(folder: Path, base: torch.nn.Module) -> None:
    """Raise unless every matrix of the adapter fits a layer of the base model.

    Asked before PEFT begins, because a failed attempt would leave the base model changed.
    """
    try:
        kind = json.loads((folder / "adapter_config.json").read_text()).get("peft_type")
        with safe_open(folder / "adapter_model.safetensors", framework="pt") as weights:
            shapes = {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors raises its own kinds
        raise AdapterNotUsable(folder.name, "its files are damaged") from error
    if kind != "LORA":
        raise AdapterNotUsable(folder.name, f"it is of kind {kind}, and only LoRA is supported")
    layers = dict(base.named_modules())
    for name, shape in shapes.items():
        path, _, matrix = name.removeprefix(_PREFIX).partition(".lora_")
        layer = layers.get(path)
        fits = layer is not None and (
            (matrix.startswith("A") and shape[-1] == getattr(layer, "in_features", None))
            # DoRA keeps a number for each row of the weights besides B.
            or (
                matrix.startswith(("B", "magnitude_vector"))
                and shape[0] == getattr(layer, "out_features", None)
            )
        )
        if not fits:
            raise AdapterNotUsable(folder.name, "it was trained on another base model")
