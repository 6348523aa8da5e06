"""Choose the next token of a reply from logits.

Each reply has its own random numbers, drawn from its seed alone, so that a reply does not depend
on who else is being answered.
"""

from collections.abc import Sequence

import torch

from chatui.model.decoding import Decoding


class Sampler:
    """Draws the tokens of one reply, as its decoding says."""

    def __init__(self, decoding: Decoding, seed: int, prompt: Sequence[int]) -> None:
        self._decoding = decoding
        self._generator = torch.Generator().manual_seed(seed)
        self._seen = set(prompt) if decoding.repetition_penalty != 1.0 else set()

    def choose(self, logits: torch.Tensor) -> int:
        """The next token, from the logits (1-D, any dtype and device) after the last one."""
        scores = self._penalised(logits.float().cpu())
        if self._decoding.is_greedy:
            token = int(scores.argmax())
        else:
            shares = self._shares(scores / self._decoding.temperature)
            token = int(torch.multinomial(shares, 1, generator=self._generator))
        if self._decoding.repetition_penalty != 1.0:
            self._seen.add(token)
        return token

    def _penalised(self, scores: torch.Tensor) -> torch.Tensor:
        if self._decoding.repetition_penalty == 1.0:
            return scores
        seen = torch.tensor(sorted(self._seen))
        old = scores[seen]
        penalty = self._decoding.repetition_penalty
        scores[seen] = torch.where(old > 0, old / penalty, old * penalty)
        return scores

    def _shares(self, scores: torch.Tensor) -> torch.Tensor:
        """Probabilities after top-k and top-p; the likeliest token always stays."""
        if 0 < self._decoding.top_k < len(scores):
            least = scores.topk(self._decoding.top_k).values[-1]
            scores = scores.masked_fill(scores < least, -torch.inf)
        shares = scores.softmax(dim=-1)
        if self._decoding.top_p < 1.0:
            ordered, order = shares.sort(descending=True)
            before = ordered.cumsum(dim=-1) - ordered
            shares[order[before >= self._decoding.top_p]] = 0.0
        return shares
