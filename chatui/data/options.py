"""What a user may choose about how a file becomes a dataset."""

from dataclasses import dataclass

from chatui.data.cleaning import DEFAULT_STEPS, Parameters
from chatui.data.editing import Edits
from chatui.data.strata import StratifyBy

DEFAULT_SEED = 42


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may choose about a draft; hashable, and all of it goes into the recipe."""

    mapping: tuple[tuple[str, str], ...] = ()  # (role, column) where the user chose
    steps: tuple[str, ...] = DEFAULT_STEPS
    parameters: Parameters = Parameters()
    restored: tuple[int, ...] = ()  # rows that no step may remove
    edits: Edits = ()  # what was decided by hand about single rows
    seed: int = DEFAULT_SEED
    system: str | None = None
    stratify_by: StratifyBy = "auto"
    split_by_content: bool = False  # so that rows added later move none; then not by label
    encoding: str | None = None  # of the file, where the user chose
    sheet: str | None = None  # of a workbook, where the user chose
    member: str | None = None  # of an archive, where the user chose
