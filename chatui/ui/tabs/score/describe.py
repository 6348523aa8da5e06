"""Put scores into words, tables and drawings: from views and reports to safe HTML.

Whatever a dataset or a model wrote is escaped here.
"""

from html import escape

from chatui.score.catalog import TITLES, Metric
from chatui.score.config import SYSTEMS
from chatui.score.groups import value_of
from chatui.score.readable import (
    account,
    difference_in_words,
    figure_in_words,
    measured,
    memory,
)
from chatui.score.report import SIGNS, Figure, ItemFigures, Report, Verdict
from chatui.score.store import Plan, ScoreView
from chatui.statistics import Interval
from chatui.ui.charts import (
    BASE_COLOUR,
    TUNED_COLOUR,
    IntervalRow,
    as_details,
    diff_html,
    html_table,
    interval_plot,
    number,
)
from chatui.ui.errors import error_card
from chatui.ui.frame import conversation_html, job_card
from chatui.ui.tabs.score import drawing

ITEM_COLUMNS = ("Item", "Change", "base", "tuned", "Question")
_LIMITS = (
    "BLEU and chrF2 count shared words and letters with one reference: a good reply in other words "
    "scores low. Perplexity says how likely the references are, not how good the replies are. "
    "The test items come from the same source as the training data, so other questions may go "
    "differently. Blind ratings by people say what none of these can: go on to Rate."
)


def planned(plan: Plan) -> str:
    """What a score will measure, before it starts."""
    return (
        f'<div class="chatui-card"><b>{plan.items} locked test items</b> of '
        f"{escape(plan.dataset)}. Primary metric: {TITLES[plan.primary]} (fixed once started)."
        '<div class="chatui-muted">Base and tuned are one loaded model with the adapter off and '
        "on; both answer the same items in the same way.</div></div>"
    )


def empty(sentence: str) -> str:
    """What to do first; nothing if there is nothing to say."""
    if not sentence:
        return ""
    return f'<div class="chatui-note">{escape(sentence)}</div>'


def running(view: ScoreView) -> str:
    """The job card of a score that is not finished, with what is known so far."""
    titles = {
        "queued": f"{view.id} waits for its turn to score {view.run}",
        "running": f"{view.id} is scoring {view.run}",
        "stopped": f"{view.id} was stopped; what it has measured is kept",
        "interrupted": f"{view.id} was interrupted; what it has measured is kept",
        "failed": f"{view.id} has failed",
    }
    title = titles.get(view.job.state, f"{view.id} has scored {view.run}")
    failure = error_card(view.job.reason or "") if view.job.state == "failed" else ""
    return job_card(view.job, title) + failure + _so_far(view)


def _so_far(view: ScoreView) -> str:
    """Items done for base and for tuned; a figure is called partial until all items are in."""
    lines = []
    for system in SYSTEMS:
        done = view.progress[system]
        of = done.items or len(view.config.items or ())
        said = f"{done.likelihoods} of {of} items read, {done.replies} of {of} answered"
        if done.perplexity is not None:
            partial = " (partial)" if done.likelihoods < of else ""
            said += f", perplexity {number(done.perplexity)}{partial}"
        lines.append(f"<div><b>{system}</b> {said}</div>")
    return f'<div style="padding: 8px 16px">{"".join(lines)}</div>'


def verdict(report: Report) -> str:
    """The answer in one line, and what the other metrics say in another."""
    said: dict[Verdict, list[str]] = {}
    for each in measured(report)[1:]:
        said.setdefault(report.differences[each.name].verdict, []).append(each.title)
    others = "; ".join(
        f"{sign} {name}: {', '.join(said[name])}" for name, sign in SIGNS.items() if name in said
    )
    return (
        '<div class="chatui-card" role="status">'
        '<div style="font-size: 1.25em; font-weight: 600; line-height: 1.4">'
        f"{escape(report.verdict)}</div>"
        f'<div class="chatui-muted">{escape(others)}. {escape(account(report))}</div>'
        f"{_warning(memory(report))}</div>"
    )


def figures(report: Report) -> str:
    """The interval plot of the leading metrics, the primary one first, and a table of all."""
    found = measured(report)
    leading = [each for each in found if each.leads or each.name == report.primary]
    rows = [row for each in leading if (row := _interval_row(report, each)) is not None]
    caption = f"n = {report.n} items, 95 % bootstrap intervals over items."
    plot = interval_plot(rows, caption) if rows else ""
    headers = ("Metric", "What it is", "base", "tuned", "tuned − base", "Verdict")
    table = html_table(headers, [_told(report, each) for each in found])
    if not plot:
        return table
    title = TITLES[report.primary]
    table += _unseen(report)
    pictures = drawing.movement(report, title) + drawing.where(report, title)
    return plot + as_details(f"All {len(found)} metrics as a table", table) + pictures


