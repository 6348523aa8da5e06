"""Train a run on Hugging Face Jobs, and bring back what comes of it: `python -m …remote RUN_DIR`.

Dataset version, options and the project itself go to a private repository of the Hub; a job there
trains (`remote_script.py`) and sends journal and adapter back to it; this process, a job like any
other, fetches them into the run's folder, so that the page shows the run as if it were here. The
token is handed over as the job's secret, and is written nowhere.
"""

import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import chatui
from chatui.errors import JobElsewhereFailed, NoHubToken, NotOnTheHub
from chatui.jobs import JobStopped, Journal, Task, describe, run_job
from chatui.jobs.journal import BEGINNINGS, ENDINGS
from chatui.settings import load_settings, quiet_environment
from chatui.train import remote_script
from chatui.train.record import RunRecord, adapter_folder, first_adapter_folder
from chatui.train.remote_hub import Hub, hub_failures, in_words
from chatui.workspace import read_json, write_json

WORKER = "chatui.train.worker"
_PACKAGE = Path(chatui.__file__).parent
# Requirements of the page, the scores and the database, which training does without.
_NOT_NEEDED = ("gradio", "evaluate", "sacrebleu", "krippendorff", "sqlalchemy", "alembic", "typer")
_NO_CODE = ["__pycache__/*", "*.pyc"]
_SENDS_EVERY = 60.0  # seconds; the Hub takes about two commits a minute of one repository
_LOOKS_EVERY = 15.0
_OVER = ("COMPLETED", "CANCELED", "ERROR", "DELETED")
_MOST_FAILURES = 40  # looks in a row that the Hub did not answer: ten minutes


class Elsewhere(BaseModel, extra="forbid"):
    """Where a run is trained: `remote.json` in its folder."""

    flavor: str  # of the machine, as Hugging Face calls it: a10g-small
    hours: float = 12.0  # after which Hugging Face ends the job
    repo: str | None = None
    job: str | None = None
    known: int = 0  # events that there were when the job was started: an earlier one's

    def write(self, run: Path) -> None:
        """Write it into a run's folder."""
        write_json(run / "remote.json", self.model_dump())

    @classmethod
    def read(cls, run: Path) -> "Elsewhere":
        """Read it from a run's folder."""
        return cls.model_validate(read_json(run / "remote.json"))


