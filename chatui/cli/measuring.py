"""`train --dry-run`: what a run would take, by five steps of it."""

from chatui.cli.printing import follow, say, show
from chatui.errors import ChatUIError, NotMeasured
from chatui.jobs import JobView
from chatui.model.catalog import find_base
from chatui.services import Services
from chatui.train.config import TrainConfig
from chatui.train.fitting import gigabytes


def dry_run(
    services: Services, dataset: str, config: TrainConfig, base: str, *, as_json: bool
) -> None:
    """Measure five steps, and print the seconds and the memory of the whole run."""
    store = services.runs.forecast.measurements
    name = services.runs.measure(dataset, config, base)

    def view() -> JobView:
        job = store.job(name)
        if job is None:
            raise NotMeasured("it was removed meanwhile")
        return job

    if view().state == "queued":
        before = ", ".join(job.name for job in services.jobs.on_the_device())
        say(f"{before or 'Another job'} has the device: the dry run waits until it has ended.")
    try:
        job = follow(services, view, "dry run")
    except KeyboardInterrupt:
        store.stop(name)
        raise ChatUIError("The dry run was stopped; nothing of it is kept.") from None
    found = store.found(dataset, config, find_base(base))
    if found is None:
        raise NotMeasured(job.reason or f"it is {job.state}")
    fit = services.runs.forecast.fit(dataset, config, find_base(base))
    seconds = found.seconds_of(config)
    result = {
        "steps": found.steps,
        "seconds": seconds,
        "tokens_per_second": found.tokens_per_second,
        "startup_seconds": found.startup_seconds,
        "peak_memory_mb": found.memory_mb,
        "memory": fit.verdict if fit else None,
    }
    text = (
        f"{found.steps} steps were measured: the whole run takes about {seconds:.0f} s and "
        f"{gigabytes(found.memory_mb)} of memory at its peak"
        f"{f' ({fit.verdict})' if fit and fit.verdict else ''}. Nothing was kept."
    )
    show(result, text, as_json)
