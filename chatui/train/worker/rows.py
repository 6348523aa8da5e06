"""A dataset version as rows of tokens, and batches of them as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from chatui.conversation import Conversation
from chatui.model.encoding import CannotEncode, ChatEncoder, EncodedRow
from chatui.model.likelihood import padded
from chatui.model.packed import packed
from chatui.train.worker.batches import Limits, pieces_of_step
from chatui.train.worker.distributed import ALONE, Team


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows to learn from, and what became of the others."""

    rows: list[Any]  # EncodedRow, or Pair where it learns from preferences
    skipped: dict[str, int]  # why, and how many
    cut: int  # rows that were longer than the limit
    sources: list[str | None] = field(default_factory=list)  # of each row, in a mixture


def encode(conversations: Sequence[Conversation], encoder: ChatEncoder, max_length: int) -> Encoded:
    """Mark every reply of every conversation; rows without a reply token are left out."""
    rows: list[EncodedRow] = []
    sources: list[str | None] = []
    skipped: dict[str, int] = {}
    cut = 0
    limit = min(max_length, encoder.context)
    nothing_left = f"no reply lies within the first {limit} tokens"
    for conversation in conversations:
        try:
            whole = encoder.marked(conversation.turns)
        except CannotEncode as error:
            skipped[str(error)] = skipped.get(str(error), 0) + 1
            continue
        row = whole.upto(limit)
        cut += row != whole
        if row.reply_tokens:
            rows.append(row)
            sources.append(conversation.source)
        else:
            skipped[nothing_left] = skipped.get(nothing_left, 0) + 1
    return Encoded(rows, skipped, cut, sources)


def collate(
    rows: Sequence[EncodedRow], pad_id: int, *, pack: bool = False
) -> dict[str, torch.Tensor]:
    """A batch, packed or padded: what the model reads, and labels: -100 wherever no reply is."""
    inputs, targets = packed(rows) if pack else padded(rows, pad_id)
    labels = torch.cat([torch.full_like(targets[:, :1], -100), targets[:, :-1]], dim=1)
    return {**inputs, "labels": labels}


def collate_step(
    rows: Sequence[EncodedRow], pad_id: int, limits: Limits, team: Team = ALONE
) -> list[dict[str, torch.Tensor]]:
    """The batches of a step that this process reads; where it has none left, nothing is learned."""
    pieces = pieces_of_step([len(row.ids) for row in rows], limits)

    def read(piece: Sequence[int] | None) -> list[EncodedRow]:
        if piece is None:
            return [EncodedRow(rows[0].ids[:2], [False] * 2)]
        return [rows[number] for number in piece]

    return [collate(read(piece), pad_id, pack=limits.packs) for piece in team.share(pieces)]
