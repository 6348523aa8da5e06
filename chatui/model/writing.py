"""How a loaded model writes: who can be answered in one pass, and how the pass is made."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch

from chatui.model.adapters import AdapterSwitch
from chatui.model.decoder import Decoder, Decoding, Row, Share, tokens_in
from chatui.model.generation import Batch, Progress
from chatui.model.kept import KeptMemories
from chatui.model.loading import LoadedModel
from chatui.model.padded import PaddedDecoder
from chatui.model.ragged import RaggedAttention, Reading
from chatui.model.requests import Way

_ROWS = 32  # replies written at the same time
_PADDED_ROWS = 16  # where each is as long as the longest
_MEMORY_MB = 2048  # of what those rows have read
_KEPT_MB = 512  # of what earlier replies have read
_TOGETHER = "together"  # the lane of everything that can be asked in one pass
_BASE = "base"  # the lane of the base model where nothing can


class Writing:
    """The decoders of a loaded model. A lane is what one decoder answers."""

    def __init__(self, loaded: LoadedModel, adapters: AdapterSwitch) -> None:
        self._loaded = loaded
        self._adapters = adapters
        self._attention = RaggedAttention(loaded.model)
        self._kept = KeptMemories(_KEPT_MB * 2**20)

    def going_on(self) -> AbstractContextManager[None]:
        """To be held while decoders are asked to tick; entered and left under the engine's lock."""
        return self._attention.on()

    def lane(self, adapter: str | None) -> str:
        """The lane of an adapter, or (None) of the base; raises AdapterNotUsable."""
        shares = self._adapters.can_share(adapter)
        if self._attention.is_possible and shares:
            return _TOGETHER
        return adapter or _BASE

    def way(self, adapter: str | None) -> Way:
        """How an adapter takes part in a pass."""
        if adapter is None:
            return "base"
        return "lean" if self.lane(adapter) == _TOGETHER else "peft"

    def decoder(self, lane: str, *, remembers: bool) -> Decoding:
        """A new decoder of a lane; with `remembers` it uses what earlier replies have read."""
        encoder, model = self._loaded.encoder, self._loaded.model
        adapter = None if lane in (_TOGETHER, _BASE) else lane
        if not self._attention.is_possible:
            return PaddedDecoder(self._batch, partial(self._step, adapter), rows=_PADDED_ROWS)
        return Decoder(
            self._together if lane == _TOGETHER else partial(self._alone, adapter),
            encoder.end_ids,
            rows=_ROWS,
            tokens=tokens_in(model, _MEMORY_MB),
            kept=self._kept if remembers else None,
        )

    def forget(self, adapter: str) -> None:
        """Drop what was read under an adapter."""
        self._kept.forget(adapter)

    def _together(self, reading: Reading, shares: Sequence[Share]) -> torch.Tensor:
        adapted = [share for share in shares if share[2] is not None]
        with self._adapters.sharing(adapted) as model:
            return _logits(model, reading)

    def _alone(self, adapter: str | None, reading: Reading, _: Sequence[Share]) -> torch.Tensor:
        return _logits(self._adapters.using(adapter), reading)

    def _batch(self, rows: Sequence[Row]) -> Batch:
        progress = [row.progress for row in rows]
        pad_id = self._loaded.pad_id
        prompts = [row.prompt for row in rows]
        return Batch(prompts, progress, self._loaded.encoder.end_ids, pad_id)

    def _step(self, adapter: str | None, batch: Batch) -> list[Progress]:
        return batch.step(self._adapters.using(adapter))


def _logits(model: Any, reading: Reading) -> torch.Tensor:
    logits: torch.Tensor = model(**reading.inputs(model.device)).logits[0]
    return logits
