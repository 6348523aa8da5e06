"""What stands below the base picker: facts of a Hub model, and its token for this page alone."""

from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr

from chatui.errors import ChatUIError, NoChatTemplate
from chatui.model.catalog import find_base
from chatui.model.facts import facts_of
from chatui.model.templates import OWN, TEMPLATES, split_name
from chatui.ui.errors import error_card

TEMPLATE_CHOICES = [
    ("The model's own", OWN),
    *((each.title, name) for name, each in TEMPLATES.items()),
]


def look(base: str, token: str | None) -> tuple[Any, Any, Any]:
    """The facts of a base model, the token's field and the choice of a chat template.

    Only a model of the Hub that is not on this disk is asked for there, by what the user typed.
    """
    choice = split_name(base or "")[1]
    try:
        is_far = not find_base(base or "").is_local
        facts = facts_of(base or "", (token or "").strip() or None)
    except NoChatTemplate as error:
        told = error_card(str(error))
        return (
            told,
            gr.Textbox(visible=False),
            gr.Dropdown(TEMPLATE_CHOICES, value=OWN, visible=True),
        )
    except ChatUIError as error:
        is_hub = "/" in (base or "") and "could not be downloaded" in str(error)
        told = error_card(str(error)) if is_hub else ""  # others are told beside Start
        return told, gr.Textbox(visible=is_hub), _template(choice)
    shown = f'<p class="chatui-muted">{escape(facts.sentence)}</p>' if is_far else ""
    return shown, gr.Textbox(visible=is_far), _template(choice)


def secrets_of(token: str | None) -> Mapping[str, str]:
    """The variable that carries a token to the worker of a run; nothing where none is given."""
    given = (token or "").strip()
    return {"CHATUI_HUB_TOKEN": given} if given else {}


def _template(choice: str) -> Any:
    return gr.Dropdown(TEMPLATE_CHOICES, value=choice, visible=choice != OWN)
