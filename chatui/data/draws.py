"""How often each of some rows is seen, when a certain number of rows is wanted of them.

Too many rows: some are not seen. Too few: all are seen equally often, some once more. Which ones
depends on the seed and the rows' names alone.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from chatui.conversation import Conversation
from chatui.data.splitting import rank

REPEAT = "repeat"


def times_seen(names: Sequence[str], wanted: int, seed: int) -> list[int]:
    """How often each of the named rows is seen, `wanted` times in all."""
    if not names:
        return []
    whole, left = divmod(wanted, len(names))
    once_more = set(sorted(range(len(names)), key=lambda n: rank(seed, names[n]))[:left])
    return [whole + (number in once_more) for number in range(len(names))]


def apportioned(total: int, weights: Sequence[float]) -> list[int]:
    """`total` in whole parts by weight, largest remainders first: no part is off by one or more."""
    exact = [total * weight / sum(weights) for weight in weights]
    parts = [int(share) for share in exact]
    order = sorted(range(len(parts)), key=lambda n: (parts[n] - exact[n], n))
    for number in order[: total - sum(parts)]:
        parts[number] += 1
    return parts


def repeats_of(row: Conversation, count: int) -> list[Conversation]:
    """So many more of a row, each naming it as its parent."""
    return [
        replace(row, id=f"{row.id}-r{number}", parent=row.id, made_by=REPEAT)
        for number in range(1, count + 1)
    ]


def with_own_ids(rows: Iterable[Conversation], taken: Collection[str] = ()) -> list[Conversation]:
    """The rows with a number behind each name that is there already."""
    used, named = set(taken), []
    for row in rows:
        name, number = row.id, 1
        while name in used:
            number += 1
            name = f"{row.id}-{number}"
        used.add(name)
        named.append(row if name == row.id else replace(row, id=name))
    return named
