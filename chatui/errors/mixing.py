"""What can go wrong when versions are mixed, balanced or augmented."""

from chatui.errors.base import ChatUIError


class BadMixture(ChatUIError):
    """Datasets were named or weighted in a way that makes no mixture."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"These datasets can't be mixed: {problem}. Write DATASET:WEIGHT for two or more, "
            "such as support-v1:2 chats-v3:1. Nothing was saved."
        )


class CannotBalance(ChatUIError):
    """A version has nothing that could be balanced."""

    def __init__(self, dataset: str, problem: str) -> None:
        super().__init__(f"{dataset} can't be balanced: {problem}. Nothing was saved.")


class CannotAugment(ChatUIError):
    """No row can be added to a version, or not in the way that was asked for."""

    def __init__(self, dataset: str, problem: str) -> None:
        super().__init__(f"{dataset} can't be augmented: {problem}. Nothing was saved.")


class NoTranslationModel(ChatUIError):
    """A folder that should hold a translation model and holds none."""

    def __init__(self, folder: str, problem: str) -> None:
        super().__init__(
            f"There is no translation model in {folder}: {problem}. Put a Marian model there, as "
            "`save_pretrained` writes it: one folder for each direction."
        )


class NoParaphrases(ChatUIError):
    """The server that was to write paraphrases did not, or wrote something else."""

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(
            f"No paraphrases from {address}: {problem}. Nothing was saved. Check the address (it "
            "often ends in /v1), the model and CHATUI_PARAPHRASE_KEY."
        )
