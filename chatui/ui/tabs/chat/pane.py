"""One side of the chat: a model, its conversation, what is known of the last reply, and thumbs."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import gradio as gr
from pydantic import ValidationError

from chatui.chat.asking import BASE, Asked, Asking
from chatui.chat.feedback import Thumb
from chatui.chat.talk import Answer, Talk
from chatui.conversation import content_hash
from chatui.errors import ChatUIError
from chatui.model.catalog import STARTER
from chatui.model.decoding import Decoding
from chatui.services import Services
from chatui.ui.errors import error_card
from chatui.ui.state import QUIET, Selection
from chatui.ui.tabs.chat.stops import Stops

NOBODY = "none"  # the side is empty: one model answers alone
WAITING = "…"
LOADING = "Loading the model…"
REASONS = ["Wrong", "Not helpful", "Not in our words", "Too long", "Unsafe"]
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
_BETWEEN_UPDATES = 0.04  # seconds; a page can't show more, and each update carries the whole reply


@dataclass
class Pane:
    """The components of one side; made inside a column of the page."""

    services: Services
    stops: Stops
    label: str
    model: gr.Dropdown = field(init=False)

    def build_picker(self) -> None:
        """Put the choice of a model on the page."""
        self.model = gr.Dropdown([("Base model", BASE)], value=BASE, label=self.label)

    def build(self) -> None:
        """Put the conversation on the page."""
        self.talk = gr.State(Talk())
        self.chatbot = gr.Chatbot(
            label=f"Conversation with {self.label.lower()}",
            show_label=False,
            height=300,
            placeholder="Write a message below, or ask a test question.",
            buttons=["copy"],
            allow_tags=False,
            sanitize_html=True,
            latex_delimiters=[],
            group_consecutive_messages=False,
            feedback_options=None,
            elem_classes="chatui-chatbot",
        )
        with gr.Row(elem_classes="chatui-stays chatui-judge"):
            self.about = gr.HTML(about_html(Talk()))
            self.good = gr.Button("Good reply", size="md", interactive=False, min_width=116)
            self.bad = gr.Button("Bad reply", size="md", interactive=False, min_width=116)

    def build_more(self) -> None:
        """Put what can be said about the last reply, beyond a thumb, on the page."""
        with gr.Accordion(f"Say more about the reply of the {self.label.lower()}", open=False):
            self.reason = gr.Dropdown(REASONS, value=None, label="What is wrong with it")
            self.correction = gr.Textbox(label="I would have answered", lines=2, max_lines=8)
            self.more = gr.Button("Save what you think", size="md")

    @property
    def outputs(self) -> list[Any]:
        """What `show` fills."""
        return [self.chatbot, self.about, self.good, self.bad]

    def wire(self) -> None:
        """Connect what concerns this side alone."""
        judged = [self.about]
        inputs = [self.talk]
        said: dict[str, Any] = {"reason": self.reason, "correction": self.correction}
        for button, thumb in ((self.good, self.think_good), (self.bad, self.think_bad)):
            button.click(thumb, inputs, judged, trigger_mode="once", **QUIET)
        self.more.click(
            self.say_more, inputs, judged, inputs_kwargs=said, trigger_mode="once", **QUIET
        )

    def answer(
        self, talk: Talk, model: str, selected: Selection, request: gr.Request, **options: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Stream the reply to the last message; an error stays in the conversation."""
        if model == NOBODY or not talk.is_open:
            yield talk, *show(talk)
            return
        flag = self.stops.flag(str(request.session_hash))
        try:
            wish = _wish(self.services, model, selected, options)
            yield from self._stream(talk, wish, flag.is_set)
        except (ChatUIError, ValidationError) as error:
            failed = talk.failed(_in_words(error))
            yield failed, *show(failed)
        except Exception:
            failed = talk.failed("The model failed in a way we did not foresee. The log says how.")
            yield failed, *show(failed)
            raise

    def _stream(
        self, talk: Talk, wish: "_Wish", is_stopped: Callable[[], bool]
    ) -> Iterator[tuple[Any, ...]]:
        turns, seed = talk.turns(wish.system), talk.last.tries if talk.last else 0
        yield talk, *show(talk, self._before_the_first_word(wish.base))
        asking = Asking(self.services.runs, self.services.models)
        text, shown_at = "", 0.0
        for piece in asking.stream(
            wish.model, turns, wish.decoding, base=wish.base, seed=seed, cancelled=is_stopped
        ):
            if isinstance(piece, Asked):
                talk = _ended(talk, Answer(piece, turns, wish.model, wish.decoding, seed))
                yield talk, *show(talk)
                return
            text += piece
            if time.monotonic() - shown_at > _BETWEEN_UPDATES:
                shown_at = time.monotonic()
                yield gr.skip(), *show(talk, text)

    def _before_the_first_word(self, base: str) -> str:
        models = self.services.models
        if models.is_loaded(base):
            return WAITING
        why = models.why_away(base)
        return LOADING if why is None else f"{LOADING[:-1]} again: {why}."

    def think_good(self, talk: Talk, request: gr.Request) -> str:
        """Save a thumb up."""
        return self._judge(talk, request, "up")

    def think_bad(self, talk: Talk, request: gr.Request) -> str:
        """Save a thumb down."""
        return self._judge(talk, request, "down")

    def say_more(self, talk: Talk, request: gr.Request, reason: str | None, correction: str) -> str:
        """Save what is wrong and what would have been right, as a thumb down."""
        said = {"reason": reason or None, "correction": correction.strip() or None}
        return self._judge(talk, request, "down", **said)

    def _judge(self, talk: Talk, request: gr.Request, thumb: Thumb, **said: str | None) -> str:
        if talk.last is None or talk.last.answer is None:
            return about_html(talk)
        visitor = content_hash(str(request.session_hash))[:16]
        self.services.feedback.save(talk.last.answer.feedback(thumb, visitor, **said))
        words = "Good reply, saved" if thumb == "up" else "Bad reply, saved"
        return about_html(talk, f"{words} with what you wrote." if any(said.values()) else words)


