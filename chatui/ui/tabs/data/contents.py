"""What a draft or a version holds, in words and pictures: its health, and what was measured."""

from html import escape

from chatui.conversation import Speaker
from chatui.data.health import Finding, Health
from chatui.data.measures import Measures
from chatui.ui.charts import as_details, html_table
from chatui.ui.frame import SPEAKERS
from chatui.ui.tabs.data.histogram import histogram_html

_MOST_ROWS = 100  # of a table


def contents_html(found: Measures) -> str:
    """What was measured, as sentences, drawings and tables."""
    pieces = [_cards(found), histogram_html(found.token_bars, "Conversations", "tokens")]
    for who, role in found.roles.items():
        if who != "system":
            what = "Replies" if who == "assistant" else "Questions"
            pieces.append(histogram_html(role.token_bars, what, "tokens"))
    turns = [(f"{turns}", n) for turns, n in found.turn_counts]
    if len(turns) > 1:
        pieces.append(histogram_html(turns[:12], "Conversations", "turns"))
    pieces += [_figures(found), _tables(found)]
    return "".join(pieces)


def progress_html(done: int, total: int) -> str:
    """How far measuring is, in real units."""
    return (
        f'<p role="status">Measured {done:,} of {total:,} conversations.</p>'
        f'<progress max="{total}" value="{done}" style="width: 100%"></progress>'
    )


def health_html(health: Health) -> str:
    """What to mend before training, and what is good to know."""
    found = "".join(_finding(finding) for finding in health.findings)
    listed = f"<ul>{found}</ul>" if found else ""
    return (
        f'<div class="chatui-card chatui-health"><strong>{_headline(health)}</strong>{listed}</div>'
    )


def _cards(found: Measures) -> str:
    """The figures that decide something, in sentences."""
    whole = found.conversations
    cut = f"{found.cut:,} of {whole:,} ({100 * found.cut_share:.1f} %)" if found.cut else "None"
    said = [
        f"All {whole:,} conversations were counted as {escape(found.base)} reads them.",
        f"Half have at most {found.tokens.p50:,} tokens, 95 % at most {found.tokens.p95:,}, the "
        f"longest {found.tokens.most:,}; {found.tokens.total:,} in all.",
        f"{cut} would be cut at {found.limit:,} tokens.",
    ]
    if (ratio := found.user_to_reply) is not None:
        said.append(f"For each token of a reply, users say {ratio:.2f}.")
    if found.copies:
        said.append(f"{found.copies:,} say what another one says.")
    return f'<p class="chatui-note">{" ".join(said)}</p>'


def _figures(found: Measures) -> str:
    rows = [("Conversations", "tokens", found.tokens), ("Conversations", "turns", found.turns)]
    for who, role in found.roles.items():
        rows.append((_name(who), "tokens", role.tokens))
        rows.append((_name(who), "characters", role.characters))
    lines = [(name, unit, s.p50, s.p95, s.most, s.total) for name, unit, s in rows]
    head = ["Of", "Unit", "Half at most", "95 % at most", "Most", "In all"]
    return as_details("Show all figures", html_table(head, lines))


def _tables(found: Measures) -> str:
    named = [("unknown (too short)" if c == "unknown" else c, n) for c, n in found.languages]
    shown = as_details(f"Show languages: {_some(named)}", html_table(["Language", "Rows"], named))
    for who, openings in found.openings.items():
        if openings:
            title = _name(who).lower()
            table = html_table(["First words", title.capitalize()], openings)
            shown += as_details(f"Show how {title} begin", table)
    if found.labels:
        table = html_table(["Label", "Conversations"], found.labels[:_MOST_ROWS])
        shown += as_details(f"Show {len(found.labels):,} labels", table)
    return shown


def _some(named: list[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in named[:3])


def _name(who: Speaker) -> str:
    return {"assistant": "Replies", "user": "Questions"}.get(who, SPEAKERS[who])


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
