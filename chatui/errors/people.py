"""What can go wrong with studies, raters and their links."""

from chatui.errors.base import ChatUIError


class NothingToRate(ChatUIError):
    """A study was asked for a run that has no test items, or for no items."""

    def __init__(self, run: str) -> None:
        super().__init__(
            f"{run} has no test items to rate. Save a dataset version with a test split and train "
            "on it, then start the study."
        )


class RunNotRateable(ChatUIError):
    """A study needs a run at rest with an adapter, to compare it with the base model."""

    def __init__(self, run: str, state: str) -> None:
        super().__init__(
            f"{run} is {state} and has no final adapter to compare with the base model. "
            "Let it finish, or choose another run."
        )


class StudyNotReady(ChatUIError):
    """A study whose replies are still being made can't start."""

    def __init__(self, study: str) -> None:
        super().__init__(
            f"The replies of {study} are not complete yet; the study can start when they are."
        )


class StudyNotOpen(ChatUIError):
    """An answer, a change or an invitation came before the start or after the close of a study."""

    def __init__(self, study: str) -> None:
        super().__init__(f"Study {study} is not open: it takes no ratings, and nothing was saved.")


class StudyStillOpen(ChatUIError):
    """Results and exports name the systems, so they wait until nobody can rate any more."""

    def __init__(self, study: str) -> None:
        super().__init__(
            f"Names stay hidden while study {study} is open. Close it to see the result."
        )


class LinkNotValid(ChatUIError):
    """A rater's link that was revoked, replaced or never given."""

    def __init__(self) -> None:
        super().__init__(
            "This link is not valid any more. Ask the person who sent it for a new one."
        )


class LinkChanged(ChatUIError):
    """Another rater's link was opened in the same browser while a page was open."""

    def __init__(self) -> None:
        super().__init__(
            "Another link was opened in this browser, so this answer was not saved. Open your own "
            "link again."
        )


class ConsentMissing(ChatUIError):
    """A rater's answer came before their consent."""

    def __init__(self) -> None:
        super().__init__("Please read what is stored and agree to it first; nothing was saved.")


class NotRateable(ChatUIError):
    """An answer that does not fit: an item that was not shown, or a value that was not offered."""

    def __init__(self, what: str) -> None:
        super().__init__(f"This answer was not saved: {what}. Reload the page and answer again.")
