"""What raters read: consent, instructions, an item, thanks. Functions from plain data to safe HTML.

Replies A and B go through the same renderer; every text of a dataset or a model is escaped.
"""

from collections.abc import Sequence
from html import escape

from chatui.conversation import Turn
from chatui.rate.study import Criterion
from chatui.rate.views import Progress, Showing, Visit


def consent(visit: Visit) -> str:
    """What is stored, before anything is asked."""
    return _page(
        "You are invited to compare replies",
        f"<p>{escape(visit.consent_text)}</p>"
        f"<p>It is {visit.progress.total} question{_s(visit.progress.total)} and takes about "
        f"{max(1, round(visit.minutes))} minute{_s(max(1, round(visit.minutes)))}.</p>",
    )


def instructions(visit: Visit) -> str:
    """How to rate, in a few lines."""
    scales = ""
    if visit.scales:
        names = " and ".join(scale.title.lower() for scale in visit.scales)
        scales = (
            f"<li>Then give each reply a number from 1 to 5 for {escape(names)}. You may skip "
            "what you can't judge.</li>"
        )
    return _page(
        "How it works",
        "<ul><li>Read the question and both replies, then say which reply you would rather get. "
        "Longer is not better by itself.</li>"
        "<li>If you can't choose, say whether both are good or both are bad.</li>"
        f"{scales}"
        "<li>Every answer is saved at once. Undo takes the last one back.</li>"
        "<li>You may pause: the same link brings you back to where you were.</li>"
        "<li>On a keyboard: <kbd>1</kbd> A is better, <kbd>2</kbd> B is better, <kbd>3</kbd> both "
        "good, <kbd>4</kbd> both bad, <kbd>U</kbd> undo.</li></ul>",
    )


def item(showing: Showing, progress: Progress) -> str:
    """One question and its two replies."""
    question = _question(showing.turns)
    if showing.ask == "pair":
        title = f"Item {progress.done + 1} of {progress.total}"
    else:  # it was read a moment ago: the replies that get numbers come first
        title = f"Item {progress.done} of {progress.total}: how good is each?"
        question = f"<details><summary>Question</summary>{question}</details>"
    return (
        f'<article class="rater-item"><div class="rater-head"><h1 tabindex="-1">{title}</h1>'
        f'<progress value="{progress.done}" max="{progress.total}" '
        f'aria-label="{progress.done} of {progress.total} saved"></progress></div>'
        f"{question}"
        '<div class="rater-replies">'
        f"{_reply('Reply A', showing.reply_a)}{_reply('Reply B', showing.reply_b)}</div></article>"
    )


def saved(progress: Progress) -> str:
    """The line beside Undo, announced once."""
    told = f"Saved {progress.done} of {progress.total}" if progress.last else "Nothing saved yet"
    return f'<div role="status" aria-live="polite">{told}</div>'


def scale(criterion: Criterion) -> str:
    """A scale with its definition and what each number means."""
    meanings = " · ".join(
        f"<b>{n}</b> {escape(text)}" for n, text in enumerate(criterion.labels, 1)
    )
    return (
        f'<div class="rater-scale"><h2>{escape(criterion.title)}</h2>'
        f'<p>{escape(criterion.definition)}</p><p class="chatui-muted">{meanings}</p></div>'
    )


def paused(progress: Progress) -> str:
    """That nothing is lost."""
    return _page(
        "Paused",
        f"<p>Saved {progress.done} of {progress.total}. You can close this page; the link you were "
        "given brings you back here, on any device.</p>",
    )


def thanks(progress: Progress) -> str:
    """The end, with Undo still at hand."""
    return _page(
        "Thank you",
        f"<p>Saved {progress.total} of {progress.total} items. You can close this page.</p>",
    )


def closed(progress: Progress) -> str:
    """A study that takes no answers any more."""
    verb = "was" if progress.done == 1 else "were"
    kept = f"Your {progress.done} answer{_s(progress.done)} {verb} saved. " if progress.done else ""
    return _page("This study is closed", f"<p>{kept}It takes no more answers. Thank you.</p>")


def _question(turns: Sequence[Turn]) -> str:
    return "".join(
        _said("Question", turn.text, "rater-question")
        if turn.speaker == "user"
        else _said("Earlier reply", turn.text, "rater-question rater-earlier")
        for turn in turns
    )


def _reply(name: str, text: str) -> str:
    shown = escape(text) if text else '<em class="chatui-muted">(no text)</em>'
    heading = f'<section aria-label="{name}"><h2>{name}</h2>'
    return f'{heading}<div class="rater-said">{shown}</div></section>'


def _said(title: str, text: str, kind: str) -> str:
    return (
        f'<section class="{kind}" aria-label="{title}"><h2>{title}</h2>'
        f'<div class="rater-said">{escape(text)}</div></section>'
    )


def _page(title: str, body: str) -> str:
    return f'<div class="rater-text"><h1 tabindex="-1">{title}</h1>{body}</div>'


def _s(count: int) -> str:
    return "" if count == 1 else "s"
