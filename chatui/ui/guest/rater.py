"""The raters' page: consent, instructions, one item at a time, thanks.

A Blocks of its own, in which no endpoint and no word of the owner exists. Who rates is what the
server's door found out from the link (`request.username`), never what the page says. Which system
wrote a reply is not known here.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from chatui.errors import LinkChanged, StudyNotOpen
from chatui.rate.ballots import SIDES, Ballots
from chatui.rate.study import PREFERENCES, SCALES
from chatui.services import Services
from chatui.ui.errors import shows_errors
from chatui.ui.guest import describe
from chatui.ui.state import QUIET

CSS = (Path(__file__).parent / "rater.css").read_text(encoding="utf-8")
_BUTTONS = {
    "a": "A is better",
    "b": "B is better",
    "both_good": "Both good",
    "both_bad": "Both bad",
}
# Keys answer unless something is being typed or they are switched off, and, like taps, not in the
# first 600 ms of an item: what comes then was meant for the one before.
_BEHAVE = """
const keys = {1: 'rate-a', 2: 'rate-b', 3: 'rate-both_good', 4: 'rate-both_bad', u: 'rater-undo'};
let timer;
const settle = () => {
  document.body.dataset.settling = '1';
  clearTimeout(timer);
  timer = setTimeout(() => delete document.body.dataset.settling, 600);
  setTimeout(() => {
    for (const marks of document.querySelectorAll('fieldset.rater-marks')) {
      marks.setAttribute('role', 'radiogroup');
      marks.setAttribute('aria-label', marks.querySelector('[data-testid=block-info]').textContent);
    }
    const heading = element.querySelector('h1');
    if (!heading) return;
    heading.focus({preventScroll: true});
    window.scrollTo({top: 0});
  }, 60);
};
watch('value', settle);
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest('input:not([type=checkbox]), textarea, select')) return;
  const isOn = document.querySelector('#rater-keys input');
  const button = document.getElementById(keys[event.key.toLowerCase()] || '');
  if (!button || button.disabled || !button.offsetParent || (isOn && !isOn.checked)) return;
  if (document.body.dataset.settling && event.key.toLowerCase() !== 'u') return;
  event.preventDefault();
  button.click();
});
"""
_QUIET: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
Updates = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Seat:
    """What this page is showing to whom; kept on the server."""

    rater: str = ""
    item: str = ""
    key: str = ""
    last: int | None = None


def build_rater_page(services: Services) -> gr.Blocks:
    """The page behind a rater's link, ready to be mounted with a door that names the rater."""
    with gr.Blocks(title="Compare replies", analytics_enabled=False) as blocks:
        gr.HTML(f"<style>{CSS}</style>", visible="hidden")
        page = _Page(services.studies.ballots)
        page.lay_out()
        page.wire(blocks)
    return blocks


