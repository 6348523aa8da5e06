"""What a run measures on its validation rows: pooled, and apart for each source of a mixture."""

from collections.abc import Mapping, Sequence
from typing import Any

from chatui.model.encoding import EncodedRow
from chatui.model.likelihood import batch_likelihoods, batches_by_budget
from chatui.train.worker.distributed import ALONE, Team

Sums = Mapping[int, tuple[float, int]]  # of each row: nats over its reply tokens, and their number
_FEWEST = 2  # sources that are worth telling apart


def row_sums(model: Any, rows: Mapping[int, EncodedRow], pad_id: int, team: Team = ALONE) -> Sums:
    """Nats of the reply tokens of each row, read in evaluation mode; the mode is given back.

    Each process of a team reads its share of the rows, and all of them know every sum.
    """
    batches = list(batches_by_budget(rows, model.config.vocab_size))
    sums = dict.fromkeys(rows, (0.0, 0))
    was_training = model.training
    model.eval()
    try:
        for keys in team.share(batches):
            # Where nothing is left to measure somebody still has to take part.
            read = [rows[key] for key in keys or batches[-1]]
            found = batch_likelihoods(model, read, pad_id)
            for key, (nats, count, _) in zip(keys or (), found, strict=False):
                sums[key] = nats, count
    finally:
        model.train(was_training)
    if team.is_alone:
        return sums
    totals = team.total(*(number for each in sums.values() for number in each))
    pairs = zip(totals[::2], totals[1::2], strict=True)
    return {key: (nats, int(count)) for key, (nats, count) in zip(sums, pairs, strict=True)}


def pooled(sums: Sums) -> tuple[float, int]:
    """Nats per reply token over all rows, and the number of those tokens."""
    tokens = sum(count for _, count in sums.values())
    return sum(nats for nats, _ in sums.values()) / tokens, tokens


def by_source(sums: Sums, sources: Sequence[str | None]) -> dict[str, dict[str, float]]:
    """Loss, tokens and rows of each source; nothing where there are not several."""
    names = {key: sources[key] or "no source" for key in sums} if sources else {}
    found = {}
    for name in dict.fromkeys(names[key] for key in sorted(names)):
        mine = {key: each for key, each in sums.items() if names[key] == name}
        loss, tokens = pooled(mine)
        found[name] = {"loss": loss, "tokens": tokens, "rows": len(mine)}
    return found if len(found) >= _FEWEST else {}
