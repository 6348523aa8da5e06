"""A world in which runs learn at once: their losses follow from their options alone."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatui.jobs import Journal, Task
from chatui.train.config import TrainConfig
from chatui.train.record import RunRecord
from chatui.train.search import SearchStore
from chatui.train.search_record import SearchOptions
from chatui.train.search_worker import Search
from tests.train.conftest import Bench

START = TrainConfig(epochs=2, batch_size=4, max_length=64, evaluations=4, lora_rank=4)
SPACE = ("lr=0.0001..0.03", "rank=2..64", "dropout")


def bowl(config: TrainConfig) -> float:
    """A loss with its best at a learning rate of 0.003; the rank matters a little."""
    return 1.0 + math.log10(config.learning_rate / 0.003) ** 2 + 0.01 * math.log2(config.lora_rank)


@dataclass
class World:
    """Stands for the processes that do trainings: `spawn` starts one, `turn` lets all go on."""

    loss: Callable[[TrainConfig], float] = bowl
    refuses: Callable[[TrainConfig], str] = lambda config: ""
    running: list[Path] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    def spawn(self, folder: Path, module: str) -> None:
        if module == "chatui.train.worker":
            self.running.append(folder)
            self.begun.append(folder.name)

    def turn(self, seconds: float = 0) -> None:
        for folder in list(self.running):
            if not self._goes_on(Task(folder)):
                self.running.remove(folder)

    def _goes_on(self, task: Task) -> bool:
        config = RunRecord.read(task.folder).config
        if reason := self.refuses(config):
            task.journal.append("failed", reason=reason)
            return False
        if task.should_stop:
            task.journal.append("stopped")
            return False
        done = sum(event["kind"] == "evaluation" for event in task.journal.events())
        if done == config.evaluations:
            task.journal.append("finished")
            return False
        loss = self.loss(config) + 1 / (done + 1)
        evaluation = {"loss": loss, "perplexity": math.exp(loss), "best": True}
        task.journal.append("evaluation", step=10 * (done + 1), **evaluation)
        return True


def begun(bench: Bench, searches: SearchStore, base: str, **options: Any) -> Task:
    """The task of a search that was queued; nobody does it yet."""
    space = options.pop("space", SPACE)
    how = SearchOptions(**{"trials": 8} | options)
    name = searches.start(bench.dataset.id, START, base, options=how, space=space)
    return Task(bench.workspace.existing("searches", name))


def search(bench: Bench, task: Task) -> Search:
    return Search(task, bench.runs, bench.jobs)


def last_words(task: Task) -> list[str]:
    return [str(e["text"]) for e in Journal(task.folder).events() if e["kind"] == "log"]
