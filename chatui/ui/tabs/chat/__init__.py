"""Stage 5: talk with base and tuned side by side, and keep what people think of the replies."""

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import gradio as gr
from gradio.events import api

from chatui.chat.asking import BASE, Asking
from chatui.chat.talk import Talk
from chatui.errors import ChatUIError
from chatui.model.catalog import STARTER
from chatui.model.decoding import Decoding
from chatui.services import Services
from chatui.ui.errors import shows_errors
from chatui.ui.forms import form
from chatui.ui.state import QUIET, Page, Selection
from chatui.ui.tabs.chat.pane import NOBODY, Pane, show
from chatui.ui.tabs.chat.stops import Stops

SAMPLING = ("temperature", "top_p", "max_new_tokens")
PRESETS: dict[str, tuple[float, float]] = {  # temperature, top-p
    "Precise": (0.0, 1.0),
    "Balanced": (0.7, 0.9),
    "Creative": (1.0, 0.95),
}
_CHIPS = 3
_CHIP_LETTERS = 48
_ESCAPE_STOPS = """() => {
  document.addEventListener('keydown', (event) => {
    const stop = document.getElementById('chatui-stop');
    if (event.key === 'Escape' && stop && stop.offsetParent) stop.click();
  });
}"""
_NO_QUESTIONS: tuple[str, ...] = ()
# What the tab offers: the version, the run beside base, and all models by name and id.
_Offer = tuple[str | None, str, tuple[tuple[str, str], ...]]
_NOTHING: _Offer = (None, "", ())


def build(services: Services, page: Page) -> None:
    """Put the Chat tab on the page."""
    stops = Stops()
    left, right = Pane(services, stops, "Left model"), Pane(services, stops, "Right model")
    tab = _ChatTab(services, stops)
    shown, questions = gr.State(_NOTHING), gr.State(_NO_QUESTIONS)
    with gr.Row():
        left.build_picker()
        right.build_picker()
    with gr.Row():
        with gr.Column(min_width=280):
            left.build()
        with gr.Column(min_width=280) as right_side:
            right.build()
    with gr.Row(elem_classes="chatui-composer"):
        message = gr.Textbox(
            label="Message to both", lines=1, max_lines=6, elem_id="chatui-message", scale=1
        )
        send = gr.Button("Send", variant="primary", size="md", min_width=90, scale=0)
        stop = gr.Button("Stop", size="md", min_width=90, scale=0, elem_id="chatui-stop")
    with gr.Row(elem_classes="chatui-chips"):
        ask_test = gr.Button("Ask a test question", size="md", min_width=160)
        chips = [gr.Button("", size="md", visible=False, min_width=120) for _ in range(_CHIPS)]
    with gr.Row(elem_classes="chatui-stays chatui-chips"):
        again = gr.Button("Regenerate", size="md", min_width=110)
        edit = gr.Button("Edit last", size="md", min_width=90)
        clear = gr.Button("Clear", size="md", min_width=90)
    with gr.Row():
        for pane in (left, right):
            with gr.Column(min_width=280):
                pane.build_more()
    with gr.Accordion("System prompt", open=False):
        system = gr.Textbox(
            label="System prompt",
            info="Told to both models before the conversation; the version's own by default.",
            lines=2,
        )
    with gr.Accordion("Sampling", open=False):
        preset = gr.Radio(
            list(PRESETS),
            value="Precise",
            label="Preset",
            info="Precise always takes the likeliest word, as scoring does.",
        )
        options = form(Decoding, SAMPLING)

    talks = [left.talk, right.talk]
    both = [*talks, *left.outputs, *right.outputs]
    inputs_kwargs = {**options, "system": system}
    began = [
        gr.on([send.click, message.submit], tab.send, [message, *talks], [message, *both], **QUIET),
        ask_test.click(tab.send_any, [questions, *talks], [message, *both], **QUIET),
        again.click(tab.again, talks, [message, *both], **QUIET),
    ]
    for number, chip in enumerate(chips):
        handler = tab.send_chip(number)
        began.append(chip.click(handler, [questions, *talks], [message, *both], **QUIET))
    for event in began:
        for pane in (left, right):
            event.success(
                pane.answer,
                [pane.talk, pane.model, page.selection],
                [pane.talk, *pane.outputs],
                inputs_kwargs=inputs_kwargs,
                **QUIET,
            )
    stop.click(tab.stop, None, None, queue=False, **QUIET)
    edit.click(tab.edit, talks, [message, *both], **QUIET)
    clear.click(tab.clear, None, [message, *both], **QUIET)
    preset.change(tab.use_preset, preset, [options["temperature"], options["top_p"]], **QUIET)
    right.model.change(tab.show_side, right.model, [right_side, message], **QUIET)
    for pane in (left, right):
        pane.wire()
    page.looks["chat"].change(
        tab.refresh,
        [page.selection, shown],
        [shown, left.model, right.model, system, questions, ask_test, *chips],
        **QUIET,
    )
    page.blocks.unload(tab.leave)
    page.blocks.load(None, js=_ESCAPE_STOPS)
    api(tab.chat_reply, api_name="chat_reply", concurrency_limit=None)


