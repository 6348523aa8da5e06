"""Ask the base model or a run, by name: what the Chat tab and the command line have in common."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chatui.conversation import Turn
from chatui.errors import NoAdapterYet
from chatui.model.decoding import Decoding
from chatui.model.requests import Reply, Request
from chatui.model.shelf import ModelShelf
from chatui.train.runs import RunStore

BASE = "base"


@dataclass(frozen=True, slots=True)
class Asked:
    """A reply with everything that is needed to make it again."""

    reply: Reply
    model_hash: str
    base_hash: str
    template_hash: str


class Asking:
    """Models by name: `base`, or a run's id for its adapter."""

    def __init__(self, runs: RunStore, models: ModelShelf) -> None:
        self._runs = runs
        self._models = models

    def stream(
        self,
        model: str,
        turns: tuple[Turn, ...],
        decoding: Decoding,
        *,
        base: str,
        seed: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[str | Asked]:
        """Yield pieces of the reply as they come, and at last an Asked.

        `base` is the base model to ask when `model` is `base`; a run brings its own.
        """
        view = None if model == BASE else self._runs.view(model)
        if view is not None and view.adapter is None:
            raise NoAdapterYet(view.id, view.job.state)
        with self._models.using(base if view is None else view.base) as engine:
            adapter = engine.attach(view.adapter) if view is not None and view.adapter else None
            reply = yield from engine.stream(Request(turns, adapter, decoding, seed), cancelled)
            hashes = engine.model_hash(adapter), engine.base_hash, engine.template_hash
        yield Asked(reply, *hashes)

    def ask(self, model: str, text: str, *, system: str | None, base: str) -> Asked:
        """One reply to one message, greedily."""
        opening = (Turn("system", system),) if system else ()
        turns = (*opening, Turn("user", text))
        *_, asked = self.stream(model, turns, Decoding(), base=base)
        assert isinstance(asked, Asked)
        return asked
