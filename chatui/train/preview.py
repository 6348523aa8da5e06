"""What a run would learn, seen before it starts: real rows, and the tokens of them that count.

Read through the base model's own chat template and tokenizer, as the worker does it, without torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal

from chatui.conversation import Conversation
from chatui.data.store import DatasetStore
from chatui.errors import ChatUIError
from chatui.model.catalog import BaseModel
from chatui.model.encoding import CannotEncode, ChatEncoder
from chatui.model.rendering import encoder_of
from chatui.train.config import TrainConfig
from chatui.train.problem import Problem

Kind = Literal["read", "trained", "cut"]
_SHOWN = (("A short one", 0.1), ("One of middle length", 0.5), ("The longest", 1.0))
_ASKED = 40  # rows that are looked at for a template that leaves nothing to learn
_TOLD_EVERY = 200  # rows


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: read only, trained, or beyond the max length."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Shown:
    """A conversation as the model reads it."""

    title: str
    pieces: tuple[Piece, ...]  # none where `refused` says why
    tokens: int
    trained: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Where the tokens of a row lie: how many, and at which place the first trained one is."""

    tokens: int
    first: int | None  # None: it has no trained token at any length
    refused: str = ""  # why the template can't hold it


@dataclass(frozen=True, slots=True)
class Reach:
    """What a max length does to the rows of a version."""

    rows: int
    cut: int
    without: int  # rows without a trained token
    limit: int


def shown_rows(rows: Sequence[Conversation], encoder: ChatEncoder, max_length: int) -> list[Shown]:
    """Three of the rows by length, each in pieces."""
    by_length = sorted(rows, key=lambda row: sum(len(turn.text) for turn in row.turns))
    chosen = {int((len(by_length) - 1) * share): title for title, share in _SHOWN if by_length}
    limit = min(max_length, encoder.context)
    return [_shown(title, by_length[at], encoder, limit) for at, title in chosen.items()]


def spans(
    rows: Sequence[Conversation], encoder: ChatEncoder, progress: Callable[[int], object]
) -> list[Span]:
    """Where the tokens of each row lie; `progress` is told how many rows were read."""
    found = []
    for number, row in enumerate(rows, start=1):
        found.append(_span(row, encoder))
        if number % _TOLD_EVERY == 0:
            progress(number)
    return found


def reach(found: Sequence[Span], limit: int) -> Reach:
    """What is left of some rows at a max length."""
    return Reach(
        rows=len(found),
        cut=sum(span.tokens > limit for span in found),
        without=sum(span.first is None or span.first >= limit for span in found),
        limit=limit,
    )


def nothing_to_learn(
    datasets: DatasetStore, dataset_id: str, base: BaseModel, config: TrainConfig
) -> Problem | None:
    """The problem of a plan in whose first rows no token would be trained.

    Asked only where the base model is on this disk: a check must not wait for a download.
    """
    if not base.is_local:
        return None
    sha256 = datasets.view(dataset_id).sha256
    try:
        found = _first_spans(datasets, sha256, dataset_id, base)
        limit = min(config.max_length, encoder_of(base).context)
    except ChatUIError as error:
        return Problem("base", str(error))
    if not found or any(span.first is not None and span.first < limit for span in found):
        return None
    if all(span.first is None for span in found):
        return Problem("base", _unlearnable(base, found))
    return Problem(
        "max_length",
        f"None of the first {len(found)} conversations has a reply within {limit} tokens. "
        "Raise max length.",
    )


def _unlearnable(base: BaseModel, found: Sequence[Span]) -> str:
    why = next((span.refused for span in found if span.refused), "no reply is marked")
    return (
        f"The chat template of {base.title} leaves nothing to learn of the first {len(found)} "
        f"conversations: {why}. Choose another base model, or another chat template for it."
    )


@lru_cache(maxsize=16)
def _first_spans(
    datasets: DatasetStore, sha256: str, dataset_id: str, base: BaseModel
) -> tuple[Span, ...]:
    rows = [row for row in datasets.conversations(dataset_id) if row.split == "train"][:_ASKED]
    return tuple(spans(rows, encoder_of(base), lambda done: None))


def _span(row: Conversation, encoder: ChatEncoder) -> Span:
    try:
        marked = encoder.marked(row.turns)
    except CannotEncode as error:
        return Span(0, None, str(error))
    first = marked.is_reply.index(True) if True in marked.is_reply else None
    return Span(len(marked.ids), first)


def _shown(title: str, row: Conversation, encoder: ChatEncoder, limit: int) -> Shown:
    try:
        marked = encoder.marked(row.turns)
    except CannotEncode as error:
        return Shown(title, (), 0, 0, refused=str(error))
    kinds: list[Kind] = [
        "cut" if place >= limit else "trained" if is_reply else "read"
        for place, is_reply in enumerate(marked.is_reply)
    ]
    pieces, place = [], 0
    for kind, same in groupby(kinds):
        count = len(list(same))
        text = encoder.tokenizer.decode(marked.ids[place : place + count])
        pieces.append(Piece(text, kind))
        place += count
    return Shown(title, tuple(pieces), len(marked.ids), kinds.count("trained"))
