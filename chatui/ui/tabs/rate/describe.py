"""Put studies into words, tables and drawings: from views and results to safe HTML."""

from collections.abc import Mapping, Sequence
from html import escape

from chatui.rate.power import items_needed
from chatui.rate.results import Result, ScaleResult, Verdict
from chatui.rate.views import Plan, RaterView, StudyView
from chatui.statistics import Interval
from chatui.ui.charts import as_details, html_table, win_bar
from chatui.ui.frame import job_card

# A study that can't show this much is called small before it starts.
_MODEST_WIN_RATE = 0.7
_SIGNS: dict[Verdict, str] = {"better": "▲", "worse": "▼", "unclear": "≈"}
_STATES = {
    "invited": "not begun",
    "rating": "rating",
    "done": "done",
    "revoked": "link revoked",
    "erased": "answers erased",
}


def note(sentence: str) -> str:
    """A sentence that says what to do first."""
    return f'<div class="chatui-note">{escape(sentence)}</div>' if sentence else ""


def planned(plan: Plan, scales: bool) -> str:
    """A study as one sentence, before it starts, and a warning if it is small."""
    asked = "which reply is better" + (", fluency and helpfulness" if scales else "")
    waiting = (
        f"<div>{plan.missing} of these items lack a reply of base or tuned: a job makes them "
        "first, and the study starts when it is done.</div>"
        if plan.missing
        else ""
    )
    return (
        f'<div class="chatui-card"><b>base against {escape(plan.run)}, {_items(plan.items)}</b> of '
        f"{escape(plan.dataset)}, drawn from {plan.available} locked test items. Raters say "
        f"{asked}. {_minutes(plan.minutes)} for each rater. {_can_show(plan.smallest_win_rate)}"
        f'{waiting}<div class="chatui-muted">Raters see Reply A and Reply B, never a name; sides '
        f"are balanced.</div></div>{_too_small(plan)}"
    )


def running(view: StudyView) -> str:
    """The study as a sentence, and what it can show."""
    scales = ", ".join(["preference", *(scale.title.lower() for scale in view.scales)])
    raters = len(view.raters)
    same = f" On {view.identical} of them both models say the same." if view.identical else ""
    minutes = f" {_minutes(view.minutes)} each." if view.minutes is not None else ""
    return (
        f'<div class="chatui-card"><b>Study {escape(view.id)}: {escape(view.name)}</b>, '
        f"{_items(view.items)} × {raters} rater{'' if raters == 1 else 's'}, {scales}."
        f"{minutes} {_can_show(view.smallest_win_rate)}{same}</div>"
    )


def preparing(view: StudyView) -> str:
    """The job that makes missing replies."""
    if view.job is None:
        return ""
    titles = {
        "queued": f"{view.id} waits for its turn to make replies",
        "running": f"{view.id} makes the replies that raters will compare",
        "finished": f"{view.id} has all its replies",
        "stopped": f"{view.id} was stopped; the replies that are made are kept",
        "interrupted": f"{view.id} was interrupted; the replies that are made are kept",
        "failed": f"{view.id} could not make the replies",
    }
    return job_card(view.job, titles[view.job.state], unit="reply")


def counts(view: StudyView) -> str:
    """How far the raters are; never what they said."""
    done, wanted = view.done, view.wanted
    return (
        f'<div class="rate-counts"><label for="rate-progress">Ratings {done} of {wanted}</label>'
        f'<progress id="rate-progress" value="{done}" max="{max(1, wanted)}"></progress>'
        '<div class="chatui-muted">Names stay hidden until the study is closed.</div></div>'
    )


