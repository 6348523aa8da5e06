"""What can go wrong with cleaning recipes, with rows brought back and with exports."""

from chatui.errors.base import ChatUIError


class BadParameter(ChatUIError):
    """A parameter of a cleaning step has a value that it can't have."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"The cleaning parameter {name[:40]!r} can't be used: {problem}. Give it another value."
        )
