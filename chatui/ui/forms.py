"""Draw a form from a pydantic model: one labelled component for each field.

The label is the field's name in words (or its `title`), the help text its description, the limits
its `ge`, `gt`, `le` and `lt`. Nothing about a field is said twice.
"""

import math
from collections.abc import Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from pydantic import BaseModel
from pydantic.fields import FieldInfo


def form(config_type: type[BaseModel], names: Sequence[str] | None = None) -> dict[str, Block]:
    """One component for each field, ready to be a listener's `inputs_kwargs`.

    `names` chooses fields and their order; by default all, in the order of the model.
    """
    fields = config_type.model_fields
    return {name: _component(name, fields[name]) for name in names or fields}


def label_of(name: str, field: FieldInfo) -> str:
    """What a field is called on the page: "Learning rate" for `learning_rate`."""
    return field.title or name.replace("_", " ").capitalize()


def _component(name: str, field: FieldInfo) -> Component:
    label, info = label_of(name, field), field.description
    value: Any = None if field.is_required() else field.get_default(call_default_factory=True)
    kind = _without_none(field.annotation)
    if get_origin(kind) is Literal:
        return gr.Dropdown(list(get_args(kind)), value=value, label=label, info=info)
    if kind is bool:
        return gr.Checkbox(bool(value), label=label, info=info)
    if kind in (int, float):
        low, high = _limits(field)
        precision = 0 if kind is int else None
        common: dict[str, Any] = {"label": label, "info": info, "precision": precision}
        return gr.Number(value, minimum=low, maximum=high, step=_step(kind, value), **common)
    return _text(field, value, label)


def _text(field: FieldInfo, value: Any, label: str) -> Component:
    """A line to type in; one that has examples offers them, and takes others too."""
    if field.examples:
        choices = [str(example) for example in field.examples]
        return gr.Dropdown(
            choices, value=value, label=label, info=field.description, allow_custom_value=True
        )
    if isinstance(value, tuple):
        value = ", ".join(value)
    return gr.Textbox(None if value is None else str(value), label=label, info=field.description)


def _without_none(annotation: Any) -> Any:
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    is_optional = NoneType in get_args(annotation) and len(kinds) == 1
    return kinds[0] if is_optional else annotation


def _step(kind: type, value: float | None) -> float:
    """How far an arrow of the field goes: 1 for whole numbers, else the value's first digit."""
    if kind is int or not value:
        return 1 if kind is int else 0.1
    return float(10.0 ** math.floor(math.log10(abs(value))))


def _limits(field: FieldInfo) -> tuple[float | None, float | None]:
    """The lowest and highest value that the field takes.

    A `gt` or `lt` is passed on as if it were inclusive: the browser knows no other, and the model
    itself refuses the limit with its own sentence.
    """
    found: dict[str, float] = {}
    for limit in field.metadata:
        for name in ("ge", "gt", "le", "lt"):
            if getattr(limit, name, None) is not None:
                found[name] = getattr(limit, name)
    return found.get("ge", found.get("gt")), found.get("le", found.get("lt"))
