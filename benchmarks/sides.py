"""What benchmarks share whose sides run in processes of their own: start one, judge, tell."""

import json
import os
import platform
import subprocess
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
EASED = 0.8  # of each target, with --quick


def parser(about: str | None) -> ArgumentParser:
    """The options that these benchmarks share; `about` is the script's docstring."""
    found = ArgumentParser(description=about, formatter_class=RawDescriptionHelpFormatter)
    found.add_argument("--quick", action="store_true", help="one round, targets at 0.8")
    found.add_argument("--json", action="store_true", help="one object on stdout")
    found.add_argument("--gpu", action="store_true", help="on the first CUDA device")
    found.add_argument("--shape", action="append", metavar="NAME")
    found.add_argument("--side", help=SUPPRESS)
    found.add_argument("--folder", type=Path, help=SUPPRESS)
    return found


def ratio(value: float, target: float) -> dict[str, object]:
    """A figure, what it should be at least, and whether it is."""
    return {"value": round(value, 3), "target": round(target, 3), "ok": value >= target}


def run_side(
    shape: str, side: str, folder: Path, options: Namespace, *, threads: str = "1"
) -> dict:
    """What a side says that runs as this script with `--side SIDE`."""
    command = [sys.executable, sys.argv[0], "--side", side, "--folder", str(folder)]
    command += ["--shape", shape, *(["--gpu"] if options.gpu else [])]
    command += ["--quick"] if options.quick else []
    quiet = {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE", "CHATUI_CACHE": str(folder)}
    if not options.gpu:
        quiet |= {"OMP_NUM_THREADS": threads, "CUDA_VISIBLE_DEVICES": ""}
    child = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | quiet, check=False)
    if child.returncode:
        raise SystemExit(f"{shape}, {side}: it failed")
    return json.loads(child.stdout.splitlines()[-1])


def answer_here(side: Callable[[], dict]) -> int:
    """The child's part: only its answer goes to stdout."""
    said, sys.stdout = sys.stdout, sys.stderr  # libraries print
    sys.path[:0] = [str(HERE.parent), str(HERE)]
    print(json.dumps(side()), file=said)
    return 0


def tell(result: dict[str, dict], as_json: bool) -> int:
    """Print the result; the exit status says whether every target is met."""
    if as_json:
        print(json.dumps(result))
    else:
        for name, found in result["ratios"].items():
            verdict = "ok      " if found["ok"] else "MISSED  "
            print(f"{verdict} {name}: {found['value']}, target {found['target']}")
    return 0 if all(found["ok"] for found in result["ratios"].values()) else 1


def versions(*names: str) -> dict[str, str]:
    """Of Python and of packages."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
