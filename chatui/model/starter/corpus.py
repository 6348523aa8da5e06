"""The conversations that the starter learns from: read, held out by hash, mixed by source."""

import gzip
import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HELD_OUT_PERCENT = 1

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Source:
    """One file: what is trained on, and what never is."""

    name: str
    training: list[Messages]
    held_out: list[Messages]


def read_corpus(folder: Path) -> list[Source]:
    """Read every `*.jsonl` and `*.jsonl.gz` of a folder, one `{"messages": [...]}` a line.

    One percent of every file is held out, chosen by the hash of the conversation, so that a copy of
    it falls on the same side.
    """
    paths = sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
    if not paths:
        raise SystemExit(f"{folder} holds no .jsonl or .jsonl.gz file.")
    return [_read_source(path) for path in paths]


def mixed(
    counts: Mapping[str, int], passes: Mapping[str, float], seed: str
) -> Iterator[tuple[str, int]]:
    """An endless, shuffled stream of (source, number of its conversation).

    `passes` says how often the conversations of a source come in one round (1 where it is silent,
    0.25: another quarter in each round); a key is the beginning of a source's name.
    """
    if not any(counts.values()):
        raise SystemExit("There is no conversation to train on.")
    while True:
        seed = hashlib.sha256(seed.encode()).hexdigest()  # another order in each round
        draw = random.Random(seed)
        round_: list[tuple[str, int]] = []
        for name, count in counts.items():
            share = next((s for key, s in passes.items() if name.startswith(key)), 1.0)
            whole, rest = divmod(share, 1)
            numbers = list(range(count)) * int(whole)
            numbers += draw.sample(range(count), round(rest * count))
            round_ += [(name, number) for number in numbers]
        draw.shuffle(round_)
        yield from round_


def _read_source(path: Path) -> Source:
    training: list[Messages] = []
    held_out: list[Messages] = []
    for messages in _read_lines(path):
        draw = int(hashlib.sha256(json.dumps(messages).encode()).hexdigest()[:8], 16)
        (held_out if draw % 100 < HELD_OUT_PERCENT else training).append(messages)
    return Source(path.name.split(".")[0], training, held_out)


def _read_lines(path: Path) -> Iterator[Messages]:
    is_packed = path.suffix == ".gz"
    with gzip.open(path, "rt", encoding="utf-8") if is_packed else path.open(encoding="utf-8") as f:
        for line in f:
            yield json.loads(line)["messages"]
