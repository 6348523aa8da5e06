"""The gradient of each row alone, shortened, summed and disturbed: what makes a step private."""

from collections.abc import Iterator
from typing import Any

import torch
from numpy import float32
from numpy.random import Generator

from chatui.errors import AdapterDoesNotLearn

_TINY = 1e-6  # so that a gradient of zero can be divided by its length


class RowGradients:
    """Watches a model learn, through Opacus' hooks, and keeps what each row asks for.

    Call `collect` after the backward pass of a batch whose loss is a sum over rows, and `finish`
    once all batches of a step are through: the parameters then have the private gradient.
    """

    def __init__(self, model: Any, longest: float) -> None:
        # Here, so that a run without privacy does not wait for it.
        from opacus.grad_sample.grad_sample_module import GradSampleHooks

        self._learned = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self._hooks = GradSampleHooks(model, loss_reduction="sum")
        self._longest = longest
        self._sums: dict[str, torch.Tensor] = {}

    def of_each_row(self) -> Iterator[tuple[str, torch.Tensor]]:
        """(rows, …) for each parameter that has them; what autograd summed up is dropped."""
        for name, parameter in self._learned.items():
            gradients, parameter.grad_sample = parameter.grad_sample, None
            parameter.grad = None
            if gradients is not None:
                yield name, gradients

    def collect(self) -> None:
        """Shorten the gradient of each row of a batch, and add them up.

        Raises AdapterDoesNotLearn if a tensor has none: the others would not be all of it.
        """
        rows = dict(self.of_each_row())
        if missing := self._learned.keys() - rows.keys():
            raise AdapterDoesNotLearn(sorted(missing))
        squares = [rows_.flatten(1).float().square().sum(1) for rows_ in rows.values()]
        lengths = torch.stack(squares).sum(0).sqrt()
        factors = (self._longest / (lengths + _TINY)).clamp(max=1.0)
        for name, gradients in rows.items():
            shortened = torch.einsum("n,n...->...", factors, gradients.float())
            self._sums[name] = self._sums[name] + shortened if name in self._sums else shortened

    def finish(self, noise: float, expected: int, draw: Generator) -> None:
        """Give each parameter its private gradient: (sum + noise) / rows expected in a step.

        `noise` is σ, in greatest lengths. Without any batch the sum is zero.
        """
        for name, parameter in self._learned.items():
            numbers = draw.standard_normal(tuple(parameter.shape), dtype=float32)
            disturbed = torch.from_numpy(numbers).to(parameter.device) * (noise * self._longest)
            if name in self._sums:
                disturbed += self._sums[name]
            parameter.grad = (disturbed / expected).to(parameter.dtype)
        self._sums = {}

    def close(self) -> None:
        """Take the hooks off the model."""
        self._hooks.cleanup()
