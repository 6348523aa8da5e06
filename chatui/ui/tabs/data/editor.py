"""The form that changes the words of one row: a text box for each of its turns."""

from typing import Any

import gradio as gr

from chatui.errors import ChatUIError
from chatui.ui.errors import error_card
from chatui.ui.frame import SPEAKERS
from chatui.ui.state import QUIET
from chatui.ui.tabs.data.deciding import RowHandlers
from chatui.ui.tabs.data.looking import Editing
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.source import Source

_MOST_TURNS = 40  # boxes of a form; a page with hundreds of them would stand still


def draw_form(parts: Parts, handlers: RowHandlers) -> None:
    """Show the form in its place while a row is being edited, made anew for each row."""
    with parts.editor:

        @gr.render(  # type: ignore[untyped-decorator]
            inputs=[parts.editing], triggers=[parts.editing.change], **_RENDER
        )
        def form(editing: Editing | None) -> None:
            if editing is None:
                return None
            with gr.Column(elem_id="row-editor", elem_classes="chatui-card"):
                gr.HTML(f'<h3 class="chatui-heading">Edit row {editing.number:,}</h3>')
                if len(editing.turns) > _MOST_TURNS:
                    return _too_long(parts, editing)
                boxes = [
                    _box(turn.text, _label(editing, at)) for at, turn in enumerate(editing.turns)
                ]
                problem = gr.HTML()
                with gr.Row(elem_classes="chatui-stays"):
                    save = gr.Button("Save changes", scale=0, min_width=150, elem_id="save-row")
                    cancel = gr.Button("Cancel", scale=0, min_width=110)

            def reword(editing: Editing, selected: Any, source: Source, *texts: str) -> Any:
                try:
                    return handlers.reword(editing, selected, source, texts)
                except ChatUIError as error:
                    return {problem: error_card(str(error))}

            state = [parts.editing, parts.selection, parts.source]
            save.click(
                reword,
                [*state, *boxes],
                [*parts.all(), problem],
                trigger_mode="once",
                **QUIET,
            )
            cancel.click(lambda: None, None, parts.editing, **QUIET)
            return None


_RENDER: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None}


def _label(editing: Editing, at: int) -> str:
    name = SPEAKERS[editing.turns[at].speaker].capitalize()
    alike = [turn.speaker for turn in editing.turns].count(editing.turns[at].speaker)
    return name if alike == 1 else f"{name} (turn {at + 1})"


def _too_long(parts: Parts, editing: Editing) -> None:
    gr.HTML(
        f'<p class="chatui-warning">This conversation has {len(editing.turns):,} turns, too many '
        "for a form. Edit it in your file, or with <code>edit</code> on the command line.</p>"
    )
    gr.Button("Close").click(lambda: None, None, parts.editing, **QUIET)


def _box(text: str, label: str) -> gr.Textbox:
    # Said to be interactive: where a render also listens, Gradio takes its boxes for outputs.
    return gr.Textbox(text, label=label, lines=2, max_lines=14, interactive=True)
