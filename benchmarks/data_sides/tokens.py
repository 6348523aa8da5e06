"""Tokens of whole conversations below the chat template, beside the tokenizer called row by row.

Both sides render and count the same conversations with the starter's own files; the counts have to
be equal. The peer is what people write: `apply_chat_template`, then `tokenizer(text)` for each row.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from transformers import AutoTokenizer

from chatui.conversation import Turn
from chatui.data.origins import of_path
from chatui.data.reading import collected, open_reading
from chatui.data.store import SAMPLE_FILE
from chatui.model.catalog import STARTER_FOLDER, find_base
from chatui.model.counting import counter_of

TARGETS = {
    "tokens: seconds of tokenizer() a row over ours": 1.3,
    "tokens: share of counts that are equal": 1.0,
}


def measure(folder: Path, quick: bool) -> dict[str, float]:
    rows = _conversations(5_000 if quick else 50_000)
    counter = counter_of(find_base("starter"))
    tokenizer = AutoTokenizer.from_pretrained(STARTER_FOLDER)

    def row_by_row() -> list[int]:
        texts = (
            tokenizer.apply_chat_template([t.as_message() for t in turns], tokenize=False)
            for turns in rows
        )
        return [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]

    ours = lambda: counter.conversations(rows)  # noqa: E731 - a side, as the other one is
    equal = sum(a == b for a, b in zip(ours(), row_by_row(), strict=True)) / len(rows)
    own, peer = _medians(ours, row_by_row, rounds=5)
    print(f"tokens: ours {own:.3f} s, row by row {peer:.3f} s, n = {len(rows)}", file=sys.stderr)
    return dict(zip(TARGETS, (peer / own, equal), strict=True))


def _medians(*sides: Callable[[], object], rounds: int) -> list[float]:
    """Median seconds of CPU of each side; they take turns."""
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, found in zip(sides, times, strict=True):
            started = time.process_time()
            side()
            found.append(time.process_time() - started)
    return [statistics.median(found) for found in times]


def _conversations(count: int) -> list[tuple[Turn, ...]]:
    """The sample's rows again and again, each time with another number in it."""
    records = collected(open_reading(of_path(SAMPLE_FILE))).good
    found = []
    for number in range(count):
        question, reply = list(records[number % len(records)].values.values())[:2]
        found.append(
            (Turn("user", f"{question} ({number})"), Turn("assistant", f"{reply} ({number})"))
        )
    return found
