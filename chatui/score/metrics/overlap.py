"""Score replies by their overlap with references: BLEU, chrF2 and chrF2++, as sacrebleu counts.

All reward the reference's exact words, so for open conversation read them beside perplexity and
ratings, never alone. BLEU of texts shorter than four tokens is 0 whatever they say: there chrF2
leads.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from chatui.score.metrics.pairs import References, checked_pairs
from chatui.score.metrics.per_item import PerItem
from chatui.score.metrics.words import SPACELESS, script
from chatui.statistics import Numbers

ORDER = 4  # BLEU's longest n-gram
CHAR_ORDER, WORD_ORDER, BETA = 6, 2, 2  # chrF2; the words are for chrF2++
_CHUNK = 100  # items that sacrebleu is given at a time


def bleu_statistics(replies: Sequence[str], references: References) -> PerItem:
    """Per item: reply length, reference length, 4 matches, 4 totals. Tokenized by the script."""
    from sacrebleu.metrics import BLEU

    texts, per_item = checked_pairs(replies, references)
    return _statistics(BLEU(tokenize=bleu_tokenizer(per_item)), texts, per_item)


def bleu_of_sums(sums: Numbers, effective_order: bool = False) -> Numbers:
    """BLEU, 0 to 100, of summed statistics, one row per sample: sacrebleu's, smoothing "exp".

    `effective_order` stops at the longest n-gram that the reply has: for single replies.
    """
    lengths, references = sums[:, 0], sums[:, 1]
    matches, totals = sums[:, 2 : 2 + ORDER], sums[:, 2 + ORDER :]
    with np.errstate(divide="ignore", invalid="ignore"):
        brevity = np.where(lengths < references, np.exp(1 - references / lengths), 1.0)
        halvings = np.cumsum(matches == 0, axis=1)
        smoothed = np.where(matches == 0, 1 / (2.0**halvings * totals), matches / totals)
        used = totals > 0
        orders = used.sum(axis=1) if effective_order else np.full(len(sums), ORDER)
        logs = np.where(used, np.log(smoothed), 0.0).sum(axis=1) / orders
    defined = (matches.sum(axis=1) > 0) & (used.all(axis=1) | effective_order)
    return _shown(np.where(defined, 100 * brevity * np.exp(logs), 0.0))


def chrf_statistics(replies: Sequence[str], references: References) -> PerItem:
    """Per item and character n-gram length: n-grams of the reply, of the reference, shared."""
    texts, per_item = checked_pairs(replies, references)
    return _statistics(_chrf(word_order=0), texts, per_item)


def chrfpp_statistics(replies: Sequence[str], references: References) -> PerItem:
    """As `chrf_statistics`, and the same for single words and pairs of words."""
    texts, per_item = checked_pairs(replies, references)
    return _statistics(_chrf(WORD_ORDER), texts, per_item)


def both_chrf_statistics(replies: Sequence[str], references: References) -> tuple[PerItem, PerItem]:
    """Those of chrF2 and of chrF2++, counted once where they agree.

    With several references they may not: sacrebleu keeps the best one, by the score in question.
    """
    texts, per_item = checked_pairs(replies, references)
    with_words = chrfpp_statistics(texts, per_item)
    if len(per_item[0]) > 1:
        return chrf_statistics(texts, per_item), with_words
    signature = chrf_statistics(texts[:1], per_item[:1]).signature
    return PerItem(with_words.statistics[:, : 3 * CHAR_ORDER], signature), with_words


def chrf_of_sums(sums: Numbers) -> Numbers:
    """chrF2 or chrF2++, 0 to 100, of summed statistics, one row per sample."""
    in_reply, in_reference, shared = (sums[:, offset::3] for offset in range(3))
    used = (in_reply > 0) & (in_reference > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        orders = used.sum(axis=1)
        precision = np.where(used, shared / in_reply, 0.0).sum(axis=1) / orders
        recall = np.where(used, shared / in_reference, 0.0).sum(axis=1) / orders
        score = (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)
    return _shown(np.where((orders > 0) & (precision + recall > 0), 100 * score, 0.0))


def bleu_tokenizer(per_item: Sequence[Sequence[str]]) -> str:
    """sacrebleu's tokenizer for the script: Chinese split by "13a" scores 0 whatever it says."""
    characters = Counter("".join(ref for refs in per_item for ref in refs))
    letters: Counter[str] = Counter()
    for character, count in characters.items():
        if character.isalpha():
            letters[script(character)] += count
    spaceless = sum(letters[name] for name in SPACELESS)
    if 2 * spaceless <= letters.total():
        return "13a"
    return "zh" if letters["CJK"] == spaceless else "char"


def mean_reference_tokens(references: Sequence[str]) -> float:
    """Tokens of the average reference, as BLEU counts them."""
    per_item = bleu_statistics(references, references).statistics
    return float(per_item[:, 1].mean())


def _chrf(word_order: int) -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF(char_order=CHAR_ORDER, word_order=word_order, beta=BETA)


def _statistics(metric: Any, replies: list[str], per_item: list[list[str]]) -> PerItem:
    # sacrebleu wants a list per stream of references, and gives the statistics of single items
    # only here; that their sum is its corpus score is held by a test. It keeps all n-grams of the
    # references it was given, so it is given a few at a time: 2,000 of 60 words take 200 MB.
    rows: list[list[float]] = []
    for begin in range(0, len(replies), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        streams = [list(stream) for stream in zip(*per_item[chunk], strict=True)]
        rows += metric._extract_corpus_statistics(replies[chunk], streams)
    return PerItem(np.array(rows, dtype=np.float64), str(metric.get_signature()))


def _shown(scores: Numbers) -> Numbers:
    """sacrebleu's perfect score is 100.00000000000004."""
    return np.minimum(scores, 100.0)
