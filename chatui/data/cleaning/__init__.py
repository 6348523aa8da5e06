"""Clean conversations in steps that can each be switched off, and account for every row.

A step says how many rows it changed and removed, and shows examples. Cleaning twice is cleaning
once: the steps that mend texts are repeated until nothing changes.
"""

from chatui.data.cleaning.account import MAX_EXAMPLES, Account, CleanRow, Example, RemovedRow
from chatui.data.cleaning.decisions import as_stored
from chatui.data.cleaning.parameters import Parameters
from chatui.data.cleaning.passage import Cleaning, clean
from chatui.data.cleaning.steps import (
    ALL_STEPS,
    CAP,
    DEFAULT_STEPS,
    EDITED,
    EXCLUDED,
    FINAL_STEPS,
    MIX,
    ORDER,
    READ,
    STEP_NAMES,
    STEPS,
    Step,
    checked_steps,
)

__all__ = [
    "ALL_STEPS",
    "CAP",
    "DEFAULT_STEPS",
    "EDITED",
    "EXCLUDED",
    "FINAL_STEPS",
    "MAX_EXAMPLES",
    "MIX",
    "ORDER",
    "READ",
    "STEPS",
    "STEP_NAMES",
    "Account",
    "CleanRow",
    "Cleaning",
    "Example",
    "Parameters",
    "RemovedRow",
    "Step",
    "as_stored",
    "checked_steps",
    "clean",
]
