"""What sacrebleu would score without a word is refused here with a sentence."""

import pytest

from chatui.errors import NotComparable
from chatui.score.metrics.overlap import bleu_statistics, chrf_statistics

SCORERS = [bleu_statistics, chrf_statistics]


@pytest.mark.parametrize("statistics", SCORERS)
@pytest.mark.parametrize(
    ("replies", "references", "reason"),
    [
        (["a", "b"], ["a"], "2 replies and 1 references"),
        (["a b c", "d e f"], [["a b c", "d e f"]], "transposed"),
        (["a", None], ["a", "b"], "the reply of item 2 is missing"),
        (["a", 3], ["a", "b"], "the reply of item 2 is of type int"),
        (["a", "b"], ["a", None], "a reference of item 2 is missing"),
        (["a", "b"], [["a"], [None]], "a reference of item 2 is missing"),
        ("cat", ["cat"], "a bare string"),
        (["cat"], "cat", "a bare string"),
        ([], [], "nothing to score"),
        (["a", "b"], [["a", "b"], ["a"]], "item 2 has 1 references and item 1 has 2"),
        (["a"], [[]], "at least one"),
    ],
)
def test_pairs_that_are_none_are_refused(statistics, replies, references, reason):
    with pytest.raises(NotComparable, match=reason):
        statistics(replies, references)
