"""What can go wrong with a promise of privacy."""

from collections.abc import Sequence

from chatui.errors.base import ChatUIError

_SHOWN = 3


class CannotBePrivate(ChatUIError):
    """A private run met something under which its promise would not hold."""

    def __init__(self, reason: str, way_out: str) -> None:
        super().__init__(f"This run could not keep its promise of privacy: {reason}. {way_out}.")


class PrivacyStateLost(ChatUIError):
    """A private run can't go on: what it has spent so far, or its noise, is not known any more."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"This private run can't be resumed: {what}, so nobody could say what it has given "
            "away. The adapter that it has kept, and its card, still hold. Start a new run to "
            "learn more."
        )


class AdapterDoesNotLearn(ChatUIError):
    """Tensors of an adapter stayed as they were in a step that should have moved all."""

    def __init__(self, names: Sequence[str]) -> None:
        named = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
        super().__init__(
            f"{len(names)} of the adapter's tensors do not learn in private steps ({named}), "
            "so what came out would look trained and not be. Choose other target layers, or "
            "train without privacy."
        )
