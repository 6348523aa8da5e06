"""What the Data tab offers to bring back: removed rows by the step that removed them."""

from collections import Counter
from collections.abc import Sequence

import gradio as gr

from chatui.data.cleaning import ALL_STEPS, FINAL_STEPS, RemovedRow

MAX_ROWS = 200
_TITLES = {step.name: step.title for step in ALL_STEPS}


def restorable(removed: Sequence[RemovedRow]) -> list[RemovedRow]:
    """The removed rows that are conversations; others can't come back."""
    return [row for row in removed if row.step not in FINAL_STEPS and row.turns]


def steps_of(removed: Sequence[RemovedRow]) -> gr.Dropdown:
    """The steps that removed something, with how much."""
    counts = Counter(row.step for row in restorable(removed))
    choices = [(f"{_TITLES[step]}: {count:,}", step) for step, count in counts.items()]
    return gr.Dropdown(choices=choices, value=choices[0][1] if choices else None)


def rows_of(removed: Sequence[RemovedRow], step: str | None) -> gr.Dropdown:
    """The rows that one step removed, each with its reason and its beginning."""
    rows = [row for row in restorable(removed) if row.step == step]
    choices = [(_line(row), row.row) for row in rows[:MAX_ROWS]]
    return gr.Dropdown(choices=choices, value=[], multiselect=True)


def first_step(removed: Sequence[RemovedRow]) -> str | None:
    """The step whose rows are listed first."""
    return next((row.step for row in restorable(removed)), None)


def title(removed: Sequence[RemovedRow], restored: Sequence[int]) -> str:
    """What the fold is called."""
    back = f" ({len(restored):,} brought back)" if restored else ""
    return f"Bring removed rows back: {len(restorable(removed)):,}{back}"


def _line(row: RemovedRow) -> str:
    said = " → ".join(turn.text.strip() or "(blank)" for turn in row.turns).replace("\n", " ")
    return f"Row {row.row}, {row.reason}: {said if len(said) <= 80 else said[:79] + '…'}"
