"""What every failure with a sentence is made of, and the failures of names, disks and settings."""


class ChatUIError(Exception):
    """A failure with a sentence for the person in front of the page."""


class NotFound(ChatUIError):
    """Something was asked for by a name that the workspace does not know."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        listed = ", ".join(known[:8]) or "none yet"
        super().__init__(f"There is no {kind} called {name!r}. Known: {listed}.")


class BadName(ChatUIError):
    """A name that would not be safe or readable as a folder."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:40]!r} can't be used as a name. "
            "Use letters, digits, spaces, '-' and '_', at most 60 characters."
        )


class DiskFull(ChatUIError):
    """The disk refused a write; what was there before is untouched."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The disk is full: {what} was not saved, nothing else was changed. "
            "Delete a dataset or a run you no longer need, then try again."
        )


class DatabaseUnusable(ChatUIError):
    """The database could not be opened or brought up to date."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The database {name} can't be used: {reason}. Nothing in it was changed. "
            "Check that the file is readable and writable, or name another one."
        )


class DatabaseIsNewer(ChatUIError):
    """The database was written by a later version of chatui."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The database was written by a newer chatui (its schema is {revision}). "
            "Update chatui; nothing was changed."
        )


class PortTaken(ChatUIError):
    """The address to serve on can't be used."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"chatui can't serve on {host}, port {port} ({reason or 'it is refused'}). "
            "Choose another one with --port or CHATUI_PORT, or end what uses it."
        )


class BadOption(ChatUIError):
    """An option of the command line that cannot be understood."""

    def __init__(self, flag: str, problem: str) -> None:
        super().__init__(f"{flag}: {problem}. Write {flag} NAME=VALUE; see `--help`.")


class BadEnvironment(ChatUIError):
    """A setting from the environment or the command line that makes no sense."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"The setting {name!r} can't be used: {problem}. Change CHATUI_{name.upper()} "
            "or the option of that name."
        )
