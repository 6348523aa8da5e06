"""How near the estimate of a run's memory is to what a run takes.

    python benchmarks/memory.py [--json]

Four shapes, one of them also with activations computed twice: a worker's own loading, layers and
loss, two steps each, in a process of its own; the most that the process held is compared with
`memory_for`. The estimate may be off by a fifth, so each ratio is 0.2 over its error.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
OFF_AT_MOST = 0.2
# Shape, tokens of a row, rows of a step, checkpointing.
RUNS = (
    ("starter", 60, 32, "off"),
    ("576 wide, 6 layers", 400, 3, "off"),
    ("1024 wide, 4 layers", 100, 16, "off"),
    ("135M", 100, 12, "off"),
    ("135M", 100, 12, "on"),
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        return _measure_here(options.run, options.folder)
    ratios, measured = {}, {}
    for number, (shape, length, rows, checkpointing) in enumerate(RUNS):
        name = f"{shape}, {rows} rows of {length} tokens, checkpointing {checkpointing}"
        measured[name] = found = _in_a_process(number)
        off = abs(found["estimate"] - found["peak"]) / found["peak"]
        ratios[name] = {
            "value": round(OFF_AT_MOST / max(off, 1e-3), 3),
            "target": 1.0,
            "ok": off <= OFF_AT_MOST,
        }
        print(f"{name}: {found}, off by {off:.0%}", file=sys.stderr, flush=True)
    if options.json:
        versions = {name: version(name) for name in ("torch", "transformers", "bitsandbytes")}
        versions["python"] = platform.python_version()
        print(json.dumps({"ratios": ratios, "measured": measured, "versions": versions}))
    return 0 if all(ratio["ok"] for ratio in ratios.values()) else 1


def _in_a_process(number: int) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__)), "--run", str(number), "--folder", folder]
        quiet = {"HF_HUB_OFFLINE": "1", "CHATUI_CACHE": folder, "OMP_NUM_THREADS": "1"}
        for _ in range(2):  # the first one quantises, and the second is what is measured
            child = subprocess.run(
                command, stdout=subprocess.PIPE, env=os.environ | quiet, check=True
            )
    return json.loads(child.stdout.splitlines()[-1])


def _measure_here(number: int, folder: Path) -> int:
    said, sys.stdout = sys.stdout, sys.stderr  # libraries print
    sys.path[:0] = [str(HERE.parent), str(HERE)]
    from training_sides import models
    from training_sides.measuring import peak_of_memory
    from training_sides.ours import train

    from chatui.model.catalog import find_base
    from chatui.model.loading import load_base
    from chatui.train.config import TrainConfig
    from chatui.train.memory import memory_for

    shape, length, rows, checkpointing = RUNS[number]
    models.SHAPES["576 wide, 6 layers"] = models.Shape(576, 1536, 6, 9, 3, 49_152)
    models.SHAPES["1024 wide, 4 layers"] = models.Shape(1024, 4096, 4, 16, 4, 20_000)
    base = models.STARTER_FOLDER if shape == "starter" else folder / "base"
    if not base.exists():
        models.make_base(shape, base)
        load_base(find_base(str(base)))
        return print("{}", file=said) or 0
    draw = random.Random(0)
    made = [
        {
            "ids": [draw.randrange(10, 2000) for _ in range(length)],
            "is_reply": [n >= 0.45 * length for n in range(length)],
        }
        for _ in range(2 * rows)
    ]
    (folder / "rows.json").write_text(json.dumps(made))
    config = TrainConfig(
        batch_size=rows,
        batch_tokens=2048,
        max_length=length,
        activation_checkpointing=checkpointing,
    )
    train(base, folder / "rows.json", rows_per_step=rows, checkpointing=checkpointing, tokens=2048)
    estimate = memory_for(config, find_base(str(base)), lengths=[length] * rows, free_mb=1)
    found = {"estimate": estimate.total_mb, "peak": round(peak_of_memory())}
    print(json.dumps(found), file=said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
