"""What can go wrong when several processes, or a machine elsewhere, train one run."""

from chatui.errors.base import ChatUIError


class ProcessLost(ChatUIError):
    """One of the processes that train a run together is gone, and the others with it."""

    def __init__(self, said: str | None = None) -> None:
        told = f" It said: {said}" if said else ""
        super().__init__(
            "One of the processes of this run ended before it was done (killed, or out of memory)."
            f"{told} What was learned up to the last checkpoint is kept; the run can be resumed."
        )


class OtherTeam(ChatUIError):
    """A worker was started in another number than its run asks for, or learns in another way."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"{problem}. Start it with the number that the run was made for, or resume it with "
            "another one (`resume RUN --processes N`)."
        )


class LearnsAlone(ChatUIError):
    """Several processes were asked to train a run in a way that is only exact for one."""

    def __init__(self) -> None:
        super().__init__(
            "A run of this kind is trained by one process: with several it has not been shown to "
            "learn the same. Resume it with `resume RUN --processes 1`."
        )


class CannotShard(ChatUIError):
    """A base model whose blocks are not known can't be divided among processes."""

    def __init__(self, base: str) -> None:
        super().__init__(
            f"The weights of {base} can't be divided among processes: it does not say what its "
            "blocks are. Train it without sharding, or choose another base model."
        )


class OtherNumber(ChatUIError):
    """A run that draws random numbers was to go on with another number of processes."""

    def __init__(self, run: str, before: int, wanted: int) -> None:
        super().__init__(
            f"{run} began with {_counted(before)} and draws random numbers (LoRA dropout or "
            f"NEFTune noise), so with {_counted(wanted)} it would become another run. "
            f"Resume it with {_counted(before)}, or start a new one."
        )


class NoHubToken(ChatUIError):
    """Hugging Face Jobs was asked for without an account."""

    def __init__(self) -> None:
        super().__init__(
            "Training on Hugging Face needs a token of your account. Set CHATUI_HUB_TOKEN (it is "
            "written nowhere), or log in with `hf auth login`; then resume the run."
        )


class NotOnTheHub(ChatUIError):
    """The Hugging Face Hub refused something, or could not be reached."""

    def __init__(self, reason: str) -> None:
        said = " ".join(reason.split())[:300]
        super().__init__(
            f"Hugging Face did not do it: {said}. Check token, credit, the name of the machine and "
            "the network, then resume the run: it goes on with a job that still runs."
        )


class JobElsewhereFailed(ChatUIError):
    """A job on Hugging Face ended without having trained the run to its end."""

    def __init__(self, stage: str, said: list[str]) -> None:
        told = " ".join(" ".join(said).split())[-300:] or "nothing"
        super().__init__(
            f"The job on Hugging Face has ended ({stage.lower() or 'no stage'}) before the run was "
            f"done. It said: {told}. Resume the run to start it again from its last checkpoint."
        )


def _counted(processes: int) -> str:
    return f"{processes} process" if processes == 1 else f"{processes} processes"
