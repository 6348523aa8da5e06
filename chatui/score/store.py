"""The scores of a workspace: start one, see how it stands, read its report.

A score is a job folder: `config.json` (what to measure), `likelihoods.jsonl`, `report.json` and
`report.md`; its replies lie with the frozen replies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from chatui.conversation import SPLITS, RunId, ScoreId, Split
from chatui.data.store import DatasetStore
from chatui.errors import NotFound, NotScorable
from chatui.jobs import Jobs, JobView
from chatui.model.decoding import Decoding
from chatui.replies.job import in_seeded_order
from chatui.score.comparison import primary_metric
from chatui.score.config import SYSTEMS, MetricName, ScoreConfig, System
from chatui.score.report import Report, from_json
from chatui.train.runs import RunStore
from chatui.train.view import RunView
from chatui.workspace import Workspace, read_json, write_json

WORKER = "chatui.score.worker"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a score has come with one system; the perplexity is of what is done so far."""

    likelihoods: int = 0
    replies: int = 0
    items: int = 0
    perplexity: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a score of a run would measure."""

    dataset: str
    items: int
    primary: MetricName


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A score and how it stands."""

    id: ScoreId
    config: ScoreConfig
    job: JobView
    progress: dict[System, Progress]
    report: Report | None

    @property
    def run(self) -> RunId:
        """The run that is scored."""
        return RunId(self.config.run)


