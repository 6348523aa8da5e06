"""What the data stage does beside the libraries that people would do it with.

    python benchmarks/data.py [--quick] [--json] [--only NAME]

Runs each module of benchmarks/data_sides/ in a process of its own, with one thread. A module has
`TARGETS`, what each of its ratios has to reach, and `measure(folder, quick)`, which gives the
ratios by the same names: "the other over ours" for seconds and bytes, so more is better. Where a
peer is not installed it gives the reason instead of a number: "skipped", which is never ok. Targets
named in its `EXACT`, shares that must be whole, are not eased by --quick. The sides take turns,
medians are compared, and details go to stderr.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
SIDES = sorted(p.stem for p in (HERE / "data_sides").glob("*.py") if p.stem[0] != "_")
EASED = 0.8  # of each target, with --quick
ONE_THREAD = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
_PEERS = (
    *("pandas", "datasets", "datatrove", "datasketch", "openpyxl", "langid", "presidio-analyzer"),
    *("transformers", "tokenizers", "pyarrow", "ftfy", "py3langid", "phonenumbers"),
)


def main() -> int:
    options = _options()
    if options.side:
        return _measure_here(options.side, options.quick)
    ratios = {}
    for name in options.only or SIDES:
        ratios |= _judged(name, options.quick)
    result = {"ratios": ratios, "versions": _versions()}
    if options.json:
        print(json.dumps(result))
    else:
        for name, ratio in ratios.items():
            print(_in_words(name, ratio))
    return 0 if all(ratio["ok"] for ratio in ratios.values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows, targets at 0.8")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    parser.add_argument("--only", action="append", choices=SIDES, metavar="NAME", help=str(SIDES))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure_here(name: str, quick: bool) -> int:
    """The child's part: measure one module, and say the targets and what was found."""
    said = sys.stdout
    sys.stdout = sys.stderr  # libraries print
    sys.path[:0] = [str(HERE.parent), str(HERE)]
    side = importlib.import_module(f"data_sides.{name}")
    with tempfile.TemporaryDirectory() as folder:
        found = side.measure(Path(folder), quick)
    exact = getattr(side, "EXACT", ())
    print(json.dumps({"targets": side.TARGETS, "found": found, "exact": exact}), file=said)
    return 0


def _judged(name: str, quick: bool) -> dict[str, dict[str, object]]:
    print(f"-- {name}", file=sys.stderr, flush=True)
    command = [sys.executable, str(Path(__file__)), "--side", name]
    command += ["--quick"] if quick else []
    child = subprocess.run(
        command, stdout=subprocess.PIPE, env=os.environ | ONE_THREAD, check=False
    )
    if child.returncode:
        return {name: {"value": None, "target": None, "ok": False, "skipped": "it failed"}}
    answer = json.loads(child.stdout)
    found, exact = answer["found"], answer["exact"]
    return {
        ratio: _one(
            found.get(ratio, "not measured"),
            target * (EASED if quick and ratio not in exact else 1),
        )
        for ratio, target in answer["targets"].items()
    }


def _one(value: float | str, target: float) -> dict[str, object]:
    target = round(target, 3)
    if isinstance(value, str):
        return {"value": None, "target": target, "ok": False, "skipped": value}
    return {"value": round(value, 3), "target": target, "ok": value >= target}


def _in_words(name: str, ratio: dict[str, object]) -> str:
    if "skipped" in ratio:
        return f"skipped  {name}: {ratio['skipped']}"
    verdict = "ok      " if ratio["ok"] else "MISSED  "
    return f"{verdict} {name}: {ratio['value']}, target {ratio['target']}"


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PEERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


if __name__ == "__main__":
    sys.exit(main())
