"""How long, in which languages and how alike a dataset's conversations are: all of them, no sample.

Tokens are those of a base model, its chat template included, so the share that training would cut
is the share that it does cut.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from chatui.conversation import Conversation, Speaker
from chatui.data.cleaning.languages import languages_of
from chatui.data.cleaning.pii import Masker
from chatui.model.counting import TokenCounter

UNKNOWN = "unknown"  # too few letters to tell a language
_AT_ONCE = 1000  # conversations that are measured between two words about progress
_BARS = 12
_OPENING_WORDS = 3
_MOST_OPENINGS = 8
_WHO: tuple[Speaker, ...] = ("system", "user", "assistant")

Progress = Callable[[int], None]
Bars = tuple[tuple[str, int], ...]  # ("0–49", how many), of equal width


@dataclass(frozen=True, slots=True)
class Spread:
    """How some numbers lie: half are at most `p50`, 95 of 100 at most `p95`."""

    p50: int = 0
    p95: int = 0
    most: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Role:
    """What one speaker says; a turn is counted by itself, without the template around it."""

    turns: int
    characters: Spread
    tokens: Spread
    character_bars: Bars
    token_bars: Bars


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of a dataset."""

    conversations: int
    base: str  # whose tokens
    limit: int  # tokens of a conversation that training reads
    tokens: Spread  # of whole conversations
    token_bars: Bars
    cut: int  # conversations with more tokens than the limit
    turns: Spread
    turn_counts: tuple[tuple[int, int], ...]  # (turns, conversations)
    roles: dict[Speaker, Role]
    languages: tuple[tuple[str, int], ...]  # ISO 639-1 code or "unknown", the most common first
    copies: int  # conversations that say what an earlier one says
    personal: tuple[int, ...]  # rows that hold personal data by its form (or places, from 1)
    personal_of_users: int  # how many of them hold it in what users say
    openings: dict[Speaker, tuple[tuple[str, int], ...]]  # first words, said more than once
    labels: tuple[tuple[str, int], ...]

    @property
    def cut_share(self) -> float:
        """The share of conversations that training would cut."""
        return self.cut / self.conversations if self.conversations else 0.0

    @property
    def user_to_reply(self) -> float | None:
        """Tokens that users say for each token of a reply; None where there is no reply."""
        replies = self.roles["assistant"].tokens.total if "assistant" in self.roles else 0
        return self.roles["user"].tokens.total / replies if replies else None

    def as_json(self) -> dict[str, object]:
        """For programs."""
        told = asdict(self)
        told["personal"] = len(self.personal)
        return {**told, "cut_share": self.cut_share, "user_to_reply": self.user_to_reply}


@dataclass(slots=True)
class _Counts:
    tokens: list[int] = field(default_factory=list)
    said: dict[Speaker, list[tuple[int, int]]] = field(default_factory=dict)  # characters, tokens
    languages: Counter[str] = field(default_factory=Counter)
    personal: list[int] = field(default_factory=list)
    personal_of_users: int = 0


def measure(
    rows: Sequence[Conversation],
    counter: TokenCounter,
    base: str,
    limit: int,
    *,
    progress: Progress = lambda _: None,
) -> Measures:
    """Measure all conversations; `progress` is told how many are done.

    `base` is what the counter's base model is called, `limit` how many tokens of a conversation
    training reads.
    """
    counts, masker = _Counts(), Masker("US")
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        _count_tokens(part, counter, counts)
        whole = [[turn for turn in row.turns if turn.speaker != "system"] for row in part]
        languages = languages_of([" ".join(turn.text for turn in said) for said in whole])
        counts.languages.update(language or UNKNOWN for language in languages)
        for place, (row, said) in enumerate(zip(part, whole, strict=True), start=start + 1):
            masked = {turn.speaker for turn in said if masker(turn.text) != turn.text}
            counts.personal += [row.row or place] if masked else []
            counts.personal_of_users += "user" in masked
        progress(min(start + _AT_ONCE, len(rows)))
    turns = [sum(turn.speaker != "system" for turn in row.turns) for row in rows]
    labels = Counter(row.label for row in rows if row.label)
    return Measures(
        conversations=len(rows),
        base=base,
        limit=limit,
        tokens=spread(counts.tokens),
        token_bars=in_bars(counts.tokens),
        cut=sum(count > limit for count in counts.tokens),
        turns=spread(turns),
        turn_counts=tuple(sorted(Counter(turns).items())),
        roles={who: _role(counts.said[who]) for who in _WHO if who in counts.said},
        languages=tuple(counts.languages.most_common()),
        copies=len(rows) - len({(row.turns, row.rejected) for row in rows}),
        personal=tuple(counts.personal),
        personal_of_users=counts.personal_of_users,
        openings={who: _openings(rows, who) for who in ("user", "assistant")},
        labels=tuple(labels.most_common()),
    )


def spread(sizes: Sequence[int]) -> Spread:
    """How numbers lie; each figure is one of them, none is between two."""
    if not sizes:
        return Spread()
    ranked = sorted(sizes)
    p50, p95 = (ranked[max(0, -(-len(ranked) * p // 100) - 1)] for p in (50, 95))
    return Spread(p50, p95, ranked[-1], sum(ranked))


def in_bars(sizes: Sequence[int]) -> Bars:
    """Numbers in at most a dozen bars of equal width, and all beyond the 99th percentile in one.

    A single giant would otherwise leave nothing to see of the others.
    """
    if not sizes:
        return ()
    limit = sorted(sizes)[int(0.99 * (len(sizes) - 1))] + 1
    width = next(width for width in _widths() if width * _BARS >= limit)
    bars = Counter(min(size, limit) // width for size in sizes)
    shortest, longest = min(bars), max(bars)
    steps = range(shortest, longest + 1)
    named = [(f"{n * width}–{(n + 1) * width - 1}", bars[n]) for n in steps]
    if max(sizes) >= (longest + 1) * width:
        named[-1] = (f"{longest * width}+", named[-1][1])
    return tuple(named)


def _count_tokens(part: Sequence[Conversation], counter: TokenCounter, counts: _Counts) -> None:
    counts.tokens += counter.conversations([row.turns for row in part])
    turns = [turn for row in part for turn in row.turns]
    unique = list({turn.text for turn in turns})
    known = dict(zip(unique, counter.texts(unique), strict=True))
    for turn in turns:
        sizes = len(turn.text), known[turn.text]
        counts.said.setdefault(turn.speaker, []).append(sizes)


def _role(sizes: Sequence[tuple[int, int]]) -> Role:
    characters, tokens = [size[0] for size in sizes], [size[1] for size in sizes]
    return Role(
        turns=len(sizes),
        characters=spread(characters),
        tokens=spread(tokens),
        character_bars=in_bars(characters),
        token_bars=in_bars(tokens),
    )


def _openings(rows: Sequence[Conversation], who: Speaker) -> tuple[tuple[str, int], ...]:
    """What first questions, or last replies, most often begin with."""
    found: Counter[str] = Counter()
    for row in rows:
        said = [turn.text for turn in row.turns if turn.speaker == who]
        if said and (words := said[0 if who == "user" else -1].split()):
            found[" ".join(words[:_OPENING_WORDS])] += 1
    return tuple((words, n) for words, n in found.most_common(_MOST_OPENINGS) if n > 1)


def _widths() -> list[int]:
    return [1, *(base * 10**power for power in range(9) for base in (2, 5, 10))]
