"""The Data tab: a file in, looked at, cleaned and split, and saved as a version."""

from pathlib import Path
from typing import Any

import gradio as gr

from chatui.services import Services
from chatui.ui.errors import shows_errors
from chatui.ui.state import QUIET, Page, Selection
from chatui.ui.tabs.data import large, mixing
from chatui.ui.tabs.data.deciding import RowHandlers
from chatui.ui.tabs.data.editor import draw_form
from chatui.ui.tabs.data.getting import GettingHandlers
from chatui.ui.tabs.data.handlers import Handlers
from chatui.ui.tabs.data.layout import components
from chatui.ui.tabs.data.measuring import MeasuringHandlers
from chatui.ui.tabs.data.parts import Parts
from chatui.ui.tabs.data.recipes import RecipeHandlers

_CSS = (Path(__file__).parent / "data.css").read_text(encoding="utf-8")


def build(services: Services, page: Page) -> None:
    """Pick or drop a dataset, see what cleaning does to it, save it as a version."""
    gr.HTML(f"<style>{_CSS}</style>", visible="hidden")
    parts = components(page)
    handlers = Handlers(services, parts)
    everything = parts.all()
    chosen = parts.chosen()
    state = [page.selection, parts.source]

    dataset, is_saved = gr.State(""), gr.State("")
    # A run that goes on is no reason to draw everything here anew.
    page.looks["data"].change(_chosen, page.selection, [dataset, is_saved], **QUIET)
    dataset.change(handlers.refresh, state, everything, **QUIET)
    parts.picker.input(handlers.pick, [parts.picker, *state], everything, **QUIET)
    parts.file.upload(handlers.upload, [parts.file, *state], everything, **QUIET)
    gr.on(
        [parts.fetch.click, parts.address.submit],
        GettingHandlers(services, parts).fetch,
        [parts.address, page.selection],
        everything,
        trigger_mode="once",
        **QUIET,
    )
    typed = (parts.seed, parts.prompt, parts.name, *parts.fields)
    gr.on(
        [part.input for part in (*parts.switches, parts.by_content)]
        + [part.input for part in (*parts.columns, parts.encoding, parts.sheet, parts.member)]
        + [event for part in typed for event in (part.blur, part.submit)],
        shows_errors(handlers.redraft),
        state,
        everything,
        inputs_kwargs={**chosen, "position": parts.position},
        **QUIET,
    )
    parts.save.click(
        shows_errors(handlers.save),
        state,
        everything,
        inputs_kwargs=chosen,
        api_name="save_version",
        trigger_mode="once",
    )
    parts.again.click(handlers.clean_again, state, everything, trigger_mode="once", **QUIET)
    large.build(services, page)
    mixing.build(services, page, is_saved)
    _wire_looking(parts, handlers)
    _wire_rows(parts, RowHandlers(services, parts), state)
    _wire_measuring(parts, MeasuringHandlers(services, parts))
    _wire_recipes(parts, RecipeHandlers(services, parts), state)
    _wire_restoring(parts, handlers, state)
    _wire_keeping(parts, handlers, state)


def _chosen(selected: Selection) -> tuple[str | None, str]:
    """The version that is looked at, and the same with whether there is something unsaved."""
    return selected.dataset, f"{selected.dataset} {selected.unsaved}"


def _wire_looking(parts: Parts, handlers: Handlers) -> None:
    """Page through the rows, all or those of a kind."""
    shown = [
        *(parts.position, parts.go_to, parts.where, parts.preview, parts.which),
        *(parts.edit, parts.leave, parts.flag),
    ]
    for button, step in ((parts.previous, -1), (parts.following, 1)):
        inputs = [parts.source, parts.position, parts.which]
        button.click(handlers.turn_page(step), inputs, shown, **QUIET)
    parts.which.input(handlers.look_at, [parts.source, parts.which], shown, **QUIET)
    parts.go_to.submit(handlers.go_to, [parts.source, parts.go_to], shown, **QUIET)


def _wire_rows(parts: Parts, handlers: RowHandlers, state: list[Any]) -> None:
    """Decide about the row that is shown; undo and redo whatever was chosen."""
    draw_form(parts, handlers)
    parts.edit.click(handlers.edit, [parts.source, parts.position], parts.editing, **QUIET)
    for button, handler in (
        (parts.leave, handlers.toggle_out),
        (parts.flag, handlers.toggle_flag),
        (parts.undo, handlers.undo),
        (parts.redo, handlers.redo),
    ):
        button.click(
            shows_errors(handler),
            [*state, parts.position, parts.which],
            parts.all(),
            trigger_mode="once",
            **QUIET,
        )


def _wire_measuring(parts: Parts, handlers: MeasuringHandlers) -> None:
    """Measure what is shown whenever that has changed; of several changes, the last one."""
    inputs = [parts.source, parts.base, parts.limit]
    outputs = [parts.health, parts.measured, parts.measuring_problem, parts.count]
    last: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
    parts.source.change(handlers.at_once, inputs, outputs, **last)
    chosen = [parts.base.input, parts.limit.submit, parts.limit.blur]
    gr.on(chosen, handlers.at_once, inputs, outputs, **last)
    once: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
    parts.count.click(handlers.all_of_them, inputs, outputs, **once)


def _wire_recipes(parts: Parts, handlers: RecipeHandlers, state: list[Any]) -> None:
    """Hand out the recipe and the version, and take a recipe in."""
    outputs = [parts.download_recipe, parts.download, parts.download_problem]
    gr.on(
        [parts.source.change, parts.form.input],
        handlers.offer,
        [parts.source, parts.form],
        outputs,
        trigger_mode="always_last",
        **QUIET,
    )
    parts.recipe_file.upload(handlers.use, [parts.recipe_file, *state], parts.all(), **QUIET)


def _wire_restoring(parts: Parts, handlers: Handlers, state: list[Any]) -> None:
    """List what a step removed, and bring rows back."""
    everything = parts.all()
    parts.removed_by.input(
        handlers.list_removed, [parts.removed_by, parts.source], parts.removed_rows, **QUIET
    )
    for button, handler, chosen in (
        (parts.restore, handlers.restore, [parts.removed_rows]),
        (parts.restore_all, handlers.restore_all, [parts.removed_by]),
    ):
        button.click(
            shows_errors(handler), [*chosen, *state], everything, trigger_mode="once", **QUIET
        )


def _wire_keeping(parts: Parts, handlers: Handlers, state: list[Any]) -> None:
    """Rename and delete; deleting asks in place."""
    everything = parts.all()
    rename, delete = shows_errors(handlers.rename), shows_errors(handlers.delete)
    gr.on(
        [parts.rename.click, parts.new_name.submit],
        rename,
        [parts.new_name, *state],
        everything,
        trigger_mode="once",
        **QUIET,
    )
    asking = [parts.delete, parts.asking, parts.question]
    parts.delete.click(shows_errors(handlers.ask), state, asking, **QUIET)
    parts.keep.click(handlers.keep, None, asking, **QUIET)
    parts.confirm.click(delete, state, everything, trigger_mode="once", **QUIET)
