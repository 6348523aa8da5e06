"""A Hub in a folder, with the functions of `huggingface_hub.HfApi`; its jobs are processes here.

Each call is held against the installed library: what that would not take, this does not take. Run
as a module, it is the machine of such a job.
"""

import fnmatch
import inspect
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub._jobs_api import JobInfo

OWNER = "somebody"


def as_in_the_library(method: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a call that the real method would refuse."""
    real = inspect.signature(getattr(HfApi, method.__name__))

    @wraps(method)
    def checked(self: "StandIn", *args: Any, **options: Any) -> Any:
        real.bind(self, *args, **options)
        self.calls.append((method.__name__, options))
        return method(self, *args, **options)

    return checked


class StandIn:
    """The Hub: repositories are folders, a job is a process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.jobs: dict[str, subprocess.Popen[bytes]] = {}
        self.cancelled: set[str] = set()

    @as_in_the_library
    def whoami(self) -> dict[str, Any]:
        return {"name": OWNER}

    @as_in_the_library
    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> str:
        assert private
        (self.root / repo_id).mkdir(parents=True, exist_ok=exist_ok)
        return repo_id

    @as_in_the_library
    def upload_folder(
        self,
        *,
        repo_id: str,
        folder_path: str,
        path_in_repo: str,
        commit_message: str,
        allow_patterns: list[str] | None = None,
        ignore_patterns: list[str] | None = None,
        delete_patterns: list[str] | None = None,
    ) -> None:
        target = self.root / repo_id / path_in_repo
        for old in _files(target, delete_patterns or []):
            (target / old).unlink()
        ignored = _files(Path(folder_path), ignore_patterns or [])
        for name in _files(Path(folder_path), allow_patterns or ["*"]):
            if name not in ignored:
                _copy(Path(folder_path) / name, target / name)

    @as_in_the_library
    def snapshot_download(
        self, repo_id: str, *, local_dir: str, allow_patterns: list[str] | None = None
    ) -> str:
        for name in _files(self.root / repo_id, allow_patterns or ["*"]):
            _copy(self.root / repo_id / name, Path(local_dir) / name)
        return local_dir

    @as_in_the_library
    def run_uv_job(
        self,
        script: str,
        *,
        script_args: list[str],
        dependencies: list[str],
        secrets: dict[str, str],
        flavor: str,
        timeout: str,
    ) -> JobInfo:
        job = f"job{len(self.jobs) + 1}"
        with (self.root / f"{job}.log").open("wb") as log:
            self.jobs[job] = subprocess.Popen(
                [sys.executable, "-m", __name__, str(self.root), script, *script_args],
                env={**os.environ, **secrets, "CHATUI_JOB_OF_A_TEST": "1"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._info(job)

    @as_in_the_library
    def inspect_job(self, *, job_id: str) -> JobInfo:
        return self._info(job_id)

    @as_in_the_library
    def fetch_job_logs(self, *, job_id: str) -> list[str]:
        return (self.root / f"{job_id}.log").read_text().splitlines()

    @as_in_the_library
    def cancel_job(self, *, job_id: str) -> None:
        self.cancelled.add(job_id)
        self.jobs[job_id].send_signal(signal.SIGTERM)
        self.jobs[job_id].wait()

    def close(self) -> None:
        """End the jobs that still run."""
        for job in self.jobs.values():
            if job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
            job.wait()

    def _info(self, job: str) -> JobInfo:
        status = self.jobs[job].poll()
        stage = "RUNNING" if status is None else "ERROR" if status else "COMPLETED"
        stage = "CANCELED" if job in self.cancelled else stage
        owner = {"id": "1", "name": OWNER, "type": "user"}
        return JobInfo(id=job, owner=owner, status={"stage": stage})


def _files(folder: Path, patterns: list[str]) -> list[str]:
    names = [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()]
    return [name for name in names if any(fnmatch.fnmatch(name, p) for p in patterns)]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


if __name__ == "__main__":
    root, script, *arguments = sys.argv[1:]
    sys.path.remove(str(Path.cwd()))  # the project has to come with the run
    sys.exit(runpy.run_path(script)["main"](arguments, StandIn(Path(root))))
