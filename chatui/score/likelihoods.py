"""Likelihoods of the references under base and tuned, kept item by item as they are measured."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from chatui.model.requests import Likelihood
from chatui.replies.records import append_record, read_records
from chatui.score.config import SYSTEMS, System


class LikelihoodFile:
    """`likelihoods.jsonl` of a score: append-only, the first figure of an item stays."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "likelihoods.jsonl"

    def append(self, system: System, item: str, likelihood: Likelihood) -> Likelihood:
        """Keep one; what is not a number is kept as skipped, with that reason."""
        if not math.isfinite(likelihood.nats):
            reason = "its likelihood is not a finite number"
            likelihood = replace(likelihood, nats=0.0, tokens=0, correct=0, skipped=reason)
        append_record(self._path, {"system": system, "item": item, **asdict(likelihood)})
        return likelihood

    def read(self) -> dict[System, dict[str, Likelihood]]:
        """All that are known, by system and conversation id."""
        found: dict[System, dict[str, Likelihood]] = {system: {} for system in SYSTEMS}
        for record in read_records(self._path):
            system, item = record.pop("system"), str(record.pop("item"))
            known = found["base" if system == "base" else "tuned"]
            known.setdefault(item, Likelihood(**record))  # type: ignore[arg-type]
        return found


def pooled_perplexity(likelihoods: Sequence[Likelihood]) -> float | None:
    """Perplexity over what is there so far; None if that is nothing or not a finite number."""
    nats = sum(each.nats for each in likelihoods if not each.skipped)
    tokens = sum(each.tokens for each in likelihoods if not each.skipped)
    if not tokens or nats / tokens > 700:  # exp(709) is the largest number there is
        return None
    return math.exp(nats / tokens)
