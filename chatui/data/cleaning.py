"""Clean conversations in steps that can each be switched off, and account for every row.

A step says how many rows it changed and removed, and shows examples. Cleaning twice is cleaning
once: the steps that mend texts are repeated until nothing changes.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from chatui.conversation import Turn
from chatui.data.formats import RawRow
from chatui.data.markup import remove_html
from chatui.data.records import BadRow
from chatui.data.turns import in_order, without_blanks
from chatui.errors import UnknownStep

MAX_EXAMPLES = 20
_PASSES = 8  # real texts need two; what still changes after these was made to
# What `repair` may find besides mojibake; without any of it, ftfy is not asked.
_ODD = re.compile(
    "[\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\u2028\u2029\u206a-\u206f\ufeff\ufff9-\ufffc\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One cleaning step; `fix` mends a text, steps without it judge whole rows."""

    name: str
    title: str
    description: str
    fix: Callable[[str], str] | None = None


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


_Notes = dict[str, Example]  # the first change of a row by each step


@dataclass(slots=True)
class Account:
    """What happened to the rows; kept and removed together are all of them."""

    kept: list[CleanRow] = field(default_factory=list)
    removed: list[RemovedRow] = field(default_factory=list)
    changed: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def note(self, step: str, example: Example) -> None:
        """Count a changed row, and keep the first examples."""
        self.changed[step] = self.changed.get(step, 0) + 1
        shown = self.examples.setdefault(step, [])
        if len(shown) < MAX_EXAMPLES:
            shown.append(example)


def trim(text: str) -> str:
    """Without white space at ends, after lines and doubled, and with one blank line at most."""
    if text.isascii() and text.isprintable() and "  " not in text and text.strip() == text:
        return text
    lines = [line.rstrip() for line in text.split("\n")]
    if not any("`" in line or "|" in line or "\t" in line for line in lines):
        lines = [re.sub(r"(?<=\S) {2,}", " ", line) for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def repair(text: str) -> str:
    """With mojibake decoded and control characters gone; quotes and wide letters stay."""
    import ftfy
    from ftfy.badness import is_bad

    if text.isascii() and not _ODD.search(text):
        return text
    is_normal = unicodedata.is_normalized("NFC", text)
    if is_normal and not _ODD.search(text) and not is_bad(text):
        return text
    fixed: str = ftfy.fix_text(
        text,
        uncurl_quotes=False,
        unescape_html=False,
        fix_character_width=False,
        fix_latin_ligatures=False,
        explain=False,
    )
    return fixed


STEPS: tuple[Step, ...] = (
    Step("spaces", "Trim spaces", "White space at the ends and double spaces go.", trim),
    Step("characters", "Repair characters", "â€™ becomes ’ again, control codes go.", repair),
    Step("html", "Remove HTML", "Tags and entities go, code and a<b stay.", remove_html),
    Step("blank", "Drop blank turns", "Turns without a text go; so do pairs with one side."),
    Step("duplicates", "Drop duplicates", "Of rows with the same turns, the first stays."),
)
DEFAULT_STEPS: tuple[str, ...] = tuple(step.name for step in STEPS)
# Not switchable: without them a row is no conversation. Counted like the others.
READ = Step("read", "Reading", "Rows that could not be read, or hold something else than texts.")
ORDER = Step("order", "Put turns in order", "A conversation ends with a reply, speakers alternate.")
ALL_STEPS: tuple[Step, ...] = (READ, ORDER, *STEPS)


def checked_steps(names: Collection[str]) -> tuple[str, ...]:
    """The named steps in their order; raises UnknownStep."""
    for name in names:
        if name not in DEFAULT_STEPS:
            raise UnknownStep(name, list(DEFAULT_STEPS))
    return tuple(name for name in DEFAULT_STEPS if name in names)


def clean(rows: Sequence[RawRow], names: Collection[str] = DEFAULT_STEPS) -> Account:
    """Clean rows by the named steps, in the steps' own order."""
    steps = [step for step in STEPS if step.name in names]
    account = Account()
    first_of: dict[tuple[tuple[Turn, ...], str | None], int] = {}
    for row in rows:
        notes: _Notes = {}
        try:
            cleaned = _clean_row(row, steps, notes)
        except _Removed as removed:
            account.removed.append(RemovedRow(row.row, removed.step, removed.reason, row.turns))
            continue
        first = first_of.setdefault((cleaned.turns, cleaned.rejected), row.row)
        if "duplicates" in names and first != row.row:
            reason = f"says the same as row {first}"
            account.removed.append(RemovedRow(row.row, "duplicates", reason, row.turns))
            continue
        account.kept.append(cleaned)
        for step, example in notes.items():
            account.note(step, example)
    return account


class _Removed(Exception):
    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step, self.reason = step, reason


def _clean_row(row: RawRow, steps: Sequence[Step], notes: _Notes) -> CleanRow:
    """The row after all steps; `notes` gets what changed. Raises _Removed."""
    fixes = [step for step in steps if step.fix]
    drops_blanks = any(step.name == "blank" for step in steps)
    rejected = row.rejected and _fixed(row.rejected, fixes, row.row, notes)
    turns, before = _ordered(row.turns, row.row, notes), None
    while turns != before:  # a dropped turn may join two others, which are then one text to mend
        before = turns
        turns = tuple(replace(t, text=_fixed(t.text, fixes, row.row, notes)) for t in turns)
        if drops_blanks:
            turns = _without_blanks(turns, row.row, notes)
    return CleanRow(row.row, row.turns, turns, row.label, rejected)


def _fixed(text: str, steps: Sequence[Step], row: int, notes: _Notes) -> str:
    """The text after as many passes as change it, or as it was if they never end."""
    fixed = text
    found: _Notes = {}
    for _ in range(_PASSES):
        before_pass = fixed
        for step in steps:
            after = step.fix(fixed) if step.fix else fixed
            if after != fixed:
                found.setdefault(step.name, Example(row, fixed, after))
            fixed = after
        if fixed == before_pass:
            for name, example in found.items():
                notes.setdefault(name, example)
            return fixed
    return text


def _ordered(turns: tuple[Turn, ...], row: int, notes: _Notes) -> tuple[Turn, ...]:
    try:
        ordered = in_order(turns)
    except BadRow as problem:
        raise _Removed(ORDER.name, problem.reason) from None
    if ordered != turns:
        notes[ORDER.name] = Example(row, _as_text(turns), _as_text(ordered))
    return ordered


def _without_blanks(turns: tuple[Turn, ...], row: int, notes: _Notes) -> tuple[Turn, ...]:
    try:
        left = without_blanks(turns)
    except BadRow as problem:
        raise _Removed("blank", problem.reason) from None
    if left != turns:
        notes["blank"] = Example(row, _as_text(turns), _as_text(left))
    return left


def _as_text(turns: tuple[Turn, ...]) -> str:
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns)
