"""The layers of a model while its adapter learns: the same numbers, and far less kept for them.

PEFT's own forward pass copies every input to float32, once for each layer that reads it, and keeps
the copies for the way back; transformers' norms and gates keep every product in between. Here
layers that read the same input share it, adapters multiply in the precision of the model (their
weights stay in float32), and what is cheap is computed again.
"""

from collections.abc import Sequence
from typing import Any

import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit
from torch.autograd import Function
from torch.nn.functional import silu


class AdaptedLinear:
    """A frozen linear layer, in 4 bits or not, with one LoRA adapter."""

    def __init__(self, layer: Any) -> None:
        (name,) = layer.active_adapters
        self._base = layer.base_layer
        self.down, self.up = layer.lora_A[name], layer.lora_B[name]
        self.dropout = layer.lora_dropout[name]
        self.scale = float(layer.scaling[name])

    @property
    def drops(self) -> bool:
        """Whether inputs of the adapter are left out at the moment."""
        return self.dropout.training and getattr(self.dropout, "p", 0.0) > 0

    @property
    def bias(self) -> torch.Tensor | None:
        """What the frozen layer adds."""
        return self._base.bias

    def dense(self, dtype: torch.dtype) -> torch.Tensor:
        """The frozen weights, (outputs, inputs)."""
        weight = self._base.weight
        if isinstance(self._base, Linear4bit):
            # A weight that was divided among processes comes back without its scales.
            scales = getattr(weight, "quant_state", None) or self._base.quant_state
            weight = dequantize_4bit(weight.data, scales)
        return weight.to(dtype)


def project(x: torch.Tensor, layers: Sequence[AdaptedLinear]) -> tuple[torch.Tensor, ...]:
    """The outputs of layers that read the same input."""
    if any(layer.drops for layer in layers):  # each leaves out others
        return tuple(
            _Project.apply(x, layer.dropout(x), [layer], *_pairs([layer]))[0] for layer in layers
        )
    return _Project.apply(x, None, list(layers), *_pairs(layers))


def _pairs(layers: Sequence[AdaptedLinear]) -> list[torch.Tensor]:
    return [weight for layer in layers for weight in (layer.down.weight, layer.up.weight)]


class _Project(Function):
    """Linear layers with adapters over one input, and over what dropout left of it, if any."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        seen: torch.Tensor | None,
        layers: list[AdaptedLinear],
        *pairs: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        dtype, flat = x.dtype, x.flatten(0, -2)
        read = flat if seen is None else seen.flatten(0, -2)
        downs = torch.cat([pair.to(dtype) for pair in pairs[::2]])
        low = read @ downs.t()
        outputs = []
        for part, layer, up in zip(_split(low, pairs), layers, pairs[1::2], strict=True):
            output = torch.nn.functional.linear(flat, layer.dense(dtype), _cast(layer.bias, dtype))
            output.addmm_(part, up.to(dtype).t(), alpha=layer.scale)
            outputs.append(output.view(*x.shape[:-1], -1))
        ctx.save_for_backward(read, low, *pairs)
        ctx.layers, ctx.shape, ctx.is_apart = layers, x.shape, seen is not None
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        read, low, *pairs = ctx.saved_tensors
        flats = [gradient.flatten(0, -2) for gradient in gradients]
        to_low, learned = _to_low(flats, low, pairs, ctx.layers)
        to_downs = _by_token(to_low, read).split([len(down) for down in pairs[::2]])
        learned[::2] = [to.to(down.dtype) for to, down in zip(to_downs, pairs[::2], strict=True)]
        to_x = to_seen = None
        if ctx.needs_input_grad[0]:
            to_x = flats[0] @ ctx.layers[0].dense(read.dtype)
            for flat, layer in zip(flats[1:], ctx.layers[1:], strict=True):
                to_x.addmm_(flat, layer.dense(read.dtype))
        downs = torch.cat([down.to(read.dtype) for down in pairs[::2]])
        if ctx.is_apart:
            to_seen = (to_low @ downs).view(ctx.shape)
        elif to_x is not None:
            to_x.addmm_(to_low, downs)
        return None if to_x is None else to_x.view(ctx.shape), to_seen, None, *learned


def _to_low(
    flats: Sequence[torch.Tensor],
    low: torch.Tensor,
    pairs: Sequence[torch.Tensor],
    layers: Sequence[AdaptedLinear],
) -> tuple[torch.Tensor, list[Any]]:
    """The gradient of what the adapters' first halves give, and of their second halves."""
    to_low, learned = [], []
    for flat, part, layer, up in zip(flats, _split(low, pairs), layers, pairs[1::2], strict=True):
        to_low.append((flat @ up.to(flat.dtype)).mul_(layer.scale))
        learned += [None, _by_token(flat, part).to(up.dtype).mul_(layer.scale)]
    return torch.cat(to_low, dim=1), learned


def _by_token(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The sum over tokens of products, which is what is learned: never rounded to bfloat16."""
    return one.t().float() @ other.float()


def _split(low: torch.Tensor, pairs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    return low.split([len(down) for down in pairs[::2]], dim=1)


def _cast(bias: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    return None if bias is None else bias.to(dtype)


class Gate(Function):
    """silu(gate) · up, of which only the two inputs are kept."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gate, up)
        return silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return _through_gate(gradient, *ctx.saved_tensors)


def _through_gate(
    gradient: torch.Tensor, gate: torch.Tensor, up: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    to_gate = torch.ops.aten.silu_backward(gradient * up, gate)  # in float32 inside
    return to_gate, silu(gate).mul_(gradient)


class GatedDown(Function):
    """The last layer of a feed-forward block after its gate; the product is not kept either."""

    @staticmethod
    def forward(
        ctx: Any,
        gate: torch.Tensor,
        up: torch.Tensor,
        layer: AdaptedLinear,
        *pair: torch.Tensor,
    ) -> torch.Tensor:
        (lora_down, lora_up), dtype = pair, gate.dtype
        product = silu(gate).mul_(up)
        flat = product.flatten(0, -2)
        low = flat @ lora_down.to(dtype).t()
        output = torch.nn.functional.linear(flat, layer.dense(dtype), _cast(layer.bias, dtype))
        output.addmm_(low, lora_up.to(dtype).t(), alpha=layer.scale)
        ctx.save_for_backward(gate, up, low, lora_down, lora_up)
        ctx.layer = layer
        return output.view(*gate.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        gate, up, low, lora_down, lora_up = ctx.saved_tensors
        flat, layer = gradient.flatten(0, -2), ctx.layer
        to_low, learned = _to_low([flat], low, [lora_down, lora_up], [layer])
        product = silu(gate).mul_(up).flatten(0, -2)
        to_lora_down = _by_token(to_low, product).to(lora_down.dtype)
        del product
        to_product = flat @ layer.dense(gate.dtype)
        to_product.addmm_(to_low, lora_down.to(gate.dtype))
        to_gate, to_up = _through_gate(to_product.view(gate.shape), gate, up)
        return to_gate, to_up, None, to_lora_down, learned[1]


class Norm(Function):
    """Root mean square norm; its input and one number a token are kept."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        whole = x.float()
        scale = torch.rsqrt(whole.pow(2).mean(-1, keepdim=True) + epsilon)
        ctx.save_for_backward(x, weight, scale)
        return weight * (whole * scale).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        x, weight, scale = ctx.saved_tensors
        unit = x.float() * scale
        inner = (gradient * weight).float()
        along = (inner * unit).mean(-1, keepdim=True)
        return inner.sub_(unit.mul_(along)).mul_(scale).to(x.dtype), None, None
