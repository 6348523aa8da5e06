"""Keep what a dataset tests out of training, in rows that have their splits already.

A version that is made of an older one comes after all others of its dataset: what any of these
tests, it tests as well.
"""

from collections.abc import Sequence, Set
from dataclasses import replace

from chatui.conversation import Conversation, Split
from chatui.data.splitting import group_of
from chatui.data.together import grouped


def relocked(rows: Sequence[Conversation], locked: Set[str]) -> list[Conversation]:
    """The rows, with each group of which a row is tested, or a key locked, in the test split.

    A group with a validation row is validated otherwise: splits made before now may cut groups.
    """
    groups = grouped(rows)
    named = list(zip(rows, groups, strict=True))
    tested = {g for row, g in named if row.split == "test" or group_of(row.turns) in locked}
    validated = {g for row, g in named if row.split == "validation"}
    moved = []
    for row, group in named:
        split: Split = "validation" if group in validated else "train"
        moved.append(replace(row, group=group, split="test" if group in tested else split))
    return moved
