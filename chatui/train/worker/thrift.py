"""Which layers of a model learn with less memory: those that give the same as they do now.

A layer is exchanged where its kind is known and a trial shows that it answers the same.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from chatui.train.worker.distributed import modules_made_whole
from chatui.train.worker.layers import AdaptedLinear, Gate, GatedDown, Norm, project

_SIBLINGS = ("q_proj", "k_proj", "v_proj")
_FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")

_Forward = Callable[[torch.Tensor], torch.Tensor]
_KEY = "forward"  # in a module, before that of its class
# Parameters. A smaller model is no faster for it, and its adapter is rounded to bfloat16.
_WORTH_THRIFT = 20_000_000
_TRIAL_ROWS = 4
_NEAR = {torch.float32: 1e-4, torch.bfloat16: 0.03}  # relative, of a whole block of layers


def is_worth_thrift(model: Any) -> bool:
    """Whether a PEFT model is large enough for an adapter in bfloat16 to be worth it."""
    return bool(model.get_base_model().num_parameters() >= _WORTH_THRIFT)


@contextmanager
def thrifty(model: Any) -> Iterator[None]:
    """Let the layers of a PEFT model keep less for the way back, where they are of a known kind."""
    changed = list(_replacements(model))
    for module, forward in changed:
        module.__dict__[_KEY] = forward
    try:
        yield
    finally:
        for module, _ in changed:
            module.__dict__.pop(_KEY, None)


@contextmanager
def untouched(model: Any) -> Iterator[None]:
    """Inside of `thrifty`: let all layers be PEFT's own for a while, as where the model is used."""
    changed = [(module, module.__dict__.pop(_KEY)) for module in _changed(model)]
    try:
        yield
    finally:
        for module, forward in changed:
            module.__dict__[_KEY] = forward


def _changed(model: Any) -> list[Any]:
    return [module for module in model.modules() if _KEY in module.__dict__]


def _replacements(model: Any) -> Iterator[tuple[Any, _Forward]]:
    like = torch.empty(0, dtype=model.dtype, device=model.device)
    for module in modules_made_whole(model):
        yield from _linear_replacements(module, like)
        if hasattr(module, "variance_epsilon"):
            normed = partial(_normed, module)
            if _answers_the_same(module, normed, len(module.weight), like):
                yield module, normed


def _linear_replacements(module: Any, like: torch.Tensor) -> Iterator[tuple[Any, _Forward]]:
    children = dict(module.named_children())
    linear = {name: AdaptedLinear(child) for name, child in children.items() if _fits(child)}
    if set(_FEED_FORWARD) <= linear.keys():
        whole = partial(_feed_forward, {name: linear[name] for name in _FEED_FORWARD})
        if _answers_the_same(module, whole, children["gate_proj"].in_features, like):
            yield module, whole
            linear = {n: layer for n, layer in linear.items() if n not in _FEED_FORWARD}
    if set(_SIBLINGS) <= linear.keys():
        shared = _Shared([linear.pop(name) for name in _SIBLINGS])
        for number, name in enumerate(_SIBLINGS):
            yield children[name], partial(shared.answer, number)
    for name, layer in linear.items():
        yield children[name], partial(_alone, layer)


def _fits(layer: Any) -> bool:
    """Whether a layer of a PEFT model is a plain linear one with one plain adapter."""
    if not isinstance(layer, LoraLayer) or not isinstance(layer.base_layer, torch.nn.Linear):
        return False
    names = list(layer.active_adapters)
    return (
        len(names) == 1
        and names[0] in layer.lora_A
        and names[0] not in layer.lora_variant  # DoRA and the like
        and not layer.merged
        and layer.lora_B[names[0]].bias is None
    )


@torch.no_grad()
def _answers_the_same(module: Any, forward: _Forward, width: int, like: torch.Tensor) -> bool:
    """Try both ways on random inputs of a width; `like` says their kind and device."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(1, _TRIAL_ROWS, width, generator=draw).to(like)
    was_training = module.training
    module.eval()
    try:
        truth, answer = module(x).float(), forward(x).float()
    finally:
        module.train(was_training)
    return bool((answer - truth).norm() <= _NEAR[like.dtype] * truth.norm())


class _Shared:
    """Layers that read the same input one after the other: the first one asked computes all."""

    def __init__(self, layers: Sequence[AdaptedLinear]) -> None:
        self._layers = layers
        self._input: torch.Tensor | None = None
        self._ready: dict[int, torch.Tensor] = {}

    def answer(self, number: int, x: torch.Tensor) -> torch.Tensor:
        """The output of one of them."""
        if self._input is not x or number not in self._ready:
            self._input, self._ready = x, dict(enumerate(project(x, self._layers)))
        output = self._ready.pop(number)
        if not self._ready:
            self._input = None
        return output


def _feed_forward(layers: dict[str, AdaptedLinear], x: torch.Tensor) -> torch.Tensor:
    gate, up = project(x, [layers["gate_proj"], layers["up_proj"]])
    last = layers["down_proj"]
    if last.drops:
        return project(Gate.apply(gate, up), [last])[0]
    return GatedDown.apply(gate, up, last, last.down.weight, last.up.weight)


def _alone(layer: AdaptedLinear, x: torch.Tensor) -> torch.Tensor:
    return project(x, [layer])[0]


def _normed(module: Any, x: torch.Tensor) -> torch.Tensor:
    return Norm.apply(x, module.weight, module.variance_epsilon)
