"""What a score has to know, frozen when it is started: `config.json` of its folder."""

from typing import Literal

from chatui.replies import RepliesJob

MetricName = Literal[
    "token_accuracy",
    "perplexity",
    "token_f1",
    "bleu",
    "chrf2",
    "bits_per_byte",
    "chrf2pp",
    "rouge_l",
    "exact_match",
    "distinct_1",
    "distinct_2",
    "self_bleu",
    "rep_4",
    "empty_share",
    "limit_share",
    "length_ratio",
    "copied_share",
]
System = Literal["base", "tuned"]
SYSTEMS: tuple[System, System] = ("base", "tuned")


class ScoreConfig(RepliesJob, frozen=True):
    """Score a run's adapter against its base on the items of one split."""

    run: str
    primary: MetricName  # the metric that the verdict is about; fixed before anything is known
    limit: int | None = None  # the first so many items in a seeded order
    seed: int = 0  # of that order and of the resampling
