"""The journal of a job, and what can be read from a job's folder.

Events are dicts with `kind` and `at` (seconds since the epoch). Kinds that every job uses: `step`
(`step`, `steps`, anything else), `log` (`text`), and one of `finished`, `stopped`, `failed`
(`reason`) at the end. A resumed job journals `resumed` and goes on in the same file.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatui.jobs.process import is_alive
from chatui.workspace import disk_full_in_words, read_json

JobState = Literal["queued", "running", "finished", "stopped", "interrupted", "failed"]
Event = Mapping[str, object]
BEGINNINGS = ("started", "resumed")
ENDINGS = ("finished", "stopped", "failed")
_TAIL = 16_384  # bytes of what was printed that are looked at


class Journal:
    """Append-only events of one job; safe against a kill in the middle of a line."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.jsonl"

    def append(self, kind: str, **fields: object) -> None:
        """Write one event, whole and on disk before this returns."""
        line = json.dumps({"kind": kind, "at": time.time(), **fields}, allow_nan=False) + "\n"
        with disk_full_in_words("the journal"), self.path.open("ab+") as file:
            if _ends_mid_line(file):  # a kill cut the last line: it is skipped, ours must not be
                line = "\n" + line
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def begin(self) -> None:
        """Journal `started`, or `resumed` if the job had begun before."""
        known = {event["kind"] for event in self.events()}
        self.append("resumed" if "started" in known else "started")

    @property
    def is_open(self) -> bool:
        """Whether the job has begun and no end is journalled since."""
        kinds = [e["kind"] for e in self.events() if e["kind"] in (*BEGINNINGS, *ENDINGS)]
        return bool(kinds) and kinds[-1] in BEGINNINGS

    def events(self) -> list[Event]:
        """All whole events, oldest first."""
        return list(self._read())

    def _read(self) -> Iterator[Event]:
        if not self.path.exists():
            return
        for line in self.path.read_bytes().splitlines():
            try:
                yield json.loads(line)
            except ValueError:  # cut by a kill
                continue


class Listener(Journal):
    """The journal as those read it who do not keep it: what they append is not written."""

    def append(self, kind: str, **fields: object) -> None:
        """Leave it to the process that keeps the journal."""


@dataclass(frozen=True, slots=True)
class JobView:
    """How a job stands, read from its folder and nothing else."""

    folder: Path
    kind: str
    state: JobState
    step: int
    steps: int
    started_at: float | None
    ended_at: float | None
    reason: str | None  # why it failed, in plain words
    last_event: str | None
    events: tuple[Event, ...]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("queued", "running")

    @property
    def process_id(self) -> int:
        """Of the worker that does it, or did it last; raises FileNotFoundError before the start."""
        return int(str(read_json(self.folder / "process.json")["pid"]))

    @property
    def seconds(self) -> float:
        """Seconds from the (last) start to the end, or until now."""
        if self.started_at is None:
            return 0.0
        return (self.ended_at or time.time()) - self.started_at

    def of_kind(self, kind: str) -> list[Event]:
        """The events of one kind, oldest first."""
        return [event for event in self.events if event["kind"] == kind]

    def printed(self, lines: int = 30) -> list[str]:
        """The last lines that its worker, or a library in it, has printed."""
        path = self.folder / "worker.log"
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            return file.read().decode(errors="replace").splitlines()[-lines:]

    def seconds_left(self) -> tuple[float, float] | None:
        """A range for the remaining seconds, once five steps show a pace; else None.

        The low end extrapolates the pace of the last quarter of the steps, the high end the
        slower of that and the pace since the first step, with a tenth on top.
        """
        steps = [e for e in self.of_kind("step") if _number(e, "at") >= (self.started_at or 0)]
        if self.state != "running" or len(steps) < 5:
            return None
        paces = []
        for first in (steps[0], steps[-max(2, len(steps) // 4)]):
            done = _number(steps[-1], "step") - _number(first, "step")
            if done <= 0:
                return None
            paces.append((_number(steps[-1], "at") - _number(first, "at")) / done)
        left = max(0, self.steps - self.step)
        return min(paces) * left, max(paces) * left * 1.1


def view_job(folder: Path, is_queued: bool = False) -> JobView:
    """Read how a job stands."""
    events = Journal(folder).events()
    job = read_json(folder / "job.json") if (folder / "job.json").exists() else {}
    step = next((e for e in reversed(events) if e["kind"] == "step"), {})
    starts = [e for e in events if e["kind"] in BEGINNINGS]
    ending = next((e for e in reversed(events) if e["kind"] in (*ENDINGS, *BEGINNINGS)), None)
    ended = ending if ending is not None and ending["kind"] in ENDINGS else None
    last = events[-1] if events else None
    state = _state(folder, is_queued, ended)
    return JobView(
        folder=folder,
        kind=str(job.get("kind", "unknown")),
        state=state,
        step=int(_number(step, "step")),
        steps=int(_number(step, "steps")),
        started_at=_number(starts[-1], "at") if starts else None,
        ended_at=_end_time(state, ended, last),
        reason=str(ended["reason"]) if ended and ended.get("reason") else None,
        last_event=_in_words(last) if last else None,
        events=tuple(events),
    )


def _state(folder: Path, is_queued: bool, ended: Event | None) -> JobState:
    if is_queued:
        return "queued"
    if ended is not None:
        return ended["kind"]  # type: ignore[return-value]
    return "running" if is_alive(folder) else "interrupted"


def _end_time(state: JobState, ended: Event | None, last: Event | None) -> float | None:
    if ended is not None:
        return _number(ended, "at")
    return _number(last, "at") if state == "interrupted" and last else None


def _in_words(event: Event) -> str:
    if event["kind"] == "log":
        return str(event.get("text", ""))
    if event["kind"] == "step":
        return f"step {event.get('step')} of {event.get('steps')}"
    return str(event["kind"])


def _number(event: Event, name: str) -> float:
    value = event.get(name, 0)
    return float(value) if isinstance(value, int | float) else 0.0


def _ends_mid_line(file: object) -> bool:
    size = file.seek(0, os.SEEK_END)  # type: ignore[attr-defined]
    if size == 0:
        return False
    file.seek(size - 1)  # type: ignore[attr-defined]
    return bool(file.read(1) != b"\n")  # type: ignore[attr-defined]
