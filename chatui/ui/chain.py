"""Keep what is looked at one chain: dataset version → run → score → study.

Picking something pulls along what it came from, and the newest that came of it, or none. What no
longer exists is let go. The page never shows a mixed chain.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chatui.services import Services
from chatui.ui.state import TABS, Selection

# Deepest first: the one that was picked decides, and the deepest knows the most of its past.
KINDS = ("study", "score", "run", "dataset")


def newest(services: Services) -> Selection:
    """The chain of the newest run, or the newest dataset version when nothing has run yet."""
    return _newest(services, "data")


def from_address(services: Services, query: Mapping[str, str]) -> Selection:
    """The selection that an address names; what it leaves open, or misnames, is the newest."""
    asked = {kind: query[kind] for kind in KINDS if query.get(kind)}
    chosen = newest(services)
    for kind in reversed(KINDS):  # the deepest last, so that it decides
        if kind in asked and asked[kind] in _made(services, kind):
            chosen = pick(services, chosen, kind, asked[kind])
    tab = query.get("tab", "")
    return replace(chosen, tab=tab if tab in TABS else "data")


def follow(services: Services, before: Selection, after: Selection) -> Selection:
    """Make `after` one chain again, led by what changed since `before`."""
    for kind in KINDS:
        chosen = getattr(after, kind)
        if chosen and chosen != getattr(before, kind) and chosen in _made(services, kind):
            return pick(services, after, kind, chosen)
    return complete(services, after)


def pick(services: Services, selection: Selection, kind: str, name: str) -> Selection:
    """Select something that exists, with all it came from and the newest that came of it."""
    if kind in ("study", "score"):
        picked: dict[str, Any] = {kind: name, "run": _made(services, kind)[name]}
        return complete(services, replace(selection, **picked))
    if kind == "run":
        return complete(services, replace(selection, run=name))
    stays = _made(services, "run").get(selection.run or "") == name
    run_of_it = selection.run if stays else None
    return complete(services, replace(selection, dataset=name, run=run_of_it))


def complete(services: Services, selection: Selection) -> Selection:
    """Let go of what was deleted or hangs elsewhere, and take the newest where a link is open."""
    runs = _made(services, "run")
    run = selection.run if selection.run in runs else None
    dataset: str | None = runs[run] if run else selection.dataset
    if dataset not in _made(services, "dataset"):
        if run is None:
            return _newest(services, selection.tab)
    elif run is None:
        run = _last(runs, dataset)
    score = _kept_or_last(_made(services, "score"), selection.score, run)
    study = _kept_or_last(_made(services, "study"), selection.study, run)
    return replace(selection, dataset=dataset, run=run, score=score, study=study)


def _newest(services: Services, tab: str) -> Selection:
    runs, datasets = _made(services, "run"), _made(services, "dataset")
    if runs:
        return complete(services, Selection(tab, run=list(runs)[-1]))
    return complete(services, Selection(tab, list(datasets)[-1])) if datasets else Selection(tab)


def _made(services: Services, kind: str) -> dict[str, str]:
    """All things of a kind, oldest first, with what each was made of."""
    if kind == "dataset":
        return {view.id: "" for view in services.datasets.all()}
    if kind == "run":
        return {view.id: view.dataset for view in services.runs.all()}
    if kind == "score":
        return {view.id: view.run for view in services.scores.all()}
    return {view.id: view.run for view in services.studies.all()}


def _kept_or_last(made: dict[str, str], chosen: str | None, run: str | None) -> str | None:
    if chosen is not None and run is not None and made.get(chosen) == run:
        return chosen
    return _last(made, run)


def _last(made: dict[str, str], of: str | None) -> str | None:
    return next((name for name in reversed(made) if of is not None and made[name] == of), None)