class ScoreStore:
    """Start and read scores."""

    def __init__(
        self, workspace: Workspace, jobs: Jobs, datasets: DatasetStore, runs: RunStore
    ) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._datasets = datasets
        self._runs = runs
        self._primaries: dict[tuple[str, Split], MetricName] = {}  # versions never change

    def start(
        self,
        run_id: str,
        split: str = "test",
        limit: int | None = None,
        *,
        decoding: Decoding | None = None,
        key: str | None = None,
    ) -> ScoreId:
        """Score a run against its base, as a job; two starts with the same `key` are one.

        `limit` takes so many items in a seeded order. Raises NotScorable with the reason.
        """
        config = self._config(run_id, _split(split), limit, decoding or Decoding())
        make_folder = self._folder_maker(config)
        return ScoreId(self._jobs.submit("score", WORKER, make_folder, key=key).name)

    def view(self, score_id: str) -> ScoreView:
        """How a score stands, with its report once there is one."""
        folder = self._workspace.existing("scores", score_id)
        job = self._jobs.view(folder)
        return ScoreView(
            id=ScoreId(score_id),
            config=ScoreConfig.of_folder(folder),
            job=job,
            progress=_progress(job),
            report=_report(folder),
        )

    def all(self) -> list[ScoreView]:
        """All scores, oldest first."""
        names = self._workspace.names("scores")
        # A score that is being made has no config yet.
        made = (self._workspace.folder("scores", name) / "config.json" for name in names)
        return [self.view(path.parent.name) for path in made if path.exists()]

    def of_run(self, run_id: str) -> list[ScoreView]:
        """The scores of a run, oldest first."""
        return [view for view in self.all() if view.run == run_id]

    def stop(self, score_id: str) -> None:
        """Ask a score to stop; what it has measured stays."""
        self._jobs.stop(self._workspace.existing("scores", score_id))

    def resume(self, score_id: str) -> None:
        """Go on with a score that was stopped, interrupted or has failed."""
        self._jobs.resume(self._workspace.existing("scores", score_id))

    def delete(self, score_id: str) -> None:
        """Remove a score and its report; frozen replies stay."""
        self._jobs.refuse_if_active(self._workspace.existing("scores", score_id))
        self._workspace.delete("scores", score_id)

    def plan(self, run_id: str, split: Split = "test") -> Plan:
        """What a score of this run would measure, whether it can be started or not."""
        dataset = self._runs.view(run_id).dataset
        if (dataset, split) not in self._primaries:
            items = self._datasets.conversations(dataset, split)
            self._primaries[dataset, split] = primary_metric([each.reference for each in items])
        count = self._datasets.view(dataset).splits[split]
        return Plan(dataset, count, self._primaries[dataset, split])

    def why_not(self, run_id: str, split: Split = "test") -> str | None:
        """Why a run can't be scored now, as a sentence; None if it can."""
        try:
            self._scorable(run_id, split)
        except NotScorable as error:
            return str(error)
        return None

    def report_file(self, score_id: str, ending: str) -> Path:
        """The report as a file that may be downloaded: `json` or `md`."""
        folder = self._workspace.existing("scores", score_id)
        source, target = folder / f"report.{ending}", self._exported(score_id, ending)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.write_bytes(source.read_bytes())
        return target

    def _exported(self, score_id: str, ending: str) -> Path:
        return self._workspace.exports / f"score-{score_id}.{ending}"

    def _config(
        self, run_id: str, split: Split, limit: int | None, decoding: Decoding
    ) -> ScoreConfig:
        run, adapter, digest = self._scorable(run_id, split)
        if limit is not None and limit < 1:
            raise NotScorable(run_id, "a limit of at least one item is needed")
        dataset = self._datasets.view(run.dataset)
        items = in_seeded_order(self._datasets.conversations(run.dataset, split), seed=0)
        chosen = items[:limit]
        return ScoreConfig(
            run=run_id,
            dataset=run.dataset,
            split=split,
            test_hash=dataset.split_hashes[split],
            base=run.base,
            adapter=adapter.resolve().relative_to(self._workspace.root).as_posix(),
            adapter_hash=digest,
            decoding=decoding,
            primary=primary_metric([item.reference for item in chosen]),
            limit=limit,
            items=tuple(item.id for item in chosen),
        )

    def _scorable(self, run_id: str, split: Split) -> tuple[RunView, Path, str]:
        """A run that is at rest, with its adapter; refuses one without adapter or test items."""
        run = self._runs.view(run_id)
        if run.job.is_active:
            raise NotScorable(run.id, "it is still training. Wait until it has ended, or stop it")
        if run.adapter is None or run.adapter_hash is None:
            raise NotScorable(
                run.id, "it has no adapter. Resume it until its first checkpoint, or train again"
            )
        if not self._datasets.view(run.dataset).splits[split]:
            raise NotScorable(run.id, f"its dataset version has no {split} items")
        return run, run.adapter, run.adapter_hash

    def _folder_maker(self, config: ScoreConfig) -> Callable[[], Path]:
        def make_folder() -> Path:
            folder = self._workspace.new_folder("scores", "s")
            write_json(folder / "config.json", config.model_dump(mode="json"))
            return folder

        return make_folder


def _split(name: str) -> Split:
    for split in SPLITS:
        if split == name:
            return split
    raise NotFound("split", name, list(SPLITS))


def _progress(job: JobView) -> dict[System, Progress]:
    """From the journal: the latest step of each pass."""
    latest = {(event.get("system"), event.get("doing")): event for event in job.of_kind("step")}

    def of(system: System) -> Progress:
        likelihoods = latest.get((system, "likelihoods"), {})
        replies = latest.get((system, "replies"), {})
        perplexity = likelihoods.get("perplexity")
        return Progress(
            likelihoods=int(str(likelihoods.get("done", 0))),
            replies=int(str(replies.get("done", 0))),
            items=int(str(likelihoods.get("of", 0))),
            perplexity=perplexity if isinstance(perplexity, float) else None,
        )

    return {system: of(system) for system in SYSTEMS}


def _report(folder: Path) -> Report | None:
    path = folder / "report.json"
    return _read_report(path, path.stat().st_mtime_ns) if path.exists() else None


@lru_cache(maxsize=16)
def _read_report(path: Path, changed: int) -> Report:
    """Read once while the file stays the same: the page asks every two seconds."""
    return from_json(read_json(path))
