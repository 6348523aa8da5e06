"""Split conversations into train, validation and test, by what is asked and not by the row.

Rows with the same prompt stay together, or the test would hold what was learned. Which group goes
where depends on the seed and the group alone, so it does not change with the order of the rows.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Sequence

from chatui.conversation import Split, Turn, content_hash

TEST_SHARE = VALIDATION_SHARE = 0.1


def group_of(turns: Sequence[Turn]) -> str:
    """The group of a conversation: all that is said before its last reply, however it is spelt.

    The system prompt does not count: the same question below two of them is the same question.
    """
    said = [[turn.speaker, _plain(turn.text)] for turn in turns[:-1] if turn.speaker != "system"]
    return content_hash(said)[:16]


def assign_splits(
    groups: Sequence[str], seed: int, locked: Collection[str] = ()
) -> tuple[Split, ...]:
    """The split of each row, given each row's group; locked groups go to the test split.

    Sizes come as near to 80/10/10 as whole groups allow. Two groups are train and test; one is
    train only.
    """
    sizes = Counter(groups)
    ranked = sorted(sizes, key=lambda group: _rank(seed, group))
    free = [group for group in ranked if group not in locked]
    chosen: dict[str, Split] = {group: "test" for group in sizes if group in locked}
    missing = _wanted(len(groups), len(sizes), TEST_SHARE) - sum(sizes[g] for g in chosen)
    for group in _nearest(free[: len(free) - 1], sizes, missing):
        chosen[group] = "test"
    free = [group for group in free if group not in chosen]
    missing = _wanted(len(groups), len(sizes) - 1, VALIDATION_SHARE)
    for group in _nearest(free[: len(free) - 1], sizes, missing):
        chosen[group] = "validation"
    return tuple(chosen.get(group, "train") for group in groups)


def _wanted(rows: int, groups: int, share: float) -> int:
    return max(1, round(rows * share)) if groups > 1 else 0


def _nearest(groups: Sequence[str], sizes: Counter[str], wanted: int) -> list[str]:
    """The first groups that fit into `wanted` rows, and one more if that comes nearer to it."""
    taken, left = [], wanted
    for group in groups:
        if sizes[group] <= left:
            taken.append(group)
            left -= sizes[group]
    rest = set(groups).difference(taken)
    if left > 0 and rest:
        best = min((g for g in groups if g in rest), key=lambda group: sizes[group])
        if sizes[best] - left < left or not taken:
            taken.append(best)
    return taken


def _rank(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()
