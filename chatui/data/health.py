"""What to look at in a dataset before a model learns from it, in plain words.

Findings are about the rows that are kept; each says what was counted and what to do. None of them
stops anything: the checks of a run do that.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatui.conversation import Conversation
from chatui.data.measures import UNKNOWN, Measures

# Below these a model repeats its rows, and a score's interval is too wide to tell models apart.
FEW_ROWS, ENOUGH_ROWS = 50, 200
FEW_TEST_ITEMS = 50
_OPENING_WORDS = 3
_OFTEN = 0.1  # a share of all rows that a visitor would notice
_SOME = 0.02  # a share of all rows that is more than an accident
_MANY = 0.5
_SHORT_REPLY = 3  # words


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at."""

    subject: str  # "Rows", "Replies", …
    sentence: str
    is_serious: bool  # to be mended before training; else good to know


@dataclass(frozen=True, slots=True)
class Health:
    """What stands out in a dataset, and what its replies most often begin with."""

    findings: tuple[Finding, ...]  # serious ones first
    openings: tuple[tuple[str, int], ...]  # the first words of replies, the most common first
    labels: tuple[tuple[str, int], ...]  # the biggest first

    @property
    def to_mend(self) -> int:
        """How many findings are serious."""
        return sum(finding.is_serious for finding in self.findings)


def examine(
    conversations: Sequence[Conversation],
    measures: Measures | None = None,
    flagged: Sequence[int] = (),
) -> Health:
    """Look at the conversations of a draft or a version; at least one is needed.

    `measures` are theirs, where they were taken already; `flagged` the rows that somebody wanted to
    look at again.
    """
    found = [finding for check in _CHECKS if (finding := check(conversations))]
    if measures:
        found += [finding for measured in _MEASURED if (finding := measured(measures))]
    if flagged:
        found.append(_flagged(flagged))
    openings = Counter(
        " ".join(c.reference.split()[:_OPENING_WORDS]) for c in conversations if c.reference.split()
    )
    labels = Counter(c.label for c in conversations if c.label)
    return Health(
        findings=tuple(sorted(found, key=lambda finding: not finding.is_serious)),
        openings=tuple((words, n) for words, n in openings.most_common(8) if n > 1),
        labels=tuple(labels.most_common()),
    )


def _rows(conversations: Sequence[Conversation]) -> Finding | None:
    count = len(conversations)
    if count >= ENOUGH_ROWS:
        return None
    if count < FEW_ROWS:
        sentence = (
            f"Only {count:,} of them. A model learns these by heart and little else: collect "
            f"{ENOUGH_ROWS} or more."
        )
        return Finding("Conversations", sentence, is_serious=True)
    sentence = f"{count:,} of them: enough to try. With {ENOUGH_ROWS} or more it learns more."
    return Finding("Conversations", sentence, is_serious=False)


def _test_items(conversations: Sequence[Conversation]) -> Finding | None:
    count = sum(c.split == "test" for c in conversations)
    if count >= FEW_TEST_ITEMS:
        return None
    sentence = (
        f"{count:,} in the test split: scores will have wide intervals, and a small gain cannot be "
        f"told from luck. About {10 * FEW_TEST_ITEMS} conversations give {FEW_TEST_ITEMS} of them."
    )
    return Finding("Test items", sentence, is_serious=False)


def _one_reply(conversations: Sequence[Conversation]) -> Finding | None:
    reply, count = Counter(c.reference for c in conversations).most_common(1)[0]
    share = count / len(conversations)
    if count < 2 or share <= _OFTEN:
        return None
    sentence = (
        f"{_percent(share)} of them are “{_short(reply)}”. The model will say it to everything: "
        "leave most of these rows out."
    )
    return Finding("Replies", sentence, is_serious=True)


def _repeated_replies(conversations: Sequence[Conversation]) -> Finding | None:
    distinct = len({c.reference for c in conversations})
    if distinct > _MANY * len(conversations):
        return None
    sentence = (
        f"{distinct:,} different ones in {len(conversations):,} conversations. Good for a fixed "
        "set of answers; scores then say how well the model chooses, not how well it writes."
    )
    return Finding("Repeated replies", sentence, is_serious=False)


def _short_replies(conversations: Sequence[Conversation]) -> Finding | None:
    count = sum(len(c.reference.split()) < _SHORT_REPLY for c in conversations)
    if count <= _OFTEN * len(conversations):
        return None
    sentence = (
        f"{_percent(count / len(conversations))} have fewer than {_SHORT_REPLY} words. The model "
        "will answer as briefly: leave them out if you want whole sentences."
    )
    return Finding("Short replies", sentence, is_serious=True)


