"""What the Data tab says about a draft or a version: HTML from data, every text escaped."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from html import escape

from chatui.conversation import Conversation, Split, Turn
from chatui.data.cleaning import ALL_STEPS, EXCLUDED, CleanRow, Example, RemovedRow
from chatui.data.mapping import Recognition
from chatui.data.prepare import Draft
from chatui.data.store import DatasetView
from chatui.ui.charts import as_details, diff_html, html_table, split_bar
from chatui.ui.frame import SPEAKERS, conversation_html

_TITLES = {step.name: step.title for step in ALL_STEPS}
_LONGEST = 4000  # characters of a text that are shown; a diff of more would take too long
_MAX_ROWS = 200


def step_label(title: str, changed: int, removed: int, is_on: bool) -> str:
    """The label of a switch: "Trim spaces: 29 changed"."""
    if not is_on:
        return f"{title}: off"
    counts = [f"{n:,} {what}" for n, what in ((changed, "changed"), (removed, "removed")) if n]
    return f"{title}: {', '.join(counts) or 'nothing to do'}"


def examples_html(
    description: str, changed: Sequence[Example], removed: Sequence[RemovedRow]
) -> str:
    """What a step did, folded: texts before and after, and rows that went."""
    pieces = [_example(f"Row {e.row}", _diff(e.before, e.after)) for e in changed]
    pieces += [_example(f"Row {r.row} removed: {r.reason}", _said(r)) for r in removed[:20]]
    if not pieces:
        return f'<p class="chatui-nothing">{escape(description)}</p>'
    shown = f"Show {len(pieces)}" if len(pieces) > 1 else "Show it"
    return as_details(
        f"{description} {shown}", f'<div class="chatui-examples">{"".join(pieces)}</div>'
    )


def row_html(draft: Draft, number: int) -> str:
    """Row `number` of a draft (from 1) as a conversation, with what cleaning did to it."""
    if whole := draft.joined.get(number):
        part = _caption(f"Row {number:,} is part of this conversation, counted as row {whole:,}.")
        return part + row_html(draft, whole)
    kept = next((pair for pair in _kept(draft) if pair[0].row == number), None)
    if kept is None:
        gone = next(row for row in draft.removed if row.row == number)
        title = escape(_TITLES.get(gone.step, gone.step))
        why = f"Removed by “{title}”: {escape(gone.reason)}."
        why = "You left this row out." if gone.step == EXCLUDED.name else why
        why = f'<p class="chatui-warning">{why}</p>'
        return why + (_conversation(gone.turns) if gone.turns else _raw(gone.raw))
    row, conversation = kept
    is_changed = row.before != row.turns
    said = "Struck out and underlined: what was changed. " if is_changed else ""
    return _cleaned(row) + _caption(f"{said}{_about(conversation)}")


def version_html(rows: Sequence[Conversation], number: int) -> str:
    """Conversation `number` (from 1) of a saved version."""
    row = rows[number - 1]
    return _conversation(row.turns) + _caption(_about(row))


def marks_html(is_edited: bool, is_flagged: bool) -> str:
    """What was decided by hand about the row that is shown."""
    marks = [("Flagged", is_flagged), ("Edited by hand", is_edited)]
    return "".join(f'<span class="chatui-mark">{mark}</span>' for mark, is_on in marks if is_on)


def account_html(
    rows_read: int, kept: int, removed: Sequence[RemovedRow], joined: int = 0, *, added: int = 0
) -> str:
    """Where every row went: "544 read = 522 kept + 22 removed", with the removed ones below.

    Rows that were added to a version come from none that was read: they stand beside the sum.
    """
    sentence = f"{rows_read:,} read = {kept:,} kept + {len(removed):,} removed"
    sentence += f" + {joined:,} joined to others" if joined else ""
    sentence += f"; {added:,} added for training" if added else ""
    account = f'<p class="chatui-account"><strong>{sentence}</strong></p>'
    if not removed:
        return account
    counts = Counter(row.step for row in removed)
    steps = [(_TITLES.get(step, step), count) for step, count in counts.items()]
    rows = [(r.row, _TITLES.get(r.step, r.step), r.reason, _line(r)) for r in removed[:_MAX_ROWS]]
    listed = html_table(["Row", "Removed by", "Reason", "Text"], rows)
    if len(removed) > _MAX_ROWS:
        listed += _caption(f"The first {_MAX_ROWS} of {len(removed):,}.")
    table = html_table(["Removed by", "Rows"], steps)
    told = ", ".join(f"{count:,} by “{step}”" for step, count in steps)
    account += _caption(f"Removed: {told}. A version keeps them, with their reasons.")
    return account + as_details(f"See {_rows(len(removed))}", table + listed)


def splits_html(splits: Mapping[Split, int], seed: int | None) -> str:
    """How many conversations each split has."""
    by_seed = f", seed {seed}" if seed is not None else ""
    caption = f"Conversations in each split, n = {sum(splits.values()):,}{by_seed}"
    return split_bar({str(split): n for split, n in splits.items()}, caption)


def status_html(saved: DatasetView | None, problem: str) -> str:
    """Whether what is shown is saved."""
    if problem:
        return f'<p class="chatui-warning">{escape(problem)}</p>'
    if saved is None:
        return '<p class="chatui-muted">Not saved yet.</p>'
    size = in_bytes(saved.bytes)
    return f'<p class="chatui-muted">Saved as {escape(saved.id)}, {size} on disk.</p>'


def columns_title(chosen: Mapping[str, str]) -> str:
    """The columns in use, in a line."""
    if conversation := chosen.get("conversation"):
        return f"Columns: conversations in {_short(conversation)}"
    for roles in (("speaker", "said"), ("user", "assistant")):
        if all(role in chosen for role in roles):
            named = ", ".join(f"{role} = {_short(chosen[role])}" for role in roles)
            return f"Columns: {named}"
    return "Columns: please choose"


def columns_html(chosen: Mapping[str, str], found: Recognition) -> str:
    """What the file was taken for and how sure that is, and columns without a field here."""
    more = {"context": "joined to the question", "history": "earlier turns", "label": "the label"}
    more |= {"rejected": "the rejected reply", "thread": "names the conversation"}
    more |= {"together": "its rows stay in one split"}
    more |= {"order": "orders its messages", "parent": "names the message before"}
    said = [f"{_short(chosen[role])}: {what}" for role, what in more.items() if role in chosen]
    also = _caption(f"Also used: {'; '.join(said)}.") if said else ""
    if not found.confidence:
        return also
    share = f"{found.confidence:.0%} of the first rows fit"
    return _caption(f"Recognised as {found.format}: {share}.") + also


def facts_html(view: DatasetView) -> str:
    """A saved version in words."""
    prompt = f"System prompt: “{escape(view.system)}”" if view.system else "No system prompt"
    parent = f" It follows {escape(view.parent)}." if view.parent else ""
    return (
        f'<div class="chatui-card"><strong>{escape(view.name)}</strong> is saved as '
        f"{escape(view.id)} and never changes.{parent}<br>{prompt}.<br>"
        f'<span class="chatui-muted">{_when(view.created_at)} · content {view.sha256[:12]}'
        f"</span></div>"
    )


def notes_html(notes: Sequence[str]) -> str:
    """What was taken for granted while reading."""
    return "".join(f'<p class="chatui-warning">{escape(note)}</p>' for note in notes)


def in_bytes(size: float) -> str:
    """A size on disk: "21 KB"."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:,.0f} {unit}"


