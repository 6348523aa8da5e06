"""What a model is asked, and what it answers: plain data, no torch."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from chatui.conversation import Turn
from chatui.model.decoding import Decoding

Ended = Literal["end", "limit", "cancelled"]
# How an adapter took part: as our own two products beside each layer, or as PEFT does it.
Way = Literal["base", "lean", "peft"]


@dataclass(frozen=True, slots=True)
class Request:
    """Ask for the next reply to `turns`, which end with a user turn."""

    turns: tuple[Turn, ...]
    adapter: str | None = None  # hash of an attached adapter; None is the base model
    decoding: Decoding = Decoding()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said, and how it came about."""

    text: str
    tokens: int  # without the end-of-turn token
    ended: Ended
    adapter: str | None
    seconds: float
    way: Way | None = None  # None where nobody wrote it down


@dataclass(frozen=True, slots=True)
class Item:
    """Ask how likely the last turn (the reference) is, given the turns before it."""

    turns: tuple[Turn, ...]
    adapter: str | None = None


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Sums over the reference's tokens, end-of-turn token included; pool before you divide."""

    nats: float  # negative log-likelihood
    tokens: int
    bytes: int  # UTF-8 bytes of the reference's text
    correct: int  # tokens that were the likeliest
    skipped: str | None = None  # why there is no likelihood, in words; the sums are 0 then


class Answering(Protocol):
    """What answers visitors: an Engine here, or a server elsewhere."""

    @property
    def base_hash(self) -> str:
        """Hash of the base model."""

    @property
    def template_hash(self) -> str:
        """Hash of the chat template."""

    def attach(self, folder: Path) -> str:
        """Make a run's adapter ready to be asked; returns its hash."""

    def model_hash(self, adapter: str | None) -> str:
        """Hash of what answers."""

    def stream(
        self, request: Request, cancelled: Callable[[], bool]
    ) -> Generator[str, None, Reply]:
        """Answer one request piece by piece; the generator's return value is the Reply."""
