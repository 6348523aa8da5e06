"""Score short answers: token F1 and exact match, as SQuAD v2 counts them.

A reply is compared with each of its references and the best counts. Both without words is a match
(1), one of them without is none (0). The normalisation is that of SQuAD v2's evaluation script: it
knows English articles and ASCII punctuation only, so the Unicode functions, which know any script
and no articles, are metrics of their own with names of their own.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from chatui import __version__
from chatui.score.metrics.pairs import References, checked_pairs
from chatui.score.metrics.per_item import PerItem, averaged
from chatui.score.metrics.words import bare_words

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SQUAD = "squad2(lower,ascii-punct,articles,space)"
_UNICODE = "nfkc(casefold,punct,space,cjk-char)"


def squad_words(text: str) -> list[str]:
    """Lower case, ASCII punctuation out, then a, an and the, then split at white space."""
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def token_f1(replies: Sequence[str], references: References) -> PerItem:
    """Per item: 2·shared / (words of the reply + words of the reference), 0 to 1; and 1."""
    return _best(replies, references, _f1, squad_words)


def exact_match(replies: Sequence[str], references: References) -> PerItem:
    """Per item: 1 if the normalised texts are the same, else 0; and 1."""
    return _best(replies, references, _same, squad_words)


def token_f1_unicode(replies: Sequence[str], references: References) -> PerItem:
    """As `token_f1`, with the words of any script."""
    return _best(replies, references, _f1, bare_words)


def exact_match_unicode(replies: Sequence[str], references: References) -> PerItem:
    """As `exact_match`, with the words of any script."""
    return _best(replies, references, _same, bare_words)


def _best(
    replies: Sequence[str],
    references: References,
    alike: Callable[[list[str], list[str]], float],
    words: Callable[[str], list[str]],
) -> PerItem:
    texts, per_item = checked_pairs(replies, references)
    values: list[float | None] = []
    for text, refs in zip(texts, per_item, strict=True):
        said = words(text)
        values.append(max(alike(said, words(ref)) for ref in refs))
    norm = _SQUAD if words is squad_words else _UNICODE
    signature = f"nrefs:{len(per_item[0])}|refs:best|norm:{norm}|chatui:{__version__}"
    return PerItem(averaged(values), signature)


def _f1(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    shared = (Counter(said) & Counter(wanted)).total()
    return 2 * shared / (len(said) + len(wanted))


def _same(said: list[str], wanted: list[str]) -> float:
    return float(said == wanted)
