"""The training loop of the starter: packed windows, Muon, a checkpoint to go on from."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaForCausalLM

from chatui.model.starter.corpus import mixed
from chatui.model.starter.tokens import CONTEXT, IGNORED, Tokens

BATCH_TOKENS = 4096
MUON_RATE, ADAM_RATE = 0.01, 4e-3
WARM_UP, COOL_DOWN = 0.02, 0.4  # shares of all steps
CHECKPOINT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training: how long, on what windows, with loss on what."""

    name: str
    share: float  # of all tokens
    window: int  # tokens
    passes: Mapping[str, float]  # how often a source comes in one round, see `mixed`
    replies_only: bool


# The replies of the last source are few and the same: more of it would teach to parrot. Service
# talk is what the starter is fine-tuned to, and there is little of it.
PRETRAINING = Stage("pretraining", 0.85, 512, {"star": 2.0, "personality-chat": 0.5}, False)
CHAT_TUNING = Stage(
    "chat tuning",
    0.15,
    CONTEXT,
    {"self-dialogue": 0.25, "star": 2.0, "personality-chat": 0.5},
    True,
)
STAGES = (PRETRAINING, CHAT_TUNING)


@dataclass(frozen=True, slots=True)
class Batches:
    """The windows of a stage in the order of training; the same for the same seed."""

    stage: Stage
    ids: torch.Tensor  # int32, shape (steps, rows, window)
    labels: torch.Tensor  # as `ids`

    @classmethod
    def of(
        cls, stage: Stage, sources: Mapping[str, list[Tokens]], tokens: int, seed: int
    ) -> "Batches":
        """Conversations one after the other, shuffled anew in every round, cut into windows."""
        rows = max(1, BATCH_TOKENS // stage.window)
        steps = max(1, round(tokens * stage.share / (rows * stage.window)))
        needed = steps * rows * stage.window
        parts: list[Tokens] = []
        counts = {name: len(conversations) for name, conversations in sources.items()}
        for name, number in mixed(counts, stage.passes, f"{seed} {stage.name}"):
            parts.append(sources[name][number])
            needed -= len(parts[-1].ids)
            if needed <= 0:
                break
        shape = (steps, rows, stage.window)
        ids = torch.cat([part.ids for part in parts])[: math.prod(shape)]
        labels = torch.cat([part.labels for part in parts])[: math.prod(shape)]
        return cls(stage, ids.view(shape), (labels if stage.replies_only else ids).view(shape))


class Trainer:
    """Trains a model in stages; saves where it is, and goes on from there."""

    def __init__(
        self, model: LlamaForCausalLM, stages: Iterable[Batches], checkpoint: Path | None = None
    ) -> None:
        self._model = model
        self._batches = [
            (batches.stage, ids, labels)
            for batches in stages
            for ids, labels in zip(batches.ids, batches.labels, strict=True)
        ]
        self._checkpoint = checkpoint
        self._optimizers = _optimizers(model)
        self._rates = [group["lr"] for group in self._groups()]
        self._forward: Callable[..., Any] = model
        self.step = 0
        self.seconds = 0.0  # over all starts

    @property
    def steps(self) -> int:
        """How many there are in all stages."""
        return len(self._batches)

    @property
    def tokens(self) -> int:
        """How many are trained on in all, repeats counted."""
        return sum(ids.numel() for _, ids, _ in self._batches)

    def compile(self) -> None:
        """Fuse the model's operations; needs a C++ compiler, and pays off after a minute."""
        self._forward = torch.compile(self._model, dynamic=False)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one; another recipe's is refused."""
        if self._checkpoint is None or not self._checkpoint.exists():
            return
        kept = torch.load(self._checkpoint, map_location=self._model.device, weights_only=True)
        if kept["steps"] != self.steps:
            raise SystemExit(
                f"{self._checkpoint} is of a training of {kept['steps']} steps and this one has "
                f"{self.steps}: give the same options as then, or another folder."
            )
        self._model.load_state_dict(kept["model"])
        for optimizer, state in zip(self._optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step, self.seconds = kept["step"], kept["seconds"]

    def run(
        self, report: Callable[[Stage, float, float], None], stop_at: int | None = None
    ) -> None:
        """Train to the end or to step `stop_at`; tell `report` stage, loss and tokens a second."""
        started, saved, first = time.monotonic(), time.monotonic(), self.step
        before = self.seconds
        self._model.train()
        while self.step < (self.steps if stop_at is None else stop_at):
            stage, ids, labels = self._batches[self.step]
            loss = self._take_step(ids, labels)
            self.step += 1
            now = time.monotonic()
            self.seconds = before + now - started
            if self.step % 20 == 0 or self.step == self.steps:
                report(stage, loss, (self.step - first) * ids.numel() / (now - started))
            if now - saved > CHECKPOINT_SECONDS:
                self.save()
                saved = now

    def save(self) -> None:
        """Write the checkpoint, whole or not at all; nothing without a place for it."""
        if self._checkpoint is None:
            return
        state = {
            "steps": self.steps,
            "step": self.step,
            "seconds": self.seconds,
            "model": self._model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
        }
        unfinished = self._checkpoint.with_suffix(".unfinished")
        torch.save(state, unfinished)
        unfinished.replace(self._checkpoint)

    def _take_step(self, ids: torch.Tensor, labels: torch.Tensor) -> float:
        device = self._model.device
        for group, rate in zip(self._groups(), self._rates, strict=True):
            group["lr"] = rate * _share_of_rate(self.step, self.steps)
        with torch.autocast(device.type, torch.bfloat16):
            loss = self._forward(
                input_ids=ids.long().to(device), labels=labels.long().to(device)
            ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return float(loss.item())

    def _groups(self) -> list[dict[str, float]]:
        return [group for optimizer in self._optimizers for group in optimizer.param_groups]


def bits_per_byte(model: LlamaForCausalLM, conversations: Sequence[Tokens]) -> float:
    """Negative log2-likelihood per UTF-8 byte of the texts.

    Each conversation is read on its own, in windows of the context that share one token. Markers of
    speakers and ends are predicted too and count as cost, not as bytes; only the first is given.
    """
    nats = 0.0
    model.eval()
    with torch.no_grad(), torch.autocast(model.device.type, torch.bfloat16):
        for ids, labels in _padded_batches(conversations):
            logits = model(input_ids=ids.to(model.device)).logits[:, :-1].float()
            truth = labels[:, 1:].flatten().to(model.device)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), truth, reduction="sum")
            nats += loss.item()
    return nats / math.log(2) / sum(conversation.bytes for conversation in conversations)


def _padded_batches(
    conversations: Iterable[Tokens], rows: int = 32
) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    pieces = sorted(
        (piece for c in conversations for piece in _pieces(c.ids.long())), key=len, reverse=True
    )
    for start in range(0, len(pieces), rows):
        part = pieces[start : start + rows]
        pad = torch.nn.utils.rnn.pad_sequence
        yield pad(part, batch_first=True), pad(part, batch_first=True, padding_value=IGNORED)


def _pieces(ids: torch.Tensor) -> Iterable[torch.Tensor]:
    return (ids[start : start + CONTEXT] for start in range(0, len(ids) - 1, CONTEXT - 1))


def _optimizers(model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings and norms."""
    layers = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(layers, lr=MUON_RATE, weight_decay=0.05, adjust_lr_fn="original"),
        torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def _share_of_rate(step: int, steps: int) -> float:
    """Warm up, hold, and fall to zero; chat tuning lies in the fall."""
    return min(1.0, (step + 1) / (WARM_UP * steps), (steps - step) / (COOL_DOWN * steps))