def _kept(draft: Draft) -> Iterator[tuple[CleanRow, Conversation]]:
    return zip(draft.kept, draft.conversations, strict=True)


def _cleaned(row: CleanRow) -> str:
    """The conversation with its changes marked; turn by turn where the turns are still the same."""
    if [turn.speaker for turn in row.before] != [turn.speaker for turn in row.turns]:
        return _conversation(row.turns)
    bubbles = []
    for before, after in zip(row.before, row.turns, strict=True):
        inner = escape(_cut(after.text)) if before == after else _diff(before.text, after.text)
        bubbles.append(
            f'<div class="chatui-turn chatui-{after.speaker}"><span class="chatui-speaker">'
            f"{SPEAKERS[after.speaker]}</span>{inner}</div>"
        )
    return f'<div class="chatui-conversation">{"".join(bubbles)}</div>'


def _conversation(turns: Sequence[Turn]) -> str:
    return conversation_html(replace(turn, text=_cut(turn.text) or "(blank)") for turn in turns)


def _about(row: Conversation) -> str:
    label = f"Label: {row.label}. " if row.label else ""
    return f"{label}Split: {row.split}."


def _rows(count: int) -> str:
    return "the removed row" if count == 1 else f"the {count:,} removed rows"


def _caption(text: str) -> str:
    return f'<p class="chatui-muted">{escape(text)}</p>'


def _example(title: str, inner: str) -> str:
    return f'<div class="chatui-example"><small>{escape(title)}</small>{inner}</div>'


def _diff(before: str, after: str) -> str:
    if len(before) + len(after) > 2 * _LONGEST:
        return f'<div class="chatui-diff">{escape(_cut(after))}</div>'
    return diff_html(before, after)


def _said(row: RemovedRow) -> str:
    return f'<div class="chatui-diff">{escape(_line(row))}</div>'


def _when(moment: str) -> str:
    at = datetime.fromisoformat(moment)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _short(name: str) -> str:
    return name if len(name) <= 30 else name[:29] + "…"


def _line(row: RemovedRow) -> str:
    said = " → ".join(turn.text.strip() or "(blank)" for turn in row.turns) or row.raw
    return said if len(said) <= 300 else said[:299] + "…"


def _raw(text: str) -> str:
    return f'<div class="chatui-card chatui-diff">{escape(_cut(text)) or "(nothing)"}</div>'


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… and {len(text) - _LONGEST:,} more characters"
