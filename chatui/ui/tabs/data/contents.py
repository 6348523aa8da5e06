"""What a draft or a version holds: what stands out, how long replies are, how they begin."""

from collections.abc import Sequence
from html import escape

from chatui.conversation import Conversation
from chatui.data.health import Finding, Health, examine
from chatui.ui.charts import as_details, html_table
from chatui.ui.tabs.data.histogram import histogram_html, lengths

_MOST_LABELS = 100


def contents_html(conversations: Sequence[Conversation]) -> str:
    """The health of a dataset in sentences, and its replies as a drawing and in tables."""
    health = examine(conversations)
    shown = health_html(health) + histogram_html(lengths(conversations))
    if health.openings:
        table = html_table(["Replies begin with", "Replies"], health.openings)
        shown += as_details("Show how replies begin", table)
    if health.labels:
        table = html_table(["Label", "Conversations"], health.labels[:_MOST_LABELS])
        shown += as_details(f"Show {len(health.labels):,} labels", table)
    return shown


def health_html(health: Health) -> str:
    """What to mend before training, and what is good to know."""
    found = "".join(_finding(finding) for finding in health.findings)
    listed = f"<ul>{found}</ul>" if found else ""
    return (
        f'<div class="chatui-card chatui-health"><strong>{_headline(health)}</strong>{listed}</div>'
    )


def _headline(health: Health) -> str:
    if not health.to_mend:
        return "Health: nothing to mend before training"
    things = "one thing" if health.to_mend == 1 else f"{health.to_mend} things"
    return f"Health: {things} to mend before training"


def _finding(finding: Finding) -> str:
    kind = "Mend" if finding.is_serious else "Note"
    return (
        f"<li><strong>{kind}. {escape(finding.subject)}:</strong> {escape(finding.sentence)}</li>"
    )
