"""What can go wrong with cleaning recipes, with rows brought back and with exports."""

from chatui.errors.base import ChatUIError


class BadParameter(ChatUIError):
    """A parameter of a cleaning step has a value that it can't have."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"The cleaning parameter {name[:40]!r} can't be used: {problem}. Give it another value."
        )


class BadRecipe(ChatUIError):
    """A file that should be a recipe and is none."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"{name} can't be used as a recipe: {problem}. Mend it, or take the recipe.json of a "
            "version."
        )


class NotRestorable(ChatUIError):
    """A removed row was asked back that is not there, or that holds no conversation."""

    def __init__(self, dataset: str, row: int, why: str) -> None:
        super().__init__(
            f"Row {row} can't be brought back into {dataset}: {why}. See the rows that can with "
            f"`removed {dataset}`."
        )


class NotEditable(ChatUIError):
    """A row was to be edited, left out or flagged that is not there, or holds no conversation."""

    def __init__(self, dataset: str, row: int, why: str) -> None:
        super().__init__(
            f"Row {row} of {dataset} can't be changed: {why}. Nothing was saved. `removed "
            f"{dataset}` lists the rows that were removed."
        )


class NoSuchEdit(ChatUIError):
    """What was written into a row is no conversation."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(
            f"Row {row} can't be saved so: {problem}. A conversation needs a question and a reply; "
            "to be rid of it, leave it out."
        )


class NotExportable(ChatUIError):
    """A dataset holds something that a format has no place for."""

    def __init__(self, dataset: str, wanted: str, problem: str) -> None:
        super().__init__(
            f"{dataset} can't be written as {wanted}: {problem}. Nothing was written. Choose the "
            "format messages, which holds everything."
        )


class FileNotWritable(ChatUIError):
    """A file outside the workspace that could not be written."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} can't be written: {reason}. Choose another place.")
