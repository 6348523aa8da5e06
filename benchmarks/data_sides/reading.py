"""Reading, beside pandas and datasets; memory, first preview and Stop of large files.

Times are seconds of CPU of one thread, sides in turn, medians. "Reading" is a file to records in
batches, with every bad row found and every text as it stands in the file; pandas and datasets end
with their tables. Memory is the growth of the peak resident size over what is there after the
imports, in a process of its own; the bound that it has to stay below is the other side.
"""

import csv
import gc
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TARGETS = {
    "jsonl_seconds_vs_pandas": 2.0,
    "csv_seconds_vs_datasets": 0.5,
    "xlsx_seconds_vs_pandas_openpyxl": 5.0,
    "csv_memory_vs_512_mb": 1.0,
    "preview_seconds_vs_2": 1.0,
    "stop_seconds_vs_2": 1.0,
}
_WORDS = (
    "order",
    "late",
    "refund",
    "card",
    "please",
    "help",
    "invoice",
    "account",
    "reset",
    "bike",
)


def measure(folder: Path, quick: bool) -> dict[str, float]:
    """The ratios by the names of TARGETS."""
    rows, rounds = (40_000, 3) if quick else (200_000, 5)
    table, lines, sheet = (folder / f"chats.{kind}" for kind in ("csv", "jsonl", "xlsx"))
    _write(table, lines, rows)
    _write_sheet(sheet, rows // 10)
    large, _ = _write(folder / "large.csv", None, 150_000 if quick else 1_000_000)
    return {
        "jsonl_seconds_vs_pandas": _ratio(
            {"ours": lambda: _read(lines), "pandas": lambda: _pandas_json(lines)}, rounds
        ),
        "csv_seconds_vs_datasets": _ratio(
            {"ours": lambda: _read(table), "datasets": lambda: _datasets_csv(table)}, rounds
        ),
        "xlsx_seconds_vs_pandas_openpyxl": _ratio(
            {"ours": lambda: _read(sheet), "pandas": lambda: _pandas_sheet(sheet)}, rounds
        ),
        "csv_memory_vs_512_mb": 512 / _memory(large),
        "preview_seconds_vs_2": 2 / _preview(large),
        "stop_seconds_vs_2": 2 / _stop(large, folder),
    }


def _write(table: Path, lines: Path | None, rows: int) -> tuple[Path, Path | None]:
    """The same chats as a table and as JSON Lines: some with markup, mojibake, copies, quotes."""
    chance = random.Random(1)
    with table.open("w", newline="", encoding="utf-8") as one:
        other = lines.open("w", encoding="utf-8") if lines else None
        writer = csv.writer(one)
        writer.writerow(["user", "agent"])
        for number in range(rows):
            user = f"{' '.join(chance.choices(_WORDS, k=18))} {number // 2}?"
            agent = f"{' '.join(chance.choices(_WORDS, k=22))}, {number}."
            user = f"<p>{user}</p>" if chance.random() < 0.12 else user
            agent += " donâ€™t" if chance.random() < 0.05 else ""
            agent += '\nsay "hi"' if chance.random() < 0.1 else ""
            writer.writerow([user, agent])
            if other:
                other.write(json.dumps({"user": user, "agent": agent}, ensure_ascii=False) + "\n")
        if other:
            other.close()
    return table, lines


def _write_sheet(path: Path, rows: int) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["user", "agent"])
    for number in range(rows):
        sheet.append([f"Where is order {number}? It is late again.", f"On its way, {number}."])
    book.save(path)


def _read(path: Path) -> int:
    from chatui.data.origins import of_path
    from chatui.data.reading import open_reading

    return sum(len(batch.good) for batch in open_reading(of_path(path)).batches())


def _pandas_json(path: Path) -> int:
    import pandas

    return len(pandas.read_json(path, lines=True))


def _pandas_sheet(path: Path) -> int:
    import pandas

    return len(pandas.read_excel(path, engine="openpyxl"))


def _datasets_csv(path: Path) -> int:
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        found = datasets.load_dataset("csv", data_files=str(path), cache_dir=cache)
        return int(found["train"].num_rows)


def _ratio(sides: dict[str, Callable[[], int]], rounds: int) -> float:
    """The other side's median seconds over ours; both must have read as many rows."""
    rows = {name: side() for name, side in sides.items()}  # also loads what is loaded once
    assert len(set(rows.values())) == 1, rows
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            gc.collect()
            started = time.process_time()
            side()
            found[name].append(time.process_time() - started)
    ours, other = (statistics.median(times) for times in found.values())
    _say(f"{', '.join(sides)}: {ours:.3f} s, {other:.3f} s for {rows['ours']:,} rows")
    return other / ours


def _memory(path: Path) -> float:
    """MB by which a process grows that makes a version of a file."""
    command = [sys.executable, str(Path(__file__).resolve()), "grow", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    grown, rows, seconds = json.loads(done.stdout)
    _say(f"a version of {rows:,} rows: {grown:.0f} MB more, {seconds:.0f} s")
    return float(grown)


def grow(path: Path) -> None:
    """Make a version, and print by how many MB that took the peak up."""
    import ftfy  # noqa: F401 - what is imported anyway is no growth
    import numpy  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    from chatui.data.options import Options
    from chatui.data.prepare import prepare_whole
    from chatui.data.store import DatasetStore
    from chatui.workspace import Workspace

    def peak() -> float:  # not getrusage: there, a child begins with its parent's peak
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    before, started = peak(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        prepared = prepare_whole(path, Options(), path.name, folder=workspace.root)
        view = DatasetStore(workspace).save_prepared(prepared, "large")
    print(json.dumps([peak() - before, view.rows_read, time.monotonic() - started]))


def _preview(path: Path) -> float:
    """Seconds until the page has a draft of a large file."""
    from chatui.data.options import Options
    from chatui.data.prepare import preview_of

    started = time.monotonic()
    draft = preview_of(path, Options(), path.name)
    seconds = time.monotonic() - started
    size = path.stat().st_size / 1e6
    _say(f"a preview of {size:.0f} MB: {draft.rows_read:,} rows in {seconds:.2f} s")
    return seconds


def _stop(path: Path, folder: Path) -> float:
    """Seconds from Stop until a cleaning has ended; nothing may be left."""
    from chatui.data.cleanings import CleaningJob, CleaningStore
    from chatui.data.recipe import Recipe
    from chatui.jobs import Jobs
    from chatui.workspace import Workspace

    workspace = Workspace(folder / "workspace")
    cleanings = CleaningStore(workspace, Jobs(workspace.root))
    job = CleaningJob(path=str(path), file=path.name, name="large", recipe=Recipe())
    cleaning_id = cleanings.start(job)
    while cleanings.view(cleaning_id).rows < 5000:
        time.sleep(0.02)
    started = time.monotonic()
    cleanings.stop(cleaning_id)
    while (view := cleanings.view(cleaning_id)).job.is_active:
        time.sleep(0.01)
    seconds = time.monotonic() - started
    assert view.job.state == "stopped", view
    assert list((workspace.root / "datasets").iterdir()) == []
    _say(f"stopped after {seconds:.2f} s, nothing left")
    return seconds


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    if sys.argv[1:2] == ["grow"]:
        grow(Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as made:
            print(json.dumps(measure(Path(made), quick="--quick" in sys.argv)))
