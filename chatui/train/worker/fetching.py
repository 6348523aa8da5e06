"""The base model of a run on this disk: downloaded first if it is of the Hub and not here yet."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from chatui.jobs import Task
from chatui.model.catalog import BaseModel, find_base
from chatui.model.hub import downloaded, hub_model

_TOLD_EVERY = 0.5  # seconds
_POLL_SECONDS = 0.1
Found = TypeVar("Found")


def base_on_disk(task: Task, name: str) -> BaseModel:
    """The base model of a name; its download is journalled, and ends when Stop is pressed.

    What has arrived by then is not fetched again when the run is resumed. Raises BaseNotReachable.
    """
    base = find_base(name)
    if base.is_local:
        return base
    model = _unless_stopped(task, lambda: hub_model(base.source))
    licence = f"licence {model.licence}"
    task.log(f"Downloading {base.title}: {model.size / 1e6:,.0f} MB, {licence}")
    began, told = time.monotonic(), 0.0
    for arrived in downloaded(model):
        task.raise_if_stopped()
        if time.monotonic() - told > _TOLD_EVERY or arrived.done == arrived.total:
            told = time.monotonic()
            task.journal.append("download", done=arrived.done, total=arrived.total)
    task.log(
        f"{base.title} is here after {time.monotonic() - began:.0f} s, commit {model.sha[:12]}"
    )
    return find_base(name)


def _unless_stopped(task: Task, ask: Callable[[], Found]) -> Found:
    """What is asked of a network, which may not answer for long; Stop does not wait for it."""
    answers: list[Found] = []
    problems: list[Exception] = []

    def work() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            problems.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        task.raise_if_stopped()
        thread.join(_POLL_SECONDS)
    for problem in problems:
        raise problem
    return answers[0]
