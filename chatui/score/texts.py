"""Score texts alone: replies of one system, or of two, against references. No model is asked.

Metrics that are sums over items share one bootstrap and, for two systems, one series of swaps.
What is no such sum (see `metrics.diversity`) has its interval from half samples. Items are put
into an order of their own first, so that the order of the file changes nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chatui.conversation import content_hash
from chatui.errors import NotComparable
from chatui.score.metrics.answers import (
    exact_match,
    exact_match_unicode,
    token_f1,
    token_f1_unicode,
)
from chatui.score.metrics.degeneration import copied_share, empty_share, rep_4
from chatui.score.metrics.diversity import Words
from chatui.score.metrics.overlap import (
    ORDER,
    bleu_of_sums,
    bleu_statistics,
    bleu_tokenizer,
    both_chrf_statistics,
    chrf_of_sums,
)
from chatui.score.metrics.per_item import PerItem, ratio_of_sums
from chatui.score.metrics.rouge import rouge_l
from chatui.score.metrics.words import bleu_words
from chatui.score.text_diversity import variety
from chatui.score.text_figures import Figures, Pair, TextFigure, TextScores, adjusted, figure
from chatui.statistics import (
    Interval,
    Numbers,
    Statistic,
    bootstrap_each,
    randomization_each,
)

# How sums become a value where that is no ratio of two sums.
_OF_SUMS: dict[str, Statistic] = {
    "bleu": bleu_of_sums,
    "chrf2": chrf_of_sums,
    "chrf2pp": chrf_of_sums,
}
_UNDEFINED = {
    "rep_4": "no reply has four tokens",
    "length_ratio": "the references have no tokens",
    "copied_share": "no item has both a prompt and a reply of four tokens",
}
NO_BLEU = "no reference has four tokens, and BLEU counts runs of four"
SWAPS = 20_000  # so that a p adjusted over 17 metrics can still be below .001
_AVERAGED = ("rep_4", "copied_share")  # over those items that can have a value
Measured = dict[str, PerItem]  # by the name of the metric


def score_texts(pairs: Sequence[Pair], seed: int = 0) -> TextScores:
    """All metrics of `reply` and, if there is one, of `reply_b` and of the difference b − a.

    Raises NotComparable if the pairs can't be scored, or only some have a second reply.
    """
    order = _own_order(pairs, seed)
    items = [pairs[place] for place in order]
    replies = _replies(items)
    references = [item.references for item in items]
    tokenizer = bleu_tokenizer(references)
    words = [bleu_words(texts, tokenizer) for texts in replies]
    measured = [_measure(*each, items) for each in zip(replies, words, strict=True)]
    found = _sums(measured, seed)
    for system, figures in variety(words, _tokens(measured[0]["bleu"]), seed).items():
        found[system] |= figures
    if not _has_four_tokens(references, tokenizer):
        found = {system: _without_bleu(figures) for system, figures in found.items()}
    if "difference" in found:
        found["difference"] = adjusted(found["difference"])
    as_given = np.argsort(order)
    per_item = [{name: each.statistics[as_given] for name, each in of.items()} for of in measured]
    return TextScores(len(items), seed, found, per_item)


def _own_order(pairs: Sequence[Pair], seed: int) -> list[int]:
    """Places in an order that knows neither the file's nor which system is which."""

    def key(place: int) -> tuple[str, list[str]]:
        pair = pairs[place]
        asked = content_hash([seed, pair.prompt, pair.label, pair.references])
        return asked, sorted(text for text in (pair.reply, pair.reply_b) if text is not None)

    return sorted(range(len(pairs)), key=key)


def _replies(items: Sequence[Pair]) -> list[list[str]]:
    second = [item.reply_b for item in items if item.reply_b is not None]
    if second and len(second) != len(items):
        raise NotComparable("only some items have a second reply")
    return [[item.reply for item in items]] + ([second] if second else [])