class _ChatTab:
    """The handlers that concern both sides."""

    def __init__(self, services: Services, stops: Stops) -> None:
        self._services = services
        self._stops = stops
        self._questions_of = lru_cache(maxsize=8)(self._read_questions)

    def send(self, message: str, left: Talk, right: Talk, request: gr.Request) -> tuple[Any, ...]:
        """Put the message into both conversations; the replies follow."""
        if not message.strip():
            raise gr.Error("Write a message first.", title="Not done", print_exception=False)
        return self._begin(request, left.say(message.strip()), right.say(message.strip()))

    def send_any(
        self, questions: Sequence[str], left: Talk, right: Talk, request: gr.Request
    ) -> tuple[Any, ...]:
        """Ask one of the version's test questions, drawn at random."""
        return self.send(random.choice(questions), left, right, request)

    def send_chip(self, number: int) -> Any:
        """A handler that asks the question on one of the buttons."""

        def send_question(
            questions: Sequence[str], left: Talk, right: Talk, request: gr.Request
        ) -> tuple[Any, ...]:
            return self.send(questions[number], left, right, request)

        return send_question

    def again(self, left: Talk, right: Talk, request: gr.Request) -> tuple[Any, ...]:
        """Ask the last message again, with another seed."""
        return self._begin(request, left.again(), right.again())

    def edit(self, left: Talk, right: Talk, request: gr.Request) -> tuple[Any, ...]:
        """Take the last message back into the field."""
        self._stops.begin(str(request.session_hash))
        last = left.last or right.last
        text = last.message if last else ""
        left, right = left.without_last(), right.without_last()
        return text, left, right, *show(left), *show(right)

    def clear(self, request: gr.Request) -> tuple[Any, ...]:
        """Begin anew."""
        return self._begin(request, Talk(), Talk())

    def stop(self, request: gr.Request) -> None:
        """End the replies that this visitor is being given."""
        self._stops.stop(str(request.session_hash))

    def leave(self, request: gr.Request) -> None:
        """The visitor has closed the page."""
        self._stops.forget(str(request.session_hash))

    def use_preset(self, name: str) -> tuple[float, float]:
        """Fill in what a preset means."""
        return PRESETS[name]

    def show_side(self, model: str) -> tuple[gr.Column, gr.Textbox]:
        """Leave the whole width to one model when there is no other."""
        is_alone = model == NOBODY
        label = "Message" if is_alone else "Message to both"
        return gr.Column(visible=not is_alone), gr.Textbox(label=label)

    def refresh(self, selected: Selection, shown: _Offer) -> tuple[Any, ...]:
        """Offer the finished runs, and the questions of the version that is looked at."""
        runs = [view for view in self._services.runs.all() if view.adapter is not None]
        beside = selected.run if selected.run in [view.id for view in runs] else None
        models = (("Base model", BASE), *((_name(view.id, view.name), view.id) for view in runs))
        offer: _Offer = (selected.dataset, beside or NOBODY, models)
        if offer == shown:
            return tuple(gr.skip() for _ in range(6 + _CHIPS))
        return offer, *self._pickers(offer, shown), *self._openings(offer, shown)

    def _pickers(self, offer: _Offer, shown: _Offer) -> tuple[Any, ...]:
        """Two choices; what was chosen stays until another run is looked at."""
        left, right = list(offer[2]), [*offer[2], ("None: one model alone", NOBODY)]
        if offer[:2] == shown[:2]:
            return gr.Dropdown(left), gr.Dropdown(right)
        return gr.Dropdown(left, value=BASE), gr.Dropdown(right, value=offer[1])

    def _openings(self, offer: _Offer, shown: _Offer) -> tuple[Any, ...]:
        """The version's system prompt and test questions; what was typed stays with a version."""
        if offer[0] == shown[0]:
            return tuple(gr.skip() for _ in range(3 + _CHIPS))
        questions, system = self._questions(offer[0])
        texts = [_short(text) for text in questions[:_CHIPS]] + [""] * _CHIPS
        chips = [gr.Button(text, visible=bool(text)) for text in texts[:_CHIPS]]
        return system, questions, gr.Button(interactive=bool(questions)), *chips

    @shows_errors
    def chat_reply(self, text: str, run: str = BASE, system: str = "") -> str:
        """Reply once to `text`, greedily; `run` is a run's id, or "base"."""
        asking = Asking(self._services.runs, self._services.models)
        return asking.ask(run, text, system=system or None, base=STARTER).reply.text

    def _begin(self, request: gr.Request, left: Talk, right: Talk) -> tuple[Any, ...]:
        self._stops.begin(str(request.session_hash))
        return "", left, right, *show(left), *show(right)

    def _questions(self, dataset: str | None) -> tuple[tuple[str, ...], str]:
        if dataset is None:
            return _NO_QUESTIONS, ""
        try:
            system = self._services.datasets.view(dataset).system or ""
            return self._questions_of(dataset), system
        except ChatUIError:  # deleted between two looks
            return _NO_QUESTIONS, ""

    def _read_questions(self, dataset: str) -> tuple[str, ...]:
        """What users asked first in the test split; versions never change, so it is read once."""
        test = self._services.datasets.conversations(dataset, "test")
        asked = (t.text for c in test for t in c.turns[:2] if t.speaker == "user")
        return tuple(dict.fromkeys(asked))


def _name(run: str, name: str) -> str:
    return run if name in ("", run) else f"{run}: {name}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CHIP_LETTERS else line[: _CHIP_LETTERS - 1] + "…"
