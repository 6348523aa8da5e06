"""What a user may choose about the cleaning steps that have something to choose."""

import re

from pydantic import BaseModel, Field, field_validator

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_WORD = re.compile(r"[\w'’\- ]*\w[\w'’\- ]*")


class Parameters(BaseModel, frozen=True, extra="forbid"):
    """The parameters of all steps; a step names those that it reads."""

    region: str = Field(
        default="US",
        pattern=r"^[A-Z]{2}$",
        title="Country of phone numbers",
        description="Two letters. Numbers that begin with + are found for all countries.",
    )
    tokenizer: str = Field(
        default="starter",
        min_length=1,
        title="Count tokens as",
        description="starter, or a local folder with a base model.",
    )
    max_tokens: int = Field(
        default=1024,
        ge=16,
        le=1_000_000,
        description="Tokens of all turns of a conversation together.",
    )
    languages: tuple[str, ...] = Field(
        default=("en",), min_length=1, description="Languages that stay, as codes: en, de, pt."
    )
    flagged_words: tuple[str, ...] = Field(
        default=(), description="Words or phrases, in any case; rows that hold one of them go."
    )
    similarity: float = Field(
        default=0.8,
        ge=0.5,
        le=1,
        description="Share of three-word sequences that questions and replies have in common.",
    )

    @field_validator("languages", "flagged_words", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """A list may be typed with commas."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("languages")
    @classmethod
    def _are_codes(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if not _LANGUAGE.fullmatch(code):
                raise ValueError(f"{code[:20]!r} is no language code such as en")
        return codes

    @field_validator("flagged_words")
    @classmethod
    def _are_words(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if not _WORD.fullmatch(word):
                raise ValueError(f"{word[:40]!r} is no word: write letters, digits and spaces")
        return words