@dataclass(frozen=True, slots=True)
class _Wish:
    """Whom to ask, and how."""

    model: str
    base: str
    system: str
    decoding: Decoding


def _wish(services: Services, model: str, selected: Selection, options: dict[str, Any]) -> _Wish:
    run = selected.run if model == BASE else model  # the base that the selected run stands on
    base = services.runs.view(run).base if run else STARTER
    decoding = Decoding(**{n: v for n, v in options.items() if n in Decoding.model_fields})
    return _Wish(model, base, str(options.get("system") or ""), decoding)


def show(talk: Talk, pending: str | None = None) -> tuple[Any, ...]:
    """What the page shows of a talk: messages, the line about the last reply, two buttons."""
    can_judge = talk.last is not None and talk.last.answer is not None
    button = gr.Button(interactive=can_judge)
    return messages(talk, pending), about_html(talk), button, button


def messages(talk: Talk, pending: str | None = None) -> list[dict[str, Any]]:
    """A talk in the shape of Gradio's Chatbot; `pending` is as much of a reply as there is."""
    shown: list[dict[str, Any]] = []
    for each in talk.exchanges:
        shown.append({"role": "user", "content": _inert(each.message)})
        text = each.answer.text if each.answer else pending if talk.is_open else None
        if text is not None:
            shown.append({"role": "assistant", "content": _inert(text)})
    return shown


def about_html(talk: Talk, saved: str = "") -> str:
    """How the last reply came about, or why there is none; of a height that does not change."""
    last = talk.last
    line = '<span class="chatui-muted">No reply yet.</span>'
    if last is not None and last.problem:
        return f'<div class="chatui-about">{error_card(last.problem)}</div>'
    if last is not None and last.answer is not None:
        reply = last.answer.asked.reply
        made = reply.adapter[:8] if reply.adapter else "no adapter"
        facts = [last.answer.model, made, f"{reply.seconds:.1f} s", f"{reply.tokens} tokens"]
        if reply.ended != "end":
            facts.append("stopped" if reply.ended == "cancelled" else "cut at the token limit")
        line = f'<span class="chatui-muted">{escape(" · ".join(facts))}</span>'
    note = f' <strong role="status">✓ {escape(saved)}</strong>' if saved else ""
    return f'<div class="chatui-about">{line}{note}</div>'


def _ended(talk: Talk, answer: Answer) -> Talk:
    if answer.text.strip():
        return talk.answered(answer)
    if answer.asked.reply.ended == "cancelled":
        return talk.failed("Stopped before the first word. Regenerate asks again.")
    return talk.failed("The model ended its reply before the first word. Regenerate asks again.")


def _inert(text: str) -> str:
    """Markdown in which HTML is only text and no picture is loaded; code stays as it is."""
    parts = _CODE.split(text)  # every second one is code, which Markdown escapes itself
    parts[::2] = [part.replace("<", "&lt;").replace("![", "!\\[") for part in parts[::2]]
    return "".join(parts)


def _in_words(error: ChatUIError | ValidationError) -> str:
    if isinstance(error, ChatUIError):
        return str(error)
    first = error.errors()[0]
    return f"Sampling: {first['loc'][0]} {first['msg'].lower()}. Change it under Sampling."