def raters(view: StudyView, links: Mapping[str, str]) -> str:
    """The raters with their links; `links` holds the tokens that this page knows."""
    if not view.raters:
        return '<p class="chatui-muted">Nobody is invited yet.</p>'
    rows = "".join(_rater(rater, links.get(rater.id)) for rater in view.raters)
    return (
        '<table class="rate-raters"><thead><tr><th scope="col">Rater</th>'
        '<th scope="col">Done</th><th scope="col">Left</th><th scope="col">Link</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def frame(token: str) -> str:
    """The raters' own page, inside this one."""
    return (
        f'<iframe class="rate-frame" title="The raters\' page" src="open/{escape(token)}"></iframe>'
    )


def verdict(result: Result) -> str:
    """The answer first."""
    return (
        f'<div class="chatui-card rate-verdict" role="status"><span aria-hidden="true">'
        f"{_SIGNS[result.verdict]}</span> {escape(result.sentence)}</div>"
    )


def findings(view: StudyView, result: Result) -> str:
    """Win–tie–loss, sides, scales, agreement, and how the figures were made."""
    if not result.n:
        return ""
    raters_in_words = f"{result.raters} rater{'' if result.raters == 1 else 's'}"
    caption = (
        f"n = {result.n} ratings of {_items(result.items)} by {raters_in_words}. "
        f"No difference: {result.both_good} × both good, {result.both_bad} × both bad."
    )
    bar = win_bar(result.wins, result.ties, result.losses, result.win_rate, caption)
    alone = (
        "One person rated, so this says what that person prefers. " if result.raters == 1 else ""
    )
    made = (
        f"A tie counts as half a win. 95 % interval: {result.method}. {alone}"
        f"Frozen pack {view.pack_hash or ''}."
    )
    return (
        f"{bar}{_scales(result)}"
        f"<h3>Can the ratings be trusted?</h3><ul><li>{escape(result.side_sentence)}</li>"
        f"<li>{escape(result.agreement_sentence)}</li>{_scale_agreement(result)}</ul>"
        f"{as_details('How this was made', f'<p>{escape(made)}</p>')}"
    )


def _rater(rater: RaterView, token: str | None) -> str:
    actions = {"revoked": ("renew", "erase"), "erased": (), "done": ("revoke",)}.get(
        rater.state, ("copy" if token else "renew", "revoke")
    )
    if rater.is_owner:  # whoever is here needs no link
        actions = tuple(action for action in actions if action in ("revoke", "erase"))
    buttons = "".join(_action(action, rater, token or "") for action in actions)
    return (
        f'<tr><th scope="row">{escape(rater.label)}<small>{_STATES[rater.state]}</small></th>'
        f'<td data-label="Done">{rater.done}</td><td data-label="Left">{rater.left}</td>'
        f'<td class="rate-links">{buttons or "–"}</td></tr>'
    )


def _action(action: str, rater: RaterView, token: str) -> str:
    """A button of the table; `data-ask` is asked before it is done."""
    name = escape(rater.label)
    text, told, ask = {
        "copy": ("Copy link", f"Copy the link of {name}", ""),
        "renew": ("New link", f"Make a new link for {name}; the old one ends", ""),
        "revoke": ("Revoke", f"Revoke the link of {name}", ""),
        "erase": (
            "Erase answers",
            f"Erase the answers of {name}",
            f"Erase the {rater.done} answers of {name} for good?",
        ),
    }[action]
    return (
        f'<button data-act="{action}" data-rater="{escape(rater.id)}" aria-label="{told}" '
        f'title="{told}" data-token="{escape(token)}" data-ask="{ask}">{text}</button>'
    )


def _scales(result: Result) -> str:
    answered = [scale for scale in result.scales if scale.n]
    if not answered:
        return ""
    headers = ["Scale", "Model", "Mean of 1 to 5", "Median", "How many gave 1 · 2 · 3 · 4 · 5", "n"]
    rows = [
        [s.title, s.system, _mean(s), f"{s.median:g}", " · ".join(map(str, s.counts)), s.n]
        for s in answered
    ]
    return f"<h3>Scales</h3>{html_table(headers, rows)}"


def _mean(scale: ScaleResult) -> str:
    return f"{scale.mean:.2f}{_range(scale.interval)}"


def _range(interval: Interval | None) -> str:
    return f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else ""


def _scale_agreement(result: Result) -> str:
    lines = [
        f"<li>{escape(title)}: alpha {agreed.alpha:.2f}, {agreed.units} replies with two or more "
        "numbers.</li>"
        for title, agreed in result.scale_agreement
        if agreed.alpha is not None
    ]
    return "".join(lines)


def _can_show(win_rate: float | None) -> str:
    if win_rate is None:
        return "It is too small to show any difference."
    return f"It can show a win rate of {win_rate:.2f} or more".replace("0.", ".") + "."


def _too_small(plan: Plan) -> str:
    if plan.smallest_win_rate is not None and plan.smallest_win_rate <= _MODEST_WIN_RATE:
        return ""
    needed = items_needed(_MODEST_WIN_RATE)
    return (
        f'<div class="chatui-warning">This is a small study: only a clear difference will show. A '
        f"win rate of .70 needs {needed} items with a winner.</div>"
    )


def _items(count: int) -> str:
    return f"{count} item{'' if count == 1 else 's'}"


def _minutes(minutes: float) -> str:
    whole = max(1, round(minutes))
    return f"About {whole} minute{'' if whole == 1 else 's'}"


def pairs(links: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The tokens of this page by rater; the newest of a rater counts."""
    return dict(links)
