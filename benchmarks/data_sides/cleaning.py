"""Seven cleaning steps with their account, beside pandas, datasets and datatrove.

All sides take the same patterns and checks, chatui's: the peers on every text, chatui behind its
gates. Compared too: an ungated reference, which must give the same rows; the time of each step on a
megabyte that was made to be slow, and on two; and a chain for pandas with the short patterns that
people write by hand, which finds less, on stderr.
"""

from pathlib import Path

import datasets
import ftfy
import pandas
import ungated
from datatrove.data import Document
from datatrove.pipeline.formatters.ftfy import FTFYFormatter
from datatrove.pipeline.formatters.pii import PIIFormatter
from dirty_rows import pairs, rows_of
from slow_texts import growth
from timing import say, seconds_of

from chatui.data.cleaning import Account, clean
from chatui.data.cleaning.texts import repair
from chatui.data.formats import RawRow

TARGETS = {
    "cleaning: seconds of pandas .str over ours": 2.0,
    "cleaning: seconds of datasets.map over ours": 3.0,
    "cleaning: seconds of datatrove over ours, ftfy and personal data": 2.0,
    "cleaning: share of rows equal to the ungated reference": 1.0,
    "cleaning: share of texts repaired as ftfy alone does": 1.0,
    "cleaning: one second over the slowest step on a made megabyte": 1.0,
    "cleaning: 2.5 over the growth of its time when doubled": 1.0,
}
EXACT = [name for name in TARGETS if "share" in name]


def measure(folder: Path, quick: bool) -> dict[str, float]:
    datasets.disable_progress_bars()
    texts = pairs(20_000 if quick else 200_000)
    rounds = 3
    found = _against_chains(texts, rounds) | _against_datatrove(texts[: len(texts) // 4], rounds)
    slowest, growing = growth()
    found |= dict(zip(list(TARGETS)[-2:], (1 / slowest, 2.5 / growing), strict=True))
    return found


def _against_chains(texts: list[tuple[str, str]], rounds: int) -> dict[str, float]:
    rows = rows_of(texts)
    frame = pandas.DataFrame(texts, columns=["user", "agent"])
    table = datasets.Dataset.from_pandas(frame)
    seconds = seconds_of(
        {
            "chatui": lambda: clean(rows, ungated.STEPS),
            "pandas .str": lambda: ungated.with_pandas(frame),
            "datasets.map": lambda: ungated.with_datasets(table),
            "pandas .str, short patterns": lambda: ungated.with_short_patterns(frame),
        },
        rounds,
    )
    ours = seconds["chatui"]
    say(f"short patterns over ours: {seconds['pandas .str, short patterns'] / ours:.2f}")
    names = list(TARGETS)
    return {
        names[0]: seconds["pandas .str"] / ours,
        names[1]: seconds["datasets.map"] / ours,
        **dict(zip(EXACT, (_share_equal(rows), _share_repaired(texts)), strict=True)),
    }


def _share_equal(rows: list[RawRow]) -> float:
    """The share of rows that come out of the ungated steps as they come out of ours."""
    reference = dict(ungated.Reference()(rows))
    ours = {row.row: tuple(turn.text for turn in row.turns) for row in _kept(rows)}
    differing = [row for row in rows if reference.get(row.row) != ours.get(row.row)]
    say(f"rows that differ from the ungated reference: {len(differing):,} of {len(rows):,}")
    return 1 - len(differing) / len(rows)


def _kept(rows: list[RawRow]) -> list:
    account: Account = clean(rows, ungated.STEPS)
    return account.kept


def _share_repaired(pairs_of_texts: list[tuple[str, str]]) -> float:
    texts = [text for pair in pairs_of_texts[:100_000] for text in pair]
    differing = sum(repair(text) != ungated.repair(text) for text in texts)
    say(f"repairs that differ from ftfy {ftfy.__version__}: {differing:,} of {len(texts):,}")
    return 1 - differing / len(texts)


def _against_datatrove(texts: list[tuple[str, str]], rounds: int) -> dict[str, float]:
    """Its FTFY and PII formatters know e-mail and IP addresses; ours take all kinds."""
    rows = rows_of(texts)
    mend, mask = FTFYFormatter(unescape_html=False), PIIFormatter(only_remove_public_ips=False)

    def with_datatrove() -> list[Document]:
        numbered = enumerate(text for pair in texts for text in pair)
        documents = (Document(text=text, id=str(number)) for number, text in numbered)
        return list(mask.run(mend.run(documents)))

    seconds = seconds_of(
        {
            "chatui, characters and pii": lambda: clean(rows, ("characters", "pii")),
            "datatrove, FTFY and PII": with_datatrove,
        },
        rounds,
    )
    ours, theirs = seconds.values()
    return {list(TARGETS)[2]: theirs / ours}
