"""What a run measures on its validation rows, as it is journalled and told."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatui.model.encoding import EncodedRow
from chatui.train.worker.by_source import by_source, pooled, row_sums
from chatui.train.worker.distributed import ALONE, Team


@dataclass(frozen=True, slots=True)
class Measured:
    """The loss that decides which adapter is kept, what is journalled beside it, and words."""

    loss: float
    figures: Mapping[str, object]
    words: str


def replies_measured(
    model: Any,
    rows: Mapping[int, EncodedRow],
    sources: Sequence[str | None],
    pad_id: int,
    *,
    team: Team = ALONE,
) -> Measured:
    """Loss and perplexity of the reply tokens of some rows, and of each source of a mixture."""
    sums = row_sums(model, rows, pad_id, team)
    loss, tokens = pooled(sums)
    perplexity = perplexity_of(loss)
    figures = {"perplexity": perplexity, "tokens": tokens, "by_source": by_source(sums, sources)}
    return Measured(loss, figures, f"validation perplexity {perplexity:.2f}")


def perplexity_of(loss: float) -> float:
    """e to the loss; what is beyond a float is cut."""
    return math.exp(min(loss, 700.0))