class _Page:
    """The components of the page and what happens on it."""

    def __init__(self, ballots: Ballots) -> None:
        self._ballots = ballots

    def lay_out(self) -> None:
        """Make the components; `open` decides what is visible."""
        self.seat = gr.State(Seat())
        self.text = gr.HTML(js_on_load=_BEHAVE)
        self.agree = gr.Button("I agree, go on", variant="primary", visible=False)
        self.begin = gr.Button("Show the first item", variant="primary", visible=False)
        self.go_on = gr.Button("Go on", variant="primary", visible=False)
        with gr.Column(visible=False) as self.scales:
            self.marks = self._lay_out_scales()
        with gr.Accordion("Say why (optional)", open=False, visible=False) as self.why:
            self.reason = gr.Textbox(
                label="Your reason", info="It is saved with your choice.", lines=2, max_length=2000
            )
        with gr.Column(visible=False, elem_id="rater-bar") as self.bar:
            with gr.Row(elem_id="rater-saved-row", elem_classes="chatui-stays"):
                self.saved = gr.HTML()
                self.undo = gr.Button("Undo", size="sm", elem_id="rater-undo")
                self.pause = gr.Button("Pause", size="sm", elem_id="rater-pause")
            with gr.Row(elem_id="rater-answers", elem_classes="chatui-stays") as self.answers:
                self.choices = {
                    value: gr.Button(_BUTTONS[value], elem_id=f"rate-{value}")
                    for value in PREFERENCES
                }
            with gr.Row(elem_id="rater-scales-bar", elem_classes="chatui-stays") as self.go:
                self.skip = gr.Button("Skip")
                self.save = gr.Button("Save and go on", variant="primary")
        self.keys = gr.Checkbox(
            True,
            label="Answer with the keys 1 to 4 and U",
            elem_id="rater-keys",
            visible=False,
            interactive=True,
        )

    def _lay_out_scales(self) -> dict[str, Any]:
        marks: dict[str, Any] = {}
        for criterion in SCALES:
            gr.HTML(describe.scale(criterion))
            with gr.Row():
                for side in SIDES:
                    marks[f"{criterion.name}_{side}"] = gr.Radio(
                        ["1", "2", "3", "4", "5"],
                        label=f"Reply {side.upper()}, {criterion.title.lower()}",
                        elem_classes="rater-marks",
                    )
        return marks

    def wire(self, blocks: gr.Blocks) -> None:
        """Connect what is pressed with what happens."""
        shown = [self.seat, self.text, self.agree, self.begin, self.go_on, self.scales, self.why]
        shown += [self.reason, self.bar, self.saved, self.undo, self.pause, self.answers]
        shown += [self.go, self.keys, *self.marks.values()]
        blocks.load(self.open, None, shown, **_QUIET)
        self.agree.click(self.consent, None, shown, **_QUIET)
        gr.on([self.begin.click, self.go_on.click], self.open_item, None, shown, **_QUIET)
        for value, button in self.choices.items():
            button.click(self.choose(value), [self.seat, self.reason], shown, **_QUIET)
        self.save.click(
            shows_errors(self.save_scales), self.seat, shown, inputs_kwargs=self.marks, **_QUIET
        )
        self.skip.click(shows_errors(self.save_scales), self.seat, shown, **_QUIET)
        self.undo.click(shows_errors(self.take_back), self.seat, shown, **_QUIET)
        self.pause.click(self.rest, None, shown, **_QUIET)

    @shows_errors
    def open(self, request: gr.Request) -> Updates:
        """Where this rater stands: not agreed yet, somewhere in between, or done."""
        visit = self._ballots.visit(_rater(request))
        if visit.is_open and not visit.consented:
            return {**self._nothing(), self.text: describe.consent(visit), self.agree: _visible()}
        return self._now(visit.rater)

    @shows_errors
    def consent(self, request: gr.Request) -> Updates:
        """Record the consent, then say how it works."""
        rater = _rater(request)
        self._ballots.consent(rater)
        told = describe.instructions(self._ballots.visit(rater))
        return {**self._nothing(), self.text: told, self.begin: _visible()}

    @shows_errors
    def open_item(self, request: gr.Request) -> Updates:
        """Show what is to be answered next."""
        return self._now(_rater(request))

    @shows_errors
    def rest(self, request: gr.Request) -> Updates:
        """Say that nothing is lost."""
        progress = self._ballots.visit(_rater(request)).progress
        return {**self._nothing(), self.text: describe.paused(progress), self.go_on: _visible()}

    def choose(self, value: str) -> Callable[..., Updates]:
        """The handler of one of the four buttons."""

        @shows_errors
        def save(seat: Seat, reason: str, request: gr.Request) -> Updates:
            """Save a preference, then show what comes next."""
            rater = _rater(request, seat)
            return self._after(
                rater,
                lambda: self._ballots.rate(rater, seat.item, value, seat.key, reason=reason),
            )

        return save

    def save_scales(self, seat: Seat, request: gr.Request, **marks: str | None) -> Updates:
        """Save the numbers that were given, then show what comes next."""
        rater = _rater(request, seat)
        grades = {
            (criterion.name, side): int(mark)
            for criterion in SCALES
            for side in SIDES
            if (mark := marks.get(f"{criterion.name}_{side}"))
        }
        return self._after(
            rater, lambda: self._ballots.rate_scales(rater, seat.item, grades, seat.key)
        )

    def take_back(self, seat: Seat, request: gr.Request) -> Updates:
        """Take back the last answer and show its item again."""
        rater = _rater(request, seat)
        return self._after(rater, lambda: self._ballots.undo(rater, seat.last))

    def _after(self, rater: str, act: Callable[[], object]) -> Updates:
        with suppress(StudyNotOpen):  # closed meanwhile: the page says so, and what was saved
            act()
        return self._now(rater)

    def _now(self, rater: str) -> Updates:
        visit = self._ballots.visit(rater)
        if not visit.is_open:
            return {**self._nothing(), self.text: describe.closed(visit.progress)}
        showing = self._ballots.next_item(rater)
        progress = visit.progress
        line = {
            self.bar: _visible(),
            self.saved: describe.saved(progress),
            self.undo: gr.Button(interactive=progress.last is not None),
        }
        if showing is None:
            told = {
                self.text: describe.thanks(progress),
                self.seat: Seat(rater, last=progress.last),
            }
            return {**self._nothing(), **line, **told, self.pause: gr.Button(visible=False)}
        is_pair = showing.ask == "pair"
        return {
            **self._nothing(),
            **line,
            self.seat: Seat(rater, showing.item, showing.key, progress.last),
            self.text: describe.item(showing, progress),
            self.scales: gr.Column(visible=not is_pair),
            self.go: gr.Row(visible=not is_pair),
            self.why: gr.Accordion(visible=is_pair, open=False),
            self.answers: gr.Row(visible=is_pair),
            self.pause: _visible(),
            self.keys: gr.Checkbox(visible=is_pair),
        }

    def _nothing(self) -> Updates:
        """Everything put away and empty; what is to be seen is added."""
        parts = [self.agree, self.begin, self.go_on, self.scales, self.go, self.why, self.bar]
        # An update of its own for each: Gradio empties the one that it has applied.
        return {
            **{part: gr.update(visible=False) for part in [*parts, self.answers, self.keys]},
            self.reason: "",
            self.seat: Seat(),
            **{marks: gr.update(value=None) for marks in self.marks.values()},
        }


def _visible() -> Any:
    return gr.update(visible=True)


def _rater(request: gr.Request, seat: Seat | None = None) -> str:
    """Who is in front of the page; refuses a page that was opened as somebody else."""
    rater = str(request.username)
    if seat is not None and seat.rater != rater:
        raise LinkChanged
    return rater
