"""Ask one loaded model what a score needs: likelihoods, then replies, base first, then tuned.

Everything is on disk before the journal says so; what is there already is not asked again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chatui.conversation import Conversation
from chatui.errors import EqualWeights
from chatui.jobs import Task
from chatui.model.requests import Item, Likelihood, Reply
from chatui.replies import ReplySet, ReplyStore
from chatui.replies.store import Replier
from chatui.score.config import SYSTEMS, ScoreConfig, System
from chatui.score.likelihoods import LikelihoodFile, pooled_perplexity
from chatui.score.report import SkippedItem

_LINES = 50  # about so many steps are journalled for each of the four passes


class Model(Replier, Protocol):
    """What a score asks of an Engine."""

    @property
    def base_hash(self) -> str:
        """Hash of the base model."""

    @property
    def template_hash(self) -> str:
        """Hash of the chat template."""

    def model_hash(self, adapter: str | None) -> str:
        """Hash of base, adapter and template."""

    def likelihoods(
        self, items: Sequence[Item], done: Callable[[int, Likelihood], None] | None = None
    ) -> list[Likelihood]:
        """How likely the last turns are."""

    def only_write(self) -> None:
        """From now on only replies are asked for."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What both systems were found to do; scored and skipped are all items."""

    scored: list[Conversation]
    skipped: list[SkippedItem]
    likelihoods: dict[System, dict[str, Likelihood]]  # by conversation id
    replies: dict[System, dict[str, Reply]]
    reply_keys: dict[System, str]  # where the replies are kept


class Measuring:
    """One score in the making."""

    def __init__(
        self, task: Task, config: ScoreConfig, model: Model, items: list[Conversation]
    ) -> None:
        self._task = task
        self._config = config
        self._model = model
        self._items = items
        self._file = LikelihoodFile(task.folder)
        self._steps = 2 * len(SYSTEMS) * len(items)
        self._passed = 0  # steps of the passes that are complete

    def measure(self, store: ReplyStore) -> Measured:
        """Ask for all that is missing; raises EqualWeights if the adapter changes nothing."""
        for system in SYSTEMS:
            self._likelihoods_of(system)
        likelihoods = self._file.read()
        _refuse_equal_weights(self._config.run, likelihoods)
        self._model.only_write()
        skipped = _skipped_items(likelihoods, self._items)
        left_out = {item.id for item in skipped}
        scored = [item for item in self._items if item.id not in left_out]
        sets = {system: self._reply_set(system) for system in SYSTEMS}
        return Measured(
            scored=scored,
            skipped=skipped,
            likelihoods=likelihoods,
            replies={
                system: self._replies_of(system, sets[system], store, scored) for system in SYSTEMS
            },
            reply_keys={system: sets[system].key for system in SYSTEMS},
        )

    def _likelihoods_of(self, system: System) -> None:
        known = self._file.read()[system]
        wanted = [each for each in self._items if each.id not in known]
        ready = [known[each.id] for each in self._items if each.id in known]
        asked = [Item(each.turns, self._adapter(system)) for each in wanted]

        def keep(index: int, likelihood: Likelihood) -> None:
            ready.append(self._file.append(system, wanted[index].id, likelihood))
            self._report("likelihoods", system, len(ready), perplexity=pooled_perplexity(ready))

        self._report("likelihoods", system, len(ready), perplexity=pooled_perplexity(ready))
        if asked:
            self._model.likelihoods(asked, keep)
        self._passed += len(self._items)

    def _replies_of(
        self, system: System, replies: ReplySet, store: ReplyStore, items: Sequence[Conversation]
    ) -> dict[str, Reply]:
        def progress(done: int, wanted: int) -> None:
            self._report("replies", system, done + len(self._items) - wanted)

        filled = store.fill(self._model, replies, items, progress)
        self._passed += len(self._items)
        return filled

    def _reply_set(self, system: System) -> ReplySet:
        adapter = self._adapter(system)
        made_by = self._model.model_hash(adapter)
        return ReplySet(self._config.test_hash, made_by, adapter, self._config.decoding)

    def _adapter(self, system: System) -> str | None:
        return self._config.adapter_hash if system == "tuned" else None

    def _report(
        self, doing: str, system: System, done: int, perplexity: float | None = None
    ) -> None:
        """Journal where the pass stands, now and then, and end here if Stop was pressed."""
        of = len(self._items)
        if done in (0, of) or done % max(1, of // _LINES) == 0:
            fields = {"doing": doing, "system": system, "done": done, "of": of}
            partial = {} if perplexity is None else {"perplexity": perplexity}
            self._task.step(self._passed + done, self._steps, **fields, **partial)
        self._task.raise_if_stopped()


def _skipped_items(
    likelihoods: Mapping[System, Mapping[str, Likelihood]], items: Sequence[Conversation]
) -> list[SkippedItem]:
    found = []
    for item in items:
        reasons = [r for system in SYSTEMS if (r := likelihoods[system][item.id].skipped)]
        if reasons:
            found.append(SkippedItem(item.id, reasons[0]))
    return found


def _refuse_equal_weights(run: str, likelihoods: Mapping[System, Mapping[str, Likelihood]]) -> None:
    """An adapter that moves no likelihood at all changes nothing: there is nothing to compare."""
    base, tuned = (likelihoods[system] for system in SYSTEMS)
    scored = [item for item in base if not base[item].skipped and not tuned[item].skipped]
    if scored and all(base[item].nats == tuned[item].nats for item in scored):
        raise EqualWeights(run)
