"""Signs of a model that has gone wrong: repetition, silence, parroting, too long or too short.

None of them says whether a reply is good. Words are lists of tokens as BLEU counts them.
"""

from collections.abc import Sequence

import numpy as np

from chatui.score.metrics.per_item import averaged
from chatui.statistics import Numbers

ORDER = 4  # tokens that must follow each other to count as repeated, or as copied
Words = Sequence[Sequence[str]]  # the tokens of each text


def rep_4(replies: Words) -> Numbers:
    """Per item: 1 − distinct/total 4-grams of the reply, 0 to 1; and 1. Averaged over replies.

    Undefined for a reply of fewer than 4 tokens, which takes no part (Welleck et al. 2020, there
    over a whole continuation).
    """
    values: list[float | None] = []
    for reply in replies:
        grams = _grams(reply)
        values.append(1 - len(set(grams)) / len(grams) if grams else None)
    return averaged(values)


def empty_share(replies: Sequence[str]) -> Numbers:
    """Per item: 1 if the reply is nothing but white space, else 0; and 1. Takes texts."""
    return averaged([float(not reply.strip()) for reply in replies])


def copied_share(replies: Words, prompts: Sequence[Sequence[str] | None]) -> Numbers:
    """Per item: tokens of the reply in a run of 4 that the prompt has too; tokens of the reply.

    A pooled share, 0 to 1. Items without prompt, or with a reply of fewer than 4 tokens, take no
    part: there is nothing to copy from, or no run to recognise.
    """
    rows = []
    for reply, prompt in zip(replies, prompts, strict=True):
        if prompt is None or len(reply) < ORDER:
            rows.append((0, 0))
            continue
        known = set(_grams(prompt))
        copied = np.zeros(len(reply), dtype=bool)
        for place, gram in enumerate(_grams(reply)):
            if gram in known:
                copied[place : place + ORDER] = True
        rows.append((int(copied.sum()), len(reply)))
    return np.array(rows, dtype=np.float64)


def _grams(words: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + ORDER]) for i in range(len(words) - ORDER + 1)]