class Watch:
    """One run that is trained elsewhere, seen from here."""

    def __init__(
        self,
        task: Task,
        hub: Hub,
        token: str,
        *,
        sends: float = _SENDS_EVERY,
        looks: float = _LOOKS_EVERY,
    ) -> None:
        self._task = task
        self._hub = hub
        self._token = token
        self._sends = sends
        self._looks = looks
        self._where = Elsewhere.read(task.folder)
        self._inside = f"workspace/runs/{task.folder.name}"
        self._failures = 0  # looks in a row

    def train(self) -> None:
        """Start the job, or find it again, and stay until it has ended.

        Raises JobStopped, JobElsewhereFailed, or NotOnTheHub. Stop cancels the job; whatever else
        ends this process leaves it alone, and a resumed run finds it again.
        """
        try:
            with in_words():
                if not self._is_running():
                    self._send()
                    self._start()
            while not self._task.should_stop:
                stage, ending = self._look()
                if ending is not None or stage in _OVER:
                    self._end(ending, stage)
                    return
                self._wait()
            raise JobStopped
        except JobStopped:
            if self._task.should_stop and self._where.job:
                self._cancel()
            raise

    def _look(self) -> tuple[str, dict[str, Any] | None]:
        """Where the job stands, and how the run has ended, if it has."""
        try:
            stage, ending = self._stage(), self._fetch()
        except hub_failures() as error:
            self._failures += 1
            if self._failures == 1:
                self._task.log("The Hub does not answer; it is asked again")
            if self._failures > _MOST_FAILURES:
                raise NotOnTheHub(str(error)) from error
            return "", None
        self._failures = 0
        return stage, ending

    def _is_running(self) -> bool:
        return self._where.job is not None and self._stage() not in _OVER

    def _send(self) -> None:
        """Make the repository if there is none yet, and fill it."""
        run, record = self._task.folder, RunRecord.read(self._task.folder)
        if self._where.repo is None:
            name = f"chatui-{run.name}-{secrets.token_hex(4)}"
            self._where.repo = f"{self._hub.whoami()['name']}/{name}"
            self._where.write(run)
        repo = self._where.repo
        self._hub.create_repo(repo, private=True, exist_ok=True)
        self._task.log(f"Sending dataset and options to the private repository {repo}")
        dataset = run.parent.parent / "datasets" / record.dataset
        with _bundle(run, record) as bundle:
            for folder, inside in (
                (_PACKAGE, "code/chatui"),
                (dataset, f"workspace/datasets/{record.dataset}"),
                (bundle, self._inside),
            ):
                self._hub.upload_folder(
                    repo_id=repo,
                    folder_path=str(folder),
                    path_in_repo=inside,
                    commit_message=f"{run.name}: {inside}",
                    ignore_patterns=_NO_CODE,
                )

    def _start(self) -> None:
        self._fetch()
        self._where.known = len(Journal(self._there).events())
        job = self._hub.run_uv_job(
            remote_script.__file__,
            script_args=[str(self._where.repo), self._task.folder.name, str(self._sends)],
            dependencies=dependencies(),
            secrets={"HF_TOKEN": self._token},
            flavor=self._where.flavor,
            timeout=f"{round(self._where.hours * 3600)}s",
        )
        self._where.job = str(job.id)
        self._where.write(self._task.folder)
        self._task.log(f"Waiting for {self._where.flavor}: {job.url}")

    def _stage(self) -> str:
        stage = self._hub.inspect_job(job_id=str(self._where.job)).status.stage
        return str(getattr(stage, "value", stage))

    def _fetch(self) -> dict[str, Any] | None:
        """Copy what is new in the journal there, and a better adapter; how it ended, if it has."""
        names = [f"{self._inside}/events.jsonl", f"{self._inside}/adapter/*"]
        self._hub.snapshot_download(
            str(self._where.repo),
            local_dir=str(self._task.folder / "fetched"),
            allow_patterns=names,
        )
        events = Journal(self._there).events()
        known = {(e["kind"], e["at"]) for e in self._task.journal.events()}
        new: list[dict[str, Any]] = [dict(e) for e in events if (e["kind"], e["at"]) not in known]
        for event in new:
            if event["kind"] not in (*BEGINNINGS, *ENDINGS):
                self._task.journal.append(**event)
        if any(e["kind"] == "evaluation" and e.get("best") for e in new):
            self._take_adapter()
        endings = [e for e in events[self._where.known :] if e["kind"] in ENDINGS]
        if endings:
            self._take_adapter()
        return dict(endings[-1]) if endings else None

    @property
    def _there(self) -> Path:
        """The run's folder there, as it was fetched last."""
        return self._task.folder / "fetched" / self._inside

    def _take_adapter(self) -> None:
        """Replace the adapter here; weights last, which is what makes one."""
        found = self._there / "adapter"
        if (found / "adapter_model.safetensors").exists():
            target = adapter_folder(self._task.folder)
            target.mkdir(exist_ok=True)
            for name in ("adapter_config.json", "adapter_model.safetensors"):
                shutil.copyfile(found / name, target / f".{name}")
                (target / f".{name}").replace(target / name)

    def _cancel(self) -> None:
        with in_words():
            self._hub.cancel_job(job_id=str(self._where.job))
        self._task.log("The job on Hugging Face is cancelled")
        self._look()  # for what it has sent last

    def _end(self, ending: dict[str, Any] | None, stage: str) -> None:
        if ending is None:
            ending = self._fetch()  # sent between the two looks
        if ending is None:
            said = list(self._hub.fetch_job_logs(job_id=str(self._where.job)))[-20:]
            raise JobElsewhereFailed(stage, said)
        if ending["kind"] == "stopped":
            raise JobStopped
        if ending["kind"] == "failed":
            raise JobElsewhereFailed(stage, [str(ending.get("reason"))])
        shutil.rmtree(self._task.folder / "fetched", ignore_errors=True)

    def _wait(self) -> None:
        until = time.monotonic() + self._looks
        while time.monotonic() < until and not self._task.should_stop:
            time.sleep(min(0.2, self._looks))


def dependencies() -> list[str]:
    """What training needs of the project's requirements, with the versions that are used here."""
    lines = (_PACKAGE.parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and line.partition("==")[0] not in _NOT_NEEDED]


@contextmanager
def _bundle(run: Path, record: RunRecord) -> Iterator[Path]:
    """What of a run's folder a worker needs to begin, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record.write(folder)
        describe(folder, "train", WORKER, record.processes)
        if (began := first_adapter_folder(run)).exists():
            shutil.copytree(began, first_adapter_folder(folder))
        yield folder


def watch(task: Task) -> None:
    """Train the run of a job elsewhere; raises NoHubToken where nobody is named."""
    from huggingface_hub import HfApi, get_token

    settings = load_settings()
    token = settings.hub_token.get_secret_value() if settings.hub_token else get_token()
    if not token:
        raise NoHubToken
    Watch(task, HfApi(endpoint=settings.hub, token=token), token).train()


if __name__ == "__main__":
    quiet_environment()
    sys.exit(run_job(Path(sys.argv[1]), watch))
