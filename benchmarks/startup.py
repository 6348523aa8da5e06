"""How long until the page answers, beside a bare Gradio page.

    python benchmarks/startup.py [--quick] [--json]

Each side is a fresh process, timed from its start to the first complete answer of its page; the two
sides take turns, and the medians are compared. Peer: a Gradio Blocks page with one Markdown in it.
"""

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = 1.5
BARE = """
import sys, gradio as gr
with gr.Blocks() as page:
    gr.Markdown("hello")
page.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True, ssr_mode=False)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three rounds, target at 0.8")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    options = parser.parse_args()
    rounds = 3 if options.quick else 9
    target = TARGET / 0.8 if options.quick else TARGET

    with tempfile.TemporaryDirectory() as folder:
        ours, bare = [], []
        _time_chatui(Path(folder))  # makes the workspace: a first start is timed apart
        for number in range(rounds):
            ours.append(_time_chatui(Path(folder)))
            bare.append(_time_bare())
            print(f"round {number + 1}: {ours[-1]:.2f} s, bare {bare[-1]:.2f} s", file=sys.stderr)
    ratio = statistics.median(ours) / statistics.median(bare)
    result = {
        "ratios": {
            "seconds to the page, over a bare Gradio page": {
                "value": round(ratio, 3),
                "target": round(target, 3),
                "ok": ratio <= target,
            }
        },
        "seconds": {
            "chatui": round(statistics.median(ours), 2),
            "bare": round(statistics.median(bare), 2),
        },
        "versions": {"gradio": version("gradio"), "python": platform.python_version()},
    }
    if options.json:
        print(json.dumps(result))
    else:
        print(f"chatui {result['seconds']['chatui']} s, bare {result['seconds']['bare']} s")
        print(f"ratio {ratio:.2f}, target at most {target:.2f}")
    return 0 if ratio <= target else 1


def _time_chatui(workspace: Path) -> float:
    port = _free_port()
    settings = {"CHATUI_WORKSPACE": str(workspace), "CHATUI_PORT": str(port)}
    return _time([sys.executable, str(ROOT / "app.py")], port, settings)


def _time_bare() -> float:
    port = _free_port()
    return _time([sys.executable, "-c", BARE, str(port)], port, {})


def _time(command: list[str], port: int, settings: dict[str, str]) -> float:
    quiet = {"GRADIO_ANALYTICS_ENABLED": "False"}
    started = time.perf_counter()
    server = subprocess.Popen(
        command,
        env=os.environ | quiet | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _page_is_up(port):
            if server.poll() is not None:
                raise SystemExit(f"{command[:2]} ended before its page was up")
            time.sleep(0.02)
        return time.perf_counter() - started
    finally:
        server.terminate()
        server.wait()


def _page_is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            return b"gradio" in answer.read()
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
