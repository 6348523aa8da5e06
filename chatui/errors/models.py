"""What can go wrong with base models, adapters, jobs, runs and scores."""

from chatui.errors.base import ChatUIError


class UnknownBase(ChatUIError):
    """A base model's name that is neither the starter, a folder nor a Hub name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no base model called {name[:80]!r}. Use 'starter', a folder on this "
            "machine, or a Hub name such as 'HuggingFaceTB/SmolLM2-135M-Instruct'."
        )


class BaseNotUsable(ChatUIError):
    """A base model was found, but it cannot be trained or asked."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The base model {name!r} can't be used: {reason}. Choose another base model."
        )
        self.reason = reason


class NoChatTemplate(BaseNotUsable):
    """A base model that brings no chat template, and for which none was chosen."""

    def __init__(self, name: str, offered: list[str]) -> None:
        ChatUIError.__init__(
            self,
            f"The base model {name!r} brings no chat template, so it can't hold a conversation "
            f"yet. Choose one for it: {', '.join(offered)} (`--template`, or "
            f"'{name}#{offered[0]}' as its name).",
        )


class BaseNotReachable(ChatUIError):
    """A base model of the Hub could not be downloaded."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The base model {name!r} could not be downloaded: {reason}. Check the name and the "
            "network, or choose 'starter' or a folder on this machine."
        )
        self.reason = reason


class EngineNotReachable(ChatUIError):
    """The server that answers instead of this machine does not."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"The model server at {address} did not answer: {reason}. What you wrote is kept: ask "
            "again when it is there, or unset CHATUI_ENGINE_URL to answer on this machine."
        )


class AdapterNotUsable(ChatUIError):
    """An adapter's folder is damaged, or belongs to another base model."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The adapter in {name!r} can't be used: {reason}. "
            "Choose another run, or train this one again."
        )


class NoAdapterYet(ChatUIError):
    """A run was asked to reply before it had learned anything."""

    def __init__(self, run: str, state: str) -> None:
        super().__init__(f"{run} is {state} and has no adapter yet. Wait, or choose another model.")


class JobNotResumable(ChatUIError):
    """Resume was asked for a job that is not at rest, or that is already complete."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(
            f"{name} is {state}: only a stopped, interrupted or failed job can be resumed."
        )


class JobIsActive(ChatUIError):
    """A job that waits or runs cannot be deleted."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is still active. Stop it first, then delete it.")


class CannotTrain(ChatUIError):
    """A run was refused before it began; says every reason at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class NotMeasured(ChatUIError):
    """Five steps of a run did not come to their end."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The time was not measured: {reason.rstrip('.')}.")


class BadSearch(ChatUIError):
    """A search that was asked for something that can't be tried."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"This can't be searched: {problem}.")


class SearchFailed(ChatUIError):
    """Several trials failed one after the other."""

    def __init__(self, failures: int, reason: str) -> None:
        super().__init__(
            f"{failures} trials in a row have failed, the last one so: {reason} "
            "Mend that, then resume the search."
        )


class LossNotFinite(ChatUIError):
    """Training diverged: the loss is no number any more."""

    def __init__(self, step: int, learning_rate: float, is_kept: bool) -> None:
        kept = "The best adapter before that is kept." if is_kept else "Nothing was learned before."
        super().__init__(
            f"Training went astray: at step {step} the loss is not a number any more. "
            f"Start again with a smaller learning rate than {learning_rate:.2g}. {kept}"
        )


class BadConfigFile(ChatUIError):
    """A file that should be a training configuration; says all that is wrong with it."""

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__(
            f"{name} can't be used as a training configuration: {'; '.join(problems)}. "
            "Mend it, or take the one of a run (`config RUN`)."
        )


class CannotContinue(ChatUIError):
    """A run that has nothing to go on from, or that was asked to go on as something else."""

    def __init__(self, run: str, reason: str) -> None:
        super().__init__(f"{run} can't be continued: {reason}.")


class NoSuchLayers(ChatUIError):
    """An adapter was asked for on layers that the base model does not have."""

    def __init__(self, problem: str, field: str = "target_layers") -> None:
        way_out = "others, or all-linear" if field == "target_layers" else "fewer, or 0 for all"
        super().__init__(f"{problem}. Choose {way_out}.")
        self.field = field  # the option that named them


class DatasetChanged(ChatUIError):
    """The dataset version of a run is not what it was when the run was started."""

    def __init__(self, dataset: str) -> None:
        super().__init__(
            f"The files of dataset version {dataset!r} have changed since this run was started. "
            "Save a new version on the Data tab and start a new run."
        )


class NothingToLearn(ChatUIError):
    """No row of a split can be used for training."""

    def __init__(self, dataset: str, split: str, reason: str) -> None:
        super().__init__(
            f"No {split} conversation of {dataset!r} can be used: {reason}. "
            "Raise max length, choose another base model, or change the dataset."
        )


class SetupChanged(ChatUIError):
    """What a job was told to measure is no longer what it was when the job was made."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(
            f"The {what} {name} has changed since this job was made, so its figures would mix two "
            "things. Start a new one."
        )


class NotComparable(ChatUIError):
    """Replies and references, or likelihoods, that no metric can take as they are."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"This can't be scored: {reason}.")


class BadPair(ChatUIError):
    """A file of replies and references that can't be scored as it is; nothing of it was."""

    def __init__(self, name: str, line: int | None, problem: str) -> None:
        where = name if line is None else f"{name}, line {line}"
        super().__init__(
            f"{where}: {problem}. Nothing was scored. Each line is an object such as "
            '{"reply": "…", "references": ["…"]}.'
        )


class EqualWeights(ChatUIError):
    """Base and tuned are the same model, so a comparison would say nothing."""

    def __init__(self, run: str) -> None:
        super().__init__(
            f"The adapter of {run} changes nothing: base and tuned are the same model, so there is "
            "nothing to compare. Train it for more steps, or choose another run."
        )


class NotScorable(ChatUIError):
    """A run that cannot be scored as it stands."""

    def __init__(self, run: str, reason: str) -> None:
        super().__init__(f"{run} can't be scored: {reason}.")


class BadSetting(ChatUIError):
    """A field of a form that holds nothing, or a value outside its limits."""

    def __init__(self, name: str, reason: str) -> None:
        label = name.replace("_", " ").capitalize()
        super().__init__(f"{label}: {reason[:1].lower()}{reason[1:]}. Change it and start again.")
