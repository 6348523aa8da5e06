"""What a search was told: its options, frozen when it starts."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from chatui.train.config import TrainConfig
from chatui.train.search_space import Dimension
from chatui.workspace import read_json, write_json


class SearchOptions(BaseModel, frozen=True, extra="forbid"):
    """How a search goes about it; the form and the command line are drawn from here."""

    method: Literal["tpe", "random"] = Field(
        default="tpe",
        title="Method",
        description="tpe tries what is like the best so far, after six at random; random never "
        "looks back.",
    )
    trials: int = Field(
        default=12, ge=0, le=1000, description="Runs in all; 0 where minutes decide."
    )
    minutes: float = Field(
        default=0.0,
        ge=0.0,
        le=100_000.0,
        description="No run begins after so many minutes; 0 where trials decide.",
    )
    prune: bool = Field(
        default=True,
        description="Stop a run whose validation loss is worse than that of half of the others at "
        "the same point.",
    )
    search_seed: int = Field(
        default=0, ge=0, le=2**31 - 1, description="The same seed tries the same options."
    )


class SearchRecord(BaseModel, frozen=True, extra="forbid"):
    """The contents of `search.json` in a search's folder."""

    format: int = 1
    dataset: str
    base: str
    start: TrainConfig  # what is not searched stays as it is here; the first trial is this
    space: tuple[Dimension, ...]
    options: SearchOptions
    created_at: str  # UTC, ISO 8601

    def write(self, folder: Path) -> None:
        """Write it into a search's folder."""
        write_json(folder / "search.json", self.model_dump(mode="json"))

    @classmethod
    def read(cls, folder: Path) -> "SearchRecord":
        """Read it from a search's folder."""
        return cls.model_validate(read_json(folder / "search.json"))
