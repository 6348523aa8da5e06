"""How a reply is drawn from a model: one frozen object, part of every reply's signature.

Knows nothing of torch, so that pages and stores can read it.
"""

from pydantic import BaseModel, Field

from chatui.conversation import content_hash


class Decoding(BaseModel, frozen=True, extra="forbid"):
    """Sampling settings; the defaults are greedy, so that the same prompt has the same reply."""

    max_new_tokens: int = Field(default=128, ge=1, le=4096, description="Longest reply, in tokens.")
    temperature: float = Field(
        default=0.0, ge=0.0, le=2.0, description="0 takes the likeliest token; more is livelier."
    )
    top_p: float = Field(
        default=1.0,
        gt=0.0,
        le=1.0,
        description="Draw from the likeliest tokens that hold this share.",
    )
    top_k: int = Field(
        default=0, ge=0, le=1000, description="Draw from this many tokens; 0 is all."
    )
    repetition_penalty: float = Field(
        default=1.0,
        ge=1.0,
        le=2.0,
        description="Above 1, tokens that were used become less likely.",
    )

    @property
    def is_greedy(self) -> bool:
        """Whether the seed has no effect."""
        return self.temperature == 0.0

    def digest(self) -> str:
        """SHA-256 of the settings."""
        return content_hash(self.model_dump())