def _unseen(report: Report) -> str:
    """The figures over the items that training has not seen, if there are others."""
    clean = report.clean
    if clean is None or not 0 < clean.n < report.n:
        return ""
    heading = f"<p><b>Over the {clean.n} of {report.n} items that training has not seen</b></p>"
    return heading + html_table(
        ("Metric", "base", "tuned"),
        [
            (
                each.title,
                figure_in_words(clean.base[each.name]),
                figure_in_words(clean.tuned[each.name]),
            )
            for each in measured(report)
        ],
    )


def fine_print(report: Report) -> str:
    """How the figures were made, what was left out, and what they can't tell."""
    signature = html_table(
        ("Part", "Value"),
        [part.split("=", 1) for part in report.signature.split("; ")]
        + [(f"{name} hash", value) for name, value in report.hashes.items()],
    )
    skipped = html_table(("Item", "Reason"), [(each.id, each.reason) for each in report.skipped])
    parts = as_details("Signature", signature)
    if report.skipped:
        parts += as_details(f"Skipped items ({len(report.skipped)})", skipped)
    return parts + as_details("Limits and possible bias", f"<p>{escape(_LIMITS)}</p>")


def item_rows(report: Report) -> list[list[object]]:
    """A row for each item, what moved most first."""
    rows: list[list[object]] = []
    for place, item in enumerate(report.items, start=1):
        base, tuned = (value_of(item, system, report) for system in SYSTEMS)
        values = [round(value, 1) for value in (tuned - base, base, tuned)]
        rows.append([place, *values, item.prompt[-1].text])
    return sorted(rows, key=lambda row: (-abs(float(str(row[1]))), int(str(row[0]))))


def item_heading(report: Report) -> str:
    """What the columns of the item table hold."""
    name = TITLES[report.primary]
    return (
        "<b>Items, what moved most first</b>"
        f'<div class="chatui-muted">{name} of each reply, 0 to 100. '
        "Select a row to read both replies and the reference.</div>"
    )


def one_item(report: Report, place: int) -> str:
    """One item: prompt, both replies and the reference, as they were written."""
    if not 1 <= place <= len(report.items):
        return ""
    item = report.items[place - 1]
    return (
        f'<div class="chatui-muted">Item {place} of {report.n}</div>'
        f"{conversation_html(item.prompt)}"
        f"{_reply('base', item.base, f'2.5px dashed {BASE_COLOUR}')}"
        f"{_reply('tuned', item.tuned, f'4px solid {TUNED_COLOUR}')}"
        f"{_boxed('reference', '', item.reference, '1px solid currentColor')}"
        + "".join(
            as_details(f"{system} beside the reference", diff_html(reply, item.reference))
            for system, reply in (("base", item.base.reply), ("tuned", item.tuned.reply))
            if reply.strip() and reply != item.reference
        )
    )


def _warning(sentence: str) -> str:
    return f'<div class="chatui-warning">{escape(sentence)}</div>' if sentence else ""


def _reply(system: str, figures_: ItemFigures, line: str) -> str:
    facts = [f"BLEU {figures_.bleu:.1f}", f"chrF2 {figures_.chrf2:.1f}"]
    if figures_.perplexity is not None:
        facts.append(f"perplexity of the reference {number(figures_.perplexity)}")
    if figures_.ended == "limit":
        facts.append("cut at the token limit")
    return _boxed(system, " · ".join(facts), figures_.reply, line)


def _boxed(name: str, facts: str, text: str, line: str) -> str:
    said = escape(text) if text.strip() else '<span class="chatui-muted">(an empty reply)</span>'
    return (
        f'<div style="border-left: {line}; padding: 4px 14px; margin: 12px 0; '
        f'white-space: pre-wrap; overflow-wrap: anywhere">'
        f'<span class="chatui-speaker"><b>{escape(name)}</b> '
        f'<small class="chatui-muted">{escape(facts)}</small></span>\n{said}</div>'
    )


def _told(report: Report, each: Metric) -> tuple[str, ...]:
    """A metric's row in the table."""
    difference = report.differences[each.name]
    unit = f" ({each.unit})" if each.unit else ""
    return (
        each.title,
        f"{each.meaning}{unit}; {each.direction}",
        figure_in_words(report.base[each.name]),
        figure_in_words(report.tuned[each.name]),
        difference_in_words(difference),
        f"{SIGNS[difference.verdict]} {difference.verdict}",
    )


def _interval_row(report: Report, each: Metric) -> IntervalRow | None:
    base, tuned = _interval(report.base[each.name]), _interval(report.tuned[each.name])
    if base is None or tuned is None:
        return None
    said = report.differences[each.name].verdict
    return IntervalRow(each.title, each.unit, base, tuned, each.direction, f"{SIGNS[said]} {said}")


def _interval(figure: Figure) -> Interval | None:
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return Interval(figure.value, figure.low, figure.high)
