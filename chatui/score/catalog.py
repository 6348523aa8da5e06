"""Every metric of a report: what it is called, which way is up, and what it means.

The page, the report, the command line and the Holm correction go by this list, in this order.
"""

from dataclasses import dataclass

from chatui.score.config import MetricName


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as people read it."""

    name: MetricName
    title: str
    higher_is_better: bool | None  # None: it describes the replies, and neither way is better
    meaning: str
    unit: str = ""
    leads: bool = False  # shown first; the others are folded

    @property
    def direction(self) -> str:
        """Which way is up, in words."""
        if self.higher_is_better is None:
            return "neither way is better"
        return "higher is better" if self.higher_is_better else "lower is better"


_SHARE, _HUNDRED = "0 to 1", "0 to 100"

METRICS: tuple[Metric, ...] = (
    Metric(
        "token_accuracy",
        "Token accuracy",
        True,
        "tokens of the reference that were the likeliest",
        _SHARE,
        leads=True,
    ),
    Metric(
        "perplexity",
        "Perplexity",
        False,
        "how surprised the model is by the reference",
        leads=True,
    ),
    Metric(
        "token_f1",
        "Token F1",
        True,
        "words that reply and reference share, in any order",
        _SHARE,
        leads=True,
    ),
    Metric("bleu", "BLEU", True, "phrases shared with the reference", _HUNDRED, leads=True),
    Metric(
        "chrf2", "chrF2", True, "pieces of words shared with the reference", _HUNDRED, leads=True
    ),
    Metric("bits_per_byte", "Bits per byte", False, "perplexity by byte, whatever the tokens"),
    Metric("chrf2pp", "chrF2++", True, "chrF2 with words and pairs of words", _HUNDRED),
    Metric("rouge_l", "ROUGE-L", True, "words shared with the reference, in its order", _SHARE),
    Metric("exact_match", "Exact match", True, "replies that are the reference", _SHARE),
    Metric("distinct_1", "Distinct words", None, "different words of all words", _SHARE),
    Metric("distinct_2", "Distinct pairs", None, "different pairs of words of all pairs", _SHARE),
    Metric("self_bleu", "Self-BLEU", None, "how alike the replies are among themselves", _SHARE),
    Metric("rep_4", "Repetition", False, "runs of four words that a reply repeats", _SHARE),
    Metric("empty_share", "Empty", False, "replies of nothing but white space", _SHARE),
    Metric("limit_share", "Cut off", False, "replies that ended at the token limit", _SHARE),
    Metric("length_ratio", "Length", None, "length of the replies through that of the references"),
    Metric("copied_share", "Copied", False, "words in runs of four that the question has", _SHARE),
)
TITLES: dict[MetricName, str] = {metric.name: metric.title for metric in METRICS}
_BY_NAME = {metric.name: metric for metric in METRICS}


def metric(name: MetricName) -> Metric:
    """A metric by its name."""
    return _BY_NAME[name]
