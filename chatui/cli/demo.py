"""Walk the whole road on the sample, without a page: what `make demo` runs."""

from chatui.cli.printing import follow, say, table
from chatui.errors import ChatUIError
from chatui.score.catalog import METRICS
from chatui.score.report import Figure, Report
from chatui.services import Services
from chatui.train.presets import QUICK_LOOK, preset

SHOWN_REPLIES = 3


def walk(services: Services) -> tuple[dict[str, object], str]:
    """Train and score on the sample dataset; returns the result as data and as text."""
    dataset = services.datasets.ensure_sample()
    removed = sum(dataset.removed.values())
    say(f"1 Data: {dataset.id}, {dataset.rows_read} read = {dataset.kept} kept + {removed} removed")

    say(f"2 Train: {QUICK_LOOK}")
    run_id = services.runs.start(dataset.id, preset(QUICK_LOOK))
    follow(services, lambda: services.runs.view(run_id).job, run_id)
    run = services.runs.view(run_id)
    say(run.sentence)
    if run.job.state != "finished":
        raise ChatUIError(run.sentence)

    say("3 Score: base and tuned on the locked test items")
    score_id = services.scores.start(run_id)
    job = follow(services, lambda: services.scores.view(score_id).job, score_id)
    report = services.scores.view(score_id).report
    if report is None:
        raise ChatUIError(job.reason or f"{score_id} is {job.state}: there is no report.")

    where = services.scores.report_file(score_id, "md")
    result = {
        "dataset": dataset.id,
        "run": run_id,
        "seconds_to_train": round(run.job.seconds, 1),
        "score": report.summary(),
        "report": str(where),
    }
    text = "\n\n".join([score_table(report), _replies(report), f"The report: {where}"])
    return result, text


def score_table(report: Report) -> str:
    """Base and tuned beside each other, with 95 % intervals, and the verdict."""
    rows = [
        [metric.title, _figure(report.base[metric.name]), _figure(report.tuned[metric.name])]
        for metric in METRICS
        if metric.name in report.base  # one from before this metric was there lacks it
    ]
    head = table(["", "base", "tuned"], rows)
    return f"{head}\n95 % intervals, n = {report.n}\n{report.verdict}\n{report.signature}"


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return f"undefined: {figure.reason}"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.2f}"
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def _replies(report: Report) -> str:
    lines = []
    for item in report.items[:SHOWN_REPLIES]:
        lines += [
            f"user       {item.prompt[-1].text}",
            f"  base     {item.base.reply}",
            f"  tuned    {item.tuned.reply}",
            f"  expected {item.reference}",
        ]
    return "\n".join(lines)
