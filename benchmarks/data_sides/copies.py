"""Exact copies beside pandas, near copies beside datasketch and beside brute force, and memory.

Near copies: both sides take the same three-word sequences and 0.8; datasketch makes one sketch of
128 numbers for a conversation, chatui 66 for the question and 66 for the reply, and then looks at
each candidate exactly. Brute force compares each row with all that stay and share a sequence. What
exact copies cost is how much longer it takes to tell mended rows apart, into those that stay and
those that go with their reasons, with that step than without any. Memory is the peak of a process
of its own that reads rows from a file and looks for near copies.
"""

import gc
import resource
import subprocess
import sys
from array import array
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pandas
from datasketch import MinHash, MinHashLSH
from dirty_rows import pairs, rows_of
from timing import say, seconds_of

from chatui.conversation import Turn
from chatui.data.cleaning import Cleaning, CleanRow, clean
from chatui.data.cleaning.near import jaccard, near_copies, shingles
from chatui.data.formats import RawRow

TARGETS = {
    "copies: seconds of pandas.drop_duplicates over ours": 3.0,
    "copies: seconds of datasketch over ours": 3.0,
    "copies: recall of near copies over 0.99": 1.0,
    "copies: precision of near copies": 1.0,
    "copies: 2 GB over the peak of near copies in a million rows": 1.0,
}
EXACT = ("copies: recall of near copies over 0.99", "copies: precision of near copies")
_SIMILARITY = 0.8
_LIMIT = 2 * 2**30  # bytes for a million rows


def measure(folder: Path, quick: bool) -> dict[str, float]:
    memory = list(TARGETS)[-1]
    rows = 200_000 if quick else 1_000_000
    peak = _peak_of_a_process(folder / "rows", rows)
    say(f"peak with {rows:,} rows: {peak / 2**20:,.0f} MiB")
    return {
        **_exact(pairs(50_000 if quick else 200_000)),
        **_near(clean(rows_of(pairs(10_000 if quick else 50_000)), ()).kept),
        **_against_brute_force(clean(rows_of(pairs(10_000 if quick else 40_000, 3)), ()).kept),
        memory: _LIMIT * rows / 1_000_000 / peak,
    }


def _exact(texts: list[tuple[str, str]]) -> dict[str, float]:
    rows = rows_of(texts)
    frame = pandas.DataFrame(texts, columns=["user", "agent"])
    with_step, without = (_taken_in(rows, steps) for steps in (("duplicates",), ()))
    seconds = seconds_of(
        {
            "chatui, copies": lambda: _told_apart(with_step),
            "chatui, no step": lambda: _told_apart(without),
            "pandas.drop_duplicates": lambda: frame.drop_duplicates(),
        },
        15,
    )
    ours, nothing, theirs = seconds.values()
    return {list(TARGETS)[0]: theirs / max(ours - nothing, 1e-9)}


def _taken_in(rows: Sequence[RawRow], steps: tuple[str, ...]) -> Cleaning:
    """Rows that were read and mended, which is the same with the step and without it."""
    cleaning = Cleaning(steps)
    for row in rows:
        cleaning.add(row)
    return cleaning


def _told_apart(cleaning: Cleaning) -> None:
    """Rows come one by one, as a version is written; a list of all would measure its memory."""
    cleaning.compare()
    for _ in chain(cleaning.kept(), cleaning.removed()):
        pass


def _near(rows: Sequence[CleanRow]) -> dict[str, float]:
    seconds = seconds_of(
        {
            "chatui, near copies": lambda: near_copies(rows, _SIMILARITY),
            "datasketch": lambda: _with_datasketch(rows),
        },
        3,
    )
    ours, theirs = seconds.values()
    return {list(TARGETS)[1]: theirs / ours}


def _with_datasketch(rows: Sequence[CleanRow]) -> set[int]:
    """As its documentation has it, with the bulk generator, which is its fastest way."""
    index = MinHashLSH(threshold=_SIMILARITY, num_perm=128)
    said = ("\n".join(turn.text for turn in row.turns) for row in rows)
    sets = ([sequence.encode() for sequence in shingles(text)] for text in said)
    found = set()
    for position, sketch in enumerate(MinHash.generator(sets, num_perm=128)):
        if index.query(sketch):
            found.add(position)
        else:
            index.insert(position, sketch)
    return found


def _against_brute_force(rows: Sequence[CleanRow]) -> dict[str, float]:
    wanted = _by_brute_force(rows)
    found = set(near_copies(rows, _SIMILARITY))
    theirs = _with_datasketch(rows)
    say(f"near copies: {len(found)} found, {len(wanted)} by brute force, of {len(rows):,} rows")
    say(f"datasketch: recall {len(theirs & wanted) / len(wanted):.3f} of the same")
    recall, precision = len(found & wanted) / len(wanted), len(found & wanted) / len(found)
    say(f"chatui: recall {recall:.4f}, precision {precision:.4f}")
    return {list(TARGETS)[2]: recall / 0.99, list(TARGETS)[3]: precision}


def _by_brute_force(rows: Sequence[CleanRow]) -> set[int]:
    halves = [[shingles(turn.text) for turn in row.turns] for row in rows]
    holding: dict[str, list[int]] = {}  # rows that stay, by each sequence of their reply
    gone = set()
    for position, (asked, reply) in enumerate(halves):
        near = {other for sequence in reply for other in holding.get(sequence, ())}
        if any(
            jaccard(asked, halves[other][0]) >= _SIMILARITY
            and jaccard(reply, halves[other][1]) >= _SIMILARITY
            for other in near
        ):
            gone.add(position)
            continue
        for sequence in reply:
            holding.setdefault(sequence, []).append(position)
    return gone


def _peak_of_a_process(path: Path, count: int) -> int:
    """Bytes that a process which looks for near copies has at most, all of Python included."""
    offsets = array("Q", [0])
    with path.open("wb") as file:
        for seed in range(count // 100_000):
            for asked, said in pairs(100_000, seed):
                offsets.append(offsets[-1] + file.write(f"{asked}\0{said}".encode()))
            gc.collect()
    path.with_suffix(".offsets").write_bytes(offsets.tobytes())
    command = [sys.executable, "-c", "from data_sides.copies import _look; _look()", str(path)]
    roots = str(Path(__file__).parents[2]), str(Path(__file__).parents[1])
    child = subprocess.run(
        command, stdout=subprocess.PIPE, env={"PYTHONPATH": ":".join(roots)}, check=True
    )
    return int(child.stdout)


def _look() -> None:
    rows = _Filed(Path(sys.argv[1]))
    found = near_copies(rows, _SIMILARITY)
    say(f"{len(found):,} near copies among {len(rows):,} rows")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


class _Filed(Sequence[CleanRow]):
    """Rows in a file, read when they are asked for."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._offsets = array("Q", path.with_suffix(".offsets").read_bytes())

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, at: int) -> CleanRow:
        if at >= len(self):
            raise IndexError(at)
        start, end = self._offsets[at : at + 2]
        self._file.seek(start)
        asked, said = self._file.read(end - start).decode().split("\0")
        turns = (Turn("user", asked), Turn("assistant", said))
        return CleanRow(at + 1, turns, turns)
