"""What a run would learn, and what would suit better: from previews and advice to safe HTML."""

from collections.abc import Sequence
from html import escape

from chatui.train.advice import Advice
from chatui.train.preview import Reach, Shown

_MOST_CHARACTERS = 4000  # of a row that is shown
_CLASSES = {"read": "", "trained": "train-trained", "cut": "train-cut"}
LEGEND = (
    '<div class="chatui-legend"><span><mark class="train-trained">trained</mark> what the model '
    "learns to write</span><span>plain: read only</span>"
    '<span><s class="train-cut">struck</s> beyond max length, not read</span></div>'
)
# A button inside the advice hands over which one it is.
TAKE = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-take]');
  if (button) trigger('click', {...button.dataset});
});
"""


def rows_html(rows: Sequence[Shown]) -> str:
    """Rows as the model reads them, each token's fate marked by shape and colour."""
    return LEGEND + "".join(_row(row) for row in rows)


def reach_html(found: Reach) -> str:
    """What max length does to all rows, as a sentence."""
    kind = "chatui-warning" if found.without else "chatui-note"
    cut = f"{found.cut:,} of {found.rows:,}" if found.cut else f"none of {found.rows:,}"
    without = (
        f"{found.without:,} have no trained token and are left out: raise max length"
        if found.without
        else "each has tokens to learn from"
    )
    share = f" ({100 * found.cut / found.rows:.1f} %)" if found.cut else ""
    return (
        f'<div class="{kind}">At {found.limit:,} tokens, {cut} conversations{share} '
        f"{'are' if found.cut > 1 else 'is'} cut at the end, and {without}.</div>"
    )


def title(found: Reach | None) -> str:
    """The heading, which says the worst while it is folded."""
    if found is None:
        return "What it learns"
    told = [f"{found.cut:,} cut" if found.cut else "", _without(found.without)]
    return " · ".join(["What it learns", *filter(None, told)])


def progress_html(done: int, total: int) -> str:
    """How far counting is."""
    return f'<p class="chatui-muted" role="status">Read {done:,} of {total:,} conversations.</p>'


def advice_html(found: Sequence[Advice]) -> str:
    """Each piece of advice with its reason and a button that takes it; nothing if there is none."""
    if not found:
        return ""
    items = "".join(
        f'<li><span>{escape(advice.reason)}</span> <button type="button" class="train-take" '
        f'data-take="{escape(advice.field)}">{escape(advice.label)}</button></li>'
        for advice in found
    )
    return f'<div class="chatui-card train-advice"><b>Advice</b><ul>{items}</ul></div>'


def _row(row: Shown) -> str:
    if row.refused:
        return f'<p class="chatui-warning">{escape(row.title)}: {escape(row.refused)}.</p>'
    drawn, room = "", _MOST_CHARACTERS
    for piece in row.pieces:
        if room <= 0:
            drawn += " …"
            break
        text = escape(piece.text[:room])
        room -= len(piece.text)
        tag = {"read": "span", "trained": "mark", "cut": "s"}[piece.kind]
        drawn += f'<{tag} class="{_CLASSES[piece.kind]}">{text}</{tag}>'
    return (
        f'<p class="train-row-title"><b>{escape(row.title)}</b>: {row.tokens:,} tokens, '
        f'{row.trained:,} trained</p><pre class="train-row" tabindex="0">{drawn}</pre>'
    )


def _without(count: int) -> str:
    return f"{count:,} without a trained token" if count else ""
