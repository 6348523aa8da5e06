"""The base model of a run on this disk: downloaded first if it is of the Hub and not here yet."""

import time

from chatui.jobs import Task
from chatui.model.catalog import BaseModel, find_base
from chatui.model.hub import downloaded, hub_model

_TOLD_EVERY = 0.5  # seconds


def base_on_disk(task: Task, name: str) -> BaseModel:
    """The base model of a name; its download is journalled, and ends when Stop is pressed.

    What has arrived by then is not fetched again when the run is resumed. Raises BaseNotReachable.
    """
    base = find_base(name)
    if base.is_local:
        return base
    model = hub_model(base.source)
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
