"""What cleaning did: rows kept, rows removed with their reasons, and examples of changes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chatui.conversation import Turn

MAX_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Example:
    """A text before and after a step."""

    row: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class CleanRow:
    """A row that is kept: as the file has it, and as it is now."""

    row: int
    before: tuple[Turn, ...]
    turns: tuple[Turn, ...]
    label: str | None = None
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class RemovedRow:
    """A row that is not kept, by which step and why; `raw` where it could not even be read."""

    row: int
    step: str
    reason: str
    turns: tuple[Turn, ...] = ()
    raw: str = ""
    label: str | None = None
    rejected: str | None = None
    thread: str | None = None  # the conversation that it was cut out of, with other rows

    def with_texts(self, fix: Callable[[str], str]) -> "RemovedRow":
        """The row with each of its texts replaced by `fix` of it."""
        return replace(
            self,
            reason=fix(self.reason),
            turns=tuple(replace(turn, text=fix(turn.text)) for turn in self.turns),
            raw=fix(self.raw),
            rejected=None if self.rejected is None else fix(self.rejected),
        )


@dataclass(slots=True)
class Account:
    """What happened to the rows; kept and removed together are all of them."""

    kept: list[CleanRow] = field(default_factory=list)
    removed: list[RemovedRow] = field(default_factory=list)
    changed: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    mask: Callable[[str], str] | None = None  # where personal data is masked
    masked_values: dict[str, str] = field(default_factory=dict)  # behind each placeholder

    def masked(self, row: RemovedRow) -> RemovedRow:
        """A removed row as it may be stored: without what was to be masked."""
        return row.with_texts(self.mask) if self.mask else row

    def note(self, step: str, example: Example) -> None:
        """Count a changed row, and keep the first examples."""
        self.changed[step] = self.changed.get(step, 0) + 1
        shown = self.examples.setdefault(step, [])
        if len(shown) < MAX_EXAMPLES:
            shown.append(example)