def _measure(replies: Sequence[str], words: Words, items: Sequence[Pair]) -> Measured:
    """The per-item statistics of all metrics that are sums over items.

    `words` are the replies' tokens, as BLEU counts them.
    """
    references = [item.references for item in items]
    bleu = bleu_statistics(replies, references)
    chrf2, chrf2pp = both_chrf_statistics(replies, references)
    tokenizer = bleu_tokenizer(references)
    tokens = _tokens(bleu)
    prompts = [
        None if item.prompt is None else bleu_words([item.prompt], tokenizer)[0] for item in items
    ]
    return {
        "bleu": bleu,
        "chrf2": chrf2,
        "chrf2pp": chrf2pp,
        "rouge_l": rouge_l(replies, references),
        "token_f1": token_f1(replies, references),
        "exact_match": exact_match(replies, references),
        "token_f1_unicode": token_f1_unicode(replies, references),
        "exact_match_unicode": exact_match_unicode(replies, references),
        "rep_4": PerItem(rep_4(words), f"mean|{tokens}"),
        "length_ratio": PerItem(bleu.statistics[:, :2], f"pooled|refs:closest|{tokens}"),
        "empty_share": PerItem(empty_share(replies), "white space only"),
        "copied_share": PerItem(copied_share(words, prompts), f"pooled|runs of 4|{tokens}"),
    }


def _tokens(bleu: PerItem) -> str:
    """How BLEU counts tokens, out of its signature: `case:mixed|tok:13a|version:2.6.0`."""
    wanted = ("case:", "tok:", "version:")
    return "|".join(part for part in bleu.signature.split("|") if part.startswith(wanted))


def _sums(measured: Sequence[Measured], seed: int) -> dict[str, Figures]:
    """Values, intervals and, for two systems, differences with their p, of the same resamples."""
    rows = [np.hstack([each.statistics for each in one.values()]) for one in measured]
    width = rows[0].shape[1]

    def values(sums: Numbers) -> Numbers:
        return _values(measured[0], sums)

    def all_values(sums: Numbers) -> Numbers:
        if len(rows) == 1:
            return values(sums)
        first, second = values(sums[:, :width]), values(sums[:, width:])
        return np.hstack([first, second, second - first])

    intervals = bootstrap_each(all_values, np.hstack(rows), seed=seed)
    size = len(measured[0])
    found = {
        system: _figures(of, intervals[place * size : (place + 1) * size])
        for place, (system, of) in enumerate(_involved(measured).items())
    }
    if len(rows) == 2:
        p_values = randomization_each(values, *rows, seed=seed, resamples=SWAPS)
        found["difference"] = {
            name: each if each.value is None else replace(each, p=p)
            for (name, each), p in zip(found["difference"].items(), p_values, strict=True)
        }
    return found


def _values(measured: Measured, sums: Numbers) -> Numbers:
    """From summed rows of all metrics to a column for each."""
    columns, begin = [], 0
    for name, each in measured.items():
        end = begin + each.statistics.shape[1]
        columns.append(_OF_SUMS.get(name, ratio_of_sums)(sums[:, begin:end]))
        begin = end
    return np.column_stack(columns)


def _involved(measured: Sequence[Measured]) -> dict[str, Sequence[Measured]]:
    """Whose items each set of figures rests on."""
    if len(measured) == 1:
        return {"a": measured}
    return {"a": measured[:1], "b": measured[1:], "difference": measured}


def _figures(of: Sequence[Measured], intervals: Sequence[Interval]) -> Figures:
    return {
        name: figure(
            interval,
            _n(name, [each[name] for each in of]),
            of[0][name].signature,
            _UNDEFINED.get(name, "it has no value"),
        )
        for name, interval in zip(of[0], intervals, strict=True)
    }


def _n(name: str, of: Sequence[PerItem]) -> int:
    """Items that take part, in one of the systems at least."""
    if name not in _AVERAGED:
        return len(of[0].statistics)
    return int(np.any([each.statistics[:, 1] > 0 for each in of], axis=0).sum())


def _has_four_tokens(references: Sequence[Sequence[str]], tokenizer: str) -> bool:
    texts = [reference for each in references for reference in each]
    return any(len(words) >= ORDER for words in bleu_words(texts, tokenizer))


def _without_bleu(figures: Figures) -> Figures:
    """sacrebleu gives a perfect reply to "yes" 0, and "yes it is so" more than that."""
    bleu = figures["bleu"]
    return figures | {"bleu": TextFigure(None, bleu.n, bleu.signature, reason=NO_BLEU)}
