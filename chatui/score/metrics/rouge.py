"""ROUGE-L: the longest run of words, gaps allowed, that reply and reference have in common.

rouge-score's, with a tokenizer of our own: its own keeps a to z and digits only, so that identical
Russian texts would score 0. The F measure; no stemming; with several references the best counts.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from chatui.score.metrics.pairs import References, checked_pairs
from chatui.score.metrics.per_item import PerItem, averaged
from chatui.score.metrics.words import plain_words


def rouge_l(replies: Sequence[str], references: References) -> PerItem:
    """Per item: ROUGE-L's F measure, 0 to 1; and 1.

    A reply without words to a reference without words is right, as in token F1, though the
    library calls it 0.
    """
    texts, per_item = checked_pairs(replies, references)
    scorer = _scorer()
    values: list[float | None] = []
    for text, refs in zip(texts, per_item, strict=True):
        if not plain_words(text):
            values.append(float(any(not plain_words(ref) for ref in refs)))
        else:
            values.append(float(scorer.score_multi(refs, text)["rougeL"].fmeasure))
    tokens = "tok:words(nfkc,casefold,no-punct,cjk-char)"
    signature = f"nrefs:{len(per_item[0])}|refs:best|f:1|stem:no|{tokens}|{_version()}"
    return PerItem(averaged(values), signature)


class _Words:
    """What rouge-score takes for a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        return plain_words(text)


def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # a second, for nltk comes along

    return RougeScorer(["rougeL"], tokenizer=_Words())


def _version() -> str:
    return f"rouge-score:{version('rouge-score')}"
