"""The owner's page: the strip, five tabs, the Next bar, and the one selection they all share.

Tabs write the selection and listen to it; nothing here knows what is inside a tab. Loading the page
loads no model.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import gradio as gr

from chatui.errors import ChatUIError
from chatui.services import Services
from chatui.ui import chain, frame
from chatui.ui.state import QUIET, TABS, Page, Selection, look
from chatui.ui.tabs import chat, data, rate, score, train

_BUILD: dict[str, Callable[[Services, Page], None]] = {
    "data": data.build,
    "train": train.build,
    "score": score.build,
    "rate": rate.build,
    "chat": chat.build,
}

# A link inside the strip or the sidebar selects without loading the page anew; as a link it also
# opens in a new window, and works without this script.
_OPEN = """
element.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-open]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  trigger('click', {...link.dataset});
});
"""
# The address follows the selection, so that a reload or a copied link lands in the same place.
_ADDRESS = """
const follow = () => {
  const line = element.querySelector('[data-address]');
  if (line) history.replaceState(null, '', line.dataset.address);
};
watch('value', follow);
"""
# Before the page has read its address. A tab that is quicker may write on top of it.
_UNKNOWN = Selection(tab="")
_DAY = 24 * 60 * 60


def build_app(services: Services) -> gr.Blocks:
    """The page of the owner, ready to be mounted; nothing is served yet."""
    with gr.Blocks(
        title="chatui", analytics_enabled=False, delete_cache=(_DAY, _DAY), fill_width=True
    ) as blocks:
        selection, settled, shown = gr.State(_UNKNOWN), gr.State(_UNKNOWN), gr.State("")
        news, looks = gr.State(""), {stage: gr.State("") for stage in TABS}
        timer = gr.Timer(2)
        with gr.Sidebar(open=False, label="Workspace", elem_id="chatui-workspace") as sidebar:
            listing = gr.HTML(js_on_load=_OPEN)
        strip = gr.HTML(elem_id="chatui-strip", js_on_load=_OPEN + _ADDRESS)
        with gr.Tabs(overflow_behavior="wrap", elem_id="chatui-tabs") as tabs:
            page = Page(blocks, selection, looks, tabs)
            for number, stage in enumerate(TABS, start=1):
                with gr.Tab(f"{number} {stage.capitalize()}", id=stage, elem_id=f"tab-{stage}"):
                    _BUILD[stage](services, page)
        with gr.Row(elem_id="chatui-next"):
            reason = gr.HTML()
            onward = gr.Button("Go to Train", interactive=False, scale=0)
        surroundings = _Surroundings(services)
        around = [shown, strip, reason, onward, *looks.values()]
        both = [selection, settled]
        opened = [*both, tabs]
        links = [strip.click, listing.click]
        blocks.load(surroundings.restore, None, [*opened, listing, news, *around], **QUIET)
        selection.change(surroundings.settle, [*both, news], [*both, listing, *around], **QUIET)
        timer.tick(surroundings.tick, news, news, **QUIET)
        news.change(surroundings.notice, [*both, shown, news], [*both, *around], **QUIET)
        drawn = [*both, *looks.values()]
        tabs.select(surroundings.open_tab, [*both, news], drawn, **QUIET)
        onward.click(surroundings.go_on, both, opened, **QUIET)
        gr.on(links, surroundings.follow_link, both, opened, **QUIET)
        sidebar.expand(surroundings.list_workspace, selection, listing, **QUIET)
    return blocks


class _Surroundings:
    """The handlers of the frame."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def restore(self, request: gr.Request) -> tuple[Any, ...]:
        """Select what the address names."""
        self._services.jobs.tend()
        selected = chain.from_address(self._services, dict(request.query_params))
        news, listing = self._services.news(), self.list_workspace(selected)
        around = self._around(selected, news)
        return selected, selected, gr.Tabs(selected=selected.tab), listing, news, *around

    def settle(self, selected: Selection, before: Selection, news: str) -> tuple[Any, ...]:
        """Make one chain of what a tab has written, and show it."""
        if not before.tab:
            return tuple(gr.skip() for _ in range(7 + len(TABS)))  # `restore` is about to write
        if not selected.tab:
            selected = _written_on_top(selected, before)
        # A slow handler may write long after the visitor has opened another tab: which one is
        # open is not for tabs to say.
        whole = chain.follow(self._services, before, replace(selected, tab=before.tab))
        return whole, whole, self.list_workspace(whole), *self._around(whole, news)

    def tick(self, news: str) -> Any:
        """Keep the queue going, and say when something has changed.

        Every output of every listener costs the browser time, so a page on which nothing happens
        asks for one.
        """
        self._services.jobs.tend()
        latest = self._services.news()
        return latest if latest != news else gr.skip()

    def notice(
        self, selected: Selection, before: Selection, shown: str, news: str
    ) -> tuple[Any, ...]:
        """Show what has changed meanwhile."""
        if not selected.tab or not before.tab:
            return tuple(gr.skip() for _ in range(6 + len(TABS)))
        # A tab may have written a moment ago, and `settle` not have come to it yet: what it picked
        # leads here too, or a version just saved would be let go for the run looked at before.
        whole = chain.follow(self._services, before, replace(selected, tab=before.tab))
        key, *drawn = self._frame(whole)
        both = [whole if whole != one else gr.skip() for one in (selected, before)]
        frame = [gr.skip() for _ in (key, *drawn)] if key == shown else [key, *drawn]
        return *both, *frame, *_looks(whole, news)

    def open_tab(
        self, selected: Selection, before: Selection, news: str, event: gr.SelectData
    ) -> tuple[Any, ...]:
        """Remember which tab the visitor has opened, and have it drawn at once."""
        if not selected.tab:
            return tuple(gr.skip() for _ in range(2 + len(TABS)))
        tab = TABS[int(event.index)]
        opened = replace(selected, tab=tab)
        return opened, replace(before, tab=tab), *_looks(opened, news)

    def go_on(self, selected: Selection, before: Selection) -> tuple[Any, ...]:
        """Open the tab of the next step."""
        return _open(selected, before, frame.next_step(self._services, selected).tab)

    def follow_link(
        self, selected: Selection, before: Selection, event: gr.EventData
    ) -> tuple[Any, ...]:
        """Select what a link of the strip or the sidebar names, and open its tab."""
        link: dict[str, str] = event._data or {}
        tab, kind, name = link.get("open", ""), link.get("kind", ""), link.get("name", "")
        if kind in chain.KINDS and name:
            chosen: dict[str, Any] = {kind: name}
            selected = replace(selected, **chosen)
        return _open(selected, before, tab if tab in TABS else before.tab)

    def list_workspace(self, selected: Selection) -> str:
        """Everything that there is, for the sidebar."""
        return frame.workspace_list(self._services, selected)

    def _around(self, selected: Selection, news: str) -> tuple[Any, ...]:
        """The frame, and a look for the open tab."""
        return *self._frame(selected), *_looks(selected, news)

    def _frame(self, selected: Selection) -> tuple[Any, ...]:
        """What the strip and the Next bar show, preceded by a key that changes with it."""
        strip = frame.strip(self._services, selected)
        try:
            step = frame.next_step(self._services, selected)
        except ChatUIError as error:  # deleted between two looks
            step = frame.NextStep("Go to Data", True, str(error), "data")
        is_due = step.enabled and selected.tab != "chat"  # Chat's own action is never done
        button = gr.Button(
            step.label, interactive=step.enabled, variant="primary" if is_due else "secondary"
        )
        return f"{strip}{step}", strip, frame.reason_html(step), button


def _open(selected: Selection, before: Selection, tab: str) -> tuple[Any, ...]:
    return replace(selected, tab=tab), replace(before, tab=tab), gr.Tabs(selected=tab)


def _looks(selected: Selection, news: str) -> list[Any]:
    """A look for the open tab; the others are drawn when they are opened."""
    return [look(selected, news) if stage == selected.tab else gr.skip() for stage in TABS]


def _written_on_top(selected: Selection, before: Selection) -> Selection:
    """What a tab has written before it knew the address, put on top of what the address named."""
    names = [field.name for field in fields(Selection)]
    written: dict[str, Any] = {n: getattr(selected, n) for n in names if getattr(selected, n)}
    return replace(before, **written)
