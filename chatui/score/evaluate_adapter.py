"""Our metrics as `evaluate.Metric`, for those who use Hugging Face's package.

The only place that imports `evaluate`, inside functions: it takes seconds and brings torch along.
Make an instance per call: one that is shared by threads mixes up its inputs.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from chatui.score.metrics.overlap import (
    bleu_of_sums,
    bleu_statistics,
    chrf_of_sums,
    chrf_statistics,
)

_FUNCTIONS = {
    "bleu": (bleu_statistics, bleu_of_sums),
    "chrf2": (chrf_statistics, chrf_of_sums),
}


def evaluate_metric(name: Literal["bleu", "chrf2"]) -> Any:
    """A fresh `evaluate.Metric`; `compute(predictions=…, references=…)` gives value and signature.

    Needs no network, and keeps its inputs in memory.
    """
    import evaluate
    from datasets import Features, Value

    statistics, of_sums = _FUNCTIONS[name]

    class Overlap(evaluate.Metric):  # type: ignore[misc] # untyped package
        """One of chatui's own metrics."""

        def _info(self) -> Any:
            return evaluate.MetricInfo(
                description=f"chatui's {name}: sacrebleu's corpus score, 0 to 100.",
                citation="",
                features=Features({"predictions": Value("string"), "references": Value("string")}),
            )

        def _compute(
            self, predictions: Sequence[str], references: Sequence[str]
        ) -> dict[str, object]:
            found = statistics(list(predictions), list(references))
            value = of_sums(np.sum(found.statistics, axis=0, keepdims=True))[0]
            return {name: float(value), "signature": found.signature}

    return Overlap(keep_in_memory=True)
