"""What runs on the machine of Hugging Face: fetch a run, train it, send back what comes of it.

Started there alone, by `uv run`: it knows nothing but the Hub client until the project has come
with the run. The token is in the environment of the job, where the client looks for it.
"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# Of the run's folder; a pattern holds for everything below.
_SENT = ["events.jsonl", "worker.log", "adapter/*", "checkpoints/*"]


def main(arguments: list[str], hub: Any) -> int:
    """Train the run of a repository: REPO RUN SECONDS, with the seconds between two sendings."""
    repo, run, seconds = arguments[0], arguments[1], float(arguments[2])
    root = Path(tempfile.mkdtemp(prefix="chatui-"))
    hub.snapshot_download(repo_id=repo, local_dir=str(root))
    code, folder = root / "code", root / "workspace" / "runs" / run
    (root / "workspace" / "queue").mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(code))
    from chatui.jobs.process import command

    signal.signal(signal.SIGTERM, _leave)
    sender = _Sender(hub, repo, folder)
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            command(folder, "chatui.train.worker"), cwd=code, stdout=log, stderr=log
        )
    try:
        while worker.poll() is None:
            _wait(worker, seconds)
            sender.send()
    finally:
        if worker.poll() is None:  # the job is cancelled, and this may be all the time there is
            worker.terminate()
            _wait(worker, 20)
        sender.send(is_last=True)
    return int(worker.returncode or 0)


class _Sender:
    """Sends the run's folder when its journal has grown."""

    def __init__(self, hub: Any, repo: str, folder: Path) -> None:
        self._hub = hub
        self._repo = repo
        self._folder = folder
        self._sent = -1

    def send(self, is_last: bool = False) -> None:
        """Send what is new; what can't be sent now is sent the next time."""
        journal = self._folder / "events.jsonl"
        size = journal.stat().st_size if journal.exists() else 0
        if size == self._sent and not is_last:
            return
        inside = f"workspace/runs/{self._folder.name}"
        try:
            self._hub.upload_folder(
                repo_id=self._repo,
                folder_path=str(self._folder),
                path_in_repo=inside,
                allow_patterns=_SENT,
                delete_patterns=["checkpoints/*"],  # of which the worker keeps the last two
                commit_message="What has come of it so far",
            )
        except Exception:  # noqa: BLE001 - a file that just went, the network: training goes on
            if is_last:
                raise
            return
        self._sent = size


def _wait(worker: "subprocess.Popen[bytes]", seconds: float) -> None:
    until = time.monotonic() + seconds
    while worker.poll() is None and time.monotonic() < until:
        time.sleep(min(0.5, seconds))


def _leave(number: int, frame: object) -> None:
    raise SystemExit(1)


if __name__ == "__main__":
    from huggingface_hub import HfApi

    sys.exit(main(sys.argv[1:], HfApi()))
