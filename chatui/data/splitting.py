"""Split conversations into train, validation and test, by what is asked and not by the row.

Rows of one group stay together, or the test would hold what was learned; `grouping.py` says which
they are. Which group goes where depends on the seed and the groups alone, so it does not change
with the order of the rows. Works on names and labels, one for each row, never on rows.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from chatui.conversation import Split, Turn, content_hash

TEST_SHARE = VALIDATION_SHARE = 0.1
STRATIFIED_ABOVE = 10_000  # rows; below, the splits of a label would be too small to have a share
_RARE = 10  # labels with fewer groups are one: they can't be in each of 8 : 1 : 1

StratifyBy = Literal["auto", "label", "nothing"]


def group_of(turns: Sequence[Turn]) -> str:
    """What is said before the last reply, however it is spelt, as 16 hex digits.

    The system prompt does not count: the same question below two of them is the same question.
    """
    return key_of(plainly_said(turns)[:-1])


def plainly_said(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """Who says what: words in lower case with one space between, without the system prompt."""
    return [(turn.speaker, _plain(turn.text)) for turn in turns if turn.speaker != "system"]


def key_of(said: Sequence[tuple[str, str]]) -> str:
    """What names a question in all versions; see `group_of`."""
    return content_hash(said)[:16]


def strata_of(labels: Sequence[str | None], by: StratifyBy) -> Sequence[str | None] | None:
    """The labels, if the splits are to have the same shares of them; else None."""
    is_wanted = by == "label" or (by == "auto" and len(labels) > STRATIFIED_ABOVE)
    return labels if is_wanted and any(label is not None for label in labels) else None


def assign_splits(
    groups: Sequence[str],
    seed: int,
    locked: Collection[str] = (),
    strata: Sequence[str | None] | None = None,
) -> tuple[Split, ...]:
    """The split of each row, given each row's group; locked groups go to the test split.

    Sizes come as near to 80/10/10 as whole groups allow, with `strata` for each of these. Two
    groups are train and test; one is train only.
    """
    sizes = Counter(groups)
    ranked = sorted(sizes, key=lambda group: rank(seed, group))
    kinds = [ranked] if strata is None else list(_by_kind(ranked, groups, strata))
    chosen: dict[str, Split] = {group: "test" for group in sizes if group in locked}
    _choose("test", chosen, kinds, sizes)
    _choose("validation", chosen, kinds, sizes)
    return tuple(chosen.get(group, "train") for group in groups)


def splits_by_content(
    groups: Sequence[str], seed: int, locked: Collection[str] = ()
) -> tuple[Split, ...]:
    """The split of each row by the seed and the name of its group alone; locked ones are tested.

    So rows that are added later move none, but those whose group they join. The shares are 80/10/10
    on average only: of few rows there may be none to test.
    """
    chosen = {group: "test" if group in locked else _split_of(seed, group) for group in set(groups)}
    return tuple(chosen[group] for group in groups)


def _split_of(seed: int, group: str) -> Split:
    place = int(rank(seed, group)[:12], 16) / 16**12
    if place < TEST_SHARE:
        return "test"
    return "validation" if place < TEST_SHARE + VALIDATION_SHARE else "train"


def _choose(
    split: Split, chosen: dict[str, Split], kinds: Sequence[Sequence[str]], sizes: Counter[str]
) -> None:
    """Add groups of each kind to a split; what a kind has too much, the next has less."""
    groups = sum(map(len, kinds)) - (split == "validation")
    share, rows = (TEST_SHARE if split == "test" else VALIDATION_SHARE), sum(sizes.values())
    if groups <= 1:
        return
    owed = max(0.0, 1 - rows * share)  # even of few rows one is tested
    free = sum(group not in chosen for kind in kinds for group in kind) - 1  # one is for training
    for kind in kinds:
        owed += share * sum(sizes[group] for group in kind)
        there = sum(sizes[group] for group in kind if chosen.get(group) == split)
        taken = _nearest([g for g in kind if g not in chosen][:free], sizes, round(owed - there))
        chosen.update((group, split) for group in taken)
        free -= len(taken)
        # Of what was locked too much, no other kind pays.
        owed = max(-0.5, owed - there) - sum(sizes[group] for group in taken)


def _by_kind(
    ranked: Sequence[str], groups: Sequence[str], strata: Sequence[str | None]
) -> Iterator[list[str]]:
    """The groups by the label that most of their rows have, rare labels together, last."""
    counts = Counter(zip(groups, strata, strict=True))
    kind_of: dict[str, str] = {}
    for (group, label), _ in sorted(counts.items(), key=lambda c: (-c[1], c[0][1] or "")):
        kind_of.setdefault(group, label or "")
    kinds: dict[str, list[str]] = {}
    for group in ranked:
        kinds.setdefault(kind_of[group], []).append(group)
    yield from (kind for _, kind in sorted(kinds.items()) if len(kind) >= _RARE)
    rare = {label for label, kind in kinds.items() if len(kind) < _RARE}
    if rare:
        yield [group for group in ranked if kind_of[group] in rare]


def _nearest(groups: Sequence[str], sizes: Counter[str], wanted: int) -> list[str]:
    """The first groups that fit into `wanted` rows, and one more if that comes nearer to it."""
    taken, left = [], wanted
    for group in groups:
        if sizes[group] <= left:
            taken.append(group)
            left -= sizes[group]
    rest = set(groups).difference(taken) if left > 0 else ()
    if rest:
        best = min((g for g in groups if g in rest), key=lambda group: sizes[group])
        if sizes[best] - left < left or not taken:
            taken.append(best)
    return taken


def rank(seed: int, name: str) -> str:
    """Where something stands by a seed and its name alone; hex digits."""
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()