def _echoes(conversations: Sequence[Conversation]) -> Finding | None:
    rows = [
        c
        for c in conversations
        if len(c.turns) > 1 and _plain(c.turns[-2].text) == _plain(c.reference)
    ]
    if not rows:
        return None
    where = f"row {rows[0].row}" if rows[0].row else f"“{_short(rows[0].reference)}”"
    verb = "repeats" if len(rows) == 1 else "repeat"
    sentence = f"{len(rows):,} {verb} the question word for word, such as {where}. Mend or remove."
    return Finding("Echoes", sentence, is_serious=True)


def _different_answers(conversations: Sequence[Conversation]) -> Finding | None:
    replies: dict[tuple[str, ...], set[str]] = {}
    for c in conversations:
        asked = tuple(_plain(turn.text) for turn in c.prompt)
        replies.setdefault(asked, set()).add(_plain(c.reference))
    torn = {asked: said for asked, said in replies.items() if len(said) > 1}
    if not torn:
        return None
    asked, said = next(iter(torn.items()))
    questions = "question has" if len(torn) == 1 else "questions have"
    sentence = (
        f"{len(torn):,} {questions} more than one, such as “{_short(asked[-1] if asked else '')}” "
        f"with {len(said)}. The model learns a mixture; keep the better one if they disagree."
    )
    return Finding("Different replies", sentence, is_serious=False)


def _small_labels(conversations: Sequence[Conversation]) -> Finding | None:
    labels = Counter(c.label for c in conversations if c.label)
    small = [label for label, n in labels.items() if n < 5]
    if len(labels) < 2 or not small:
        return None
    named = ", ".join(f"“{_short(label)}”" for label in small[:3])
    named += f" and {len(small) - 3:,} more" if len(small) > 3 else ""
    sentence = f"Fewer than five conversations each for {named}: too few to learn or to test."
    return Finding("Labels", sentence, is_serious=False)


def _cut(measures: Measures) -> Finding | None:
    if not measures.cut:
        return None
    rows = "conversation has" if measures.cut == 1 else "conversations have"
    sentence = (
        f"{measures.cut:,} {rows} more than {measures.limit:,} tokens "
        f"({_share(measures.cut, measures.conversations)}): training cuts their end, where the "
        "reply is. Switch on “Drop over-long rows”, or raise Max length on the Train tab."
    )
    return Finding("Length", sentence, is_serious=measures.cut_share > _SOME)


def _copies(measures: Measures) -> Finding | None:
    if not measures.copies:
        return None
    sentence = (
        f"{measures.copies:,} ({_share(measures.copies, measures.conversations)}) say what another "
        "one says, word for word. The model learns these by heart: switch on “Drop duplicates”."
    )
    return Finding("Copies", sentence, measures.copies > _OFTEN * measures.conversations)


def _languages(measures: Measures) -> Finding | None:
    told = [(code, n) for code, n in measures.languages if code != UNKNOWN]
    count = sum(n for _, n in told)
    others = sum(n for _, n in told[1:])
    if not others or others <= _SOME * count:
        return None
    named = ", ".join(f"{code} {_share(n, count)}" for code, n in told[:4])
    sentence = (
        f"There are several: {named}. If one of them is meant, keep it with “Keep languages”; "
        "short texts may be taken for another language."
    )
    return Finding("Languages", sentence, is_serious=False)


def _personal_data(measures: Measures) -> Finding | None:
    if not measures.personal:
        return None
    count = len(measures.personal)
    hold = "conversation holds" if count == 1 else "conversations hold"
    sentence = (
        f"{count:,} {hold} e-mail addresses, phone numbers, keys or the like, such as row "
        f"{measures.personal[0]:,}. "
    )
    if not measures.personal_of_users:
        sentence += "All are in replies: fine if they are your own, as the model will say them."
        return Finding("Personal data", sentence, is_serious=False)
    sentence += "The model may repeat them to anybody: switch on “Mask personal data”."
    return Finding("Personal data", sentence, is_serious=True)


def _flagged(rows: Sequence[int]) -> Finding:
    named = ", ".join(f"{row:,}" for row in rows[:10]) + (", …" if len(rows) > 10 else "")
    is_one = len(rows) == 1
    told = f"Row {named} is flagged" if is_one else f"Rows {named} are flagged"
    return Finding("Flags", f"{told}: look again before training.", is_serious=False)


_MEASURED: tuple[Callable[[Measures], Finding | None], ...] = (
    _cut,
    _personal_data,
    _copies,
    _languages,
)
_CHECKS: tuple[Callable[[Sequence[Conversation]], Finding | None], ...] = (
    _rows,
    _test_items,
    _one_reply,
    _repeated_replies,
    _short_replies,
    _echoes,
    _different_answers,
    _small_labels,
)


def _share(part: int, whole: int) -> str:
    """A share that is never said to be nothing where there is something."""
    share = 100 * part / whole
    return "less than 1 %" if 0 < share < 1 else f"{share:.0f} %"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _short(text: str, length: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
