"""Long work that outlives the page: a detached process and its journal on disk.

A job is a folder. `job.json` says what to run, `events.jsonl` what happened (append-only),
`process.json` who does it, `heartbeat` that it still breathes, `worker.log` what it printed and
`stop` that somebody wants it to end. Whoever wants to know how a job stands reads the folder.
"""

from chatui.jobs.journal import Event, JobState, JobView, Journal, view_job
from chatui.jobs.queue import Jobs, describe
from chatui.jobs.worker import JobStopped, Task, run_job

__all__ = [
    "Event",
    "JobState",
    "JobStopped",
    "JobView",
    "Jobs",
    "Journal",
    "Task",
    "describe",
    "run_job",
    "view_job",
]
