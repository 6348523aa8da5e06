"""What the left side of the Train tab does: choose, check, advise, start."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import gradio as gr

from chatui.errors import CannotTrain, ChatUIError
from chatui.jobs.secrets import lending
from chatui.model.catalog import STARTER, bases_on_offer, find_base
from chatui.services import Services
from chatui.train.advice import Advice, Situation, advise
from chatui.train.checks import read_options
from chatui.train.config import GROUPS, TrainConfig
from chatui.train.hardware import Hardware
from chatui.train.launching import Launch
from chatui.train.presets import PRESETS, QUICK_LOOK, preset
from chatui.train.privacy import mechanism_for, promise_of
from chatui.train.privacy_checks import privacy_advice
from chatui.train.problem import Problem
from chatui.ui.state import Selection
from chatui.ui.tabs.train import describe
from chatui.ui.tabs.train.base_facts import secrets_of
from chatui.ui.tabs.train.going_on import GoingOn
from chatui.ui.tabs.train.keeping import Keeping
from chatui.ui.tabs.train.lesson import advice_html

_SAME = gr.skip()


class Planning:
    """The listeners of the form."""

    def __init__(self, services: Services, keeping: Keeping) -> None:
        self._services = services
        self._keeping = keeping
        self._going_on = GoingOn(services)

    def offer(self, selected: Selection, shown: str) -> tuple[Any, ...]:
        """The versions to choose from; drawn anew only when there are others."""
        views = self._services.datasets.all()
        choices = [(_version(v.id, v.name), v.id) for v in views]
        key = repr((choices, selected.dataset))
        if selected.tab != "train" or key == shown:
            return _SAME, _SAME
        return key, gr.Dropdown(choices, value=selected.dataset)

    def choose_version(self, selected: Selection, dataset: str) -> Selection:
        """Look at another version, with the newest that came of it."""
        return replace(selected, dataset=dataset, run=None, score=None, study=None)

    def choose_preset(self, base: str, chosen: str) -> tuple[Any, ...]:
        """Fill the form with a preset's options, for the size of the base model."""
        config = _preset(chosen, base)
        return tuple(config.model_dump()[name] for name in TrainConfig.model_fields)

    def choose_base(self, base: str, chosen: str, rated: str) -> tuple[Any, str]:
        """Another base model wants another learning rate; the other options stay.

        `rated` is the base that the rate in the form is for: one that came with a copied
        configuration is left as it is.
        """
        return (_SAME if base == rated else _preset(chosen, base).learning_rate), base

    def review(
        self,
        dataset: str | None,
        base: str,
        chosen: str,
        *,
        adapter: str = "",
        processes: int = 1,
        **values: object,
    ) -> Any:
        """Check the plan: presets with their minutes, checks, advice, command, Start, titles."""
        config, problems = read_options(values)
        base, adapter = (base or "").strip(), (adapter or "").strip()
        beginning, unusable = self._going_on.named(adapter, base)
        launch = Launch(processes)
        problems = [*problems, *unusable]
        problems += self._services.runs.problems(
            dataset or "", config, base, beginning=beginning, launch=launch
        )
        start = _preset(chosen, base)
        titles = [describe.accordion(g, names, config, start) for g, names in GROUPS.items()]
        return (
            gr.Radio(self._presets(dataset, base), value=chosen),
            describe.checks(problems, *self._ready(dataset, config, base, problems)),
            advice_html(self._advice(dataset, base, config)),
            describe.command(
                self._services.runs.command(
                    dataset or "VERSION", config, base, adapter=adapter, launch=launch
                )
            ),
            self._keeping.offer(config, dataset, base),
            gr.Button(interactive=not problems),
            *(gr.Accordion(label=title) for title in titles),
            gr.Button(visible=any("changed" in title for title in titles)),
        )

    def take(
        self, dataset: str | None, base: str, event: gr.EventData, **values: object
    ) -> tuple[Any, ...]:
        """Take the piece of advice whose button was pressed: the base model, then every option."""
        wanted = str((event._data or {}).get("take", ""))
        config, _ = read_options(values)
        found = {a.field: a.value for a in self._advice(dataset, base, config)}
        names = ("base", *TrainConfig.model_fields)
        return tuple(found[n] if n == wanted and n in found else _SAME for n in names)

    def new_key(self) -> str:
        """A key for the next press of Start: pressing twice is one run."""
        return uuid4().hex

    def start_run(
        self,
        dataset: str,
        base: str,
        key: str,
        selected: Selection,
        *,
        adapter: str = "",
        hub_token: str = "",
        **values: object,
    ) -> tuple[Selection, str, str]:
        """Start fine-tuning a base model on a dataset version; returns the name of the run.

        `hub_token` is for a gated or private base model: only the run's own process knows it.
        """
        launch = Launch(int(str(values.pop("processes", None) or 1)))
        config, problems = read_options(values)
        base = (base or STARTER).strip()
        beginning, unusable = self._going_on.named(adapter, base)
        if problems + unusable:
            raise CannotTrain([problem.sentence for problem in problems + unusable])
        with lending(secrets_of(hub_token)):
            run = self._services.runs.start(
                dataset, config, base, key or None, beginning=beginning, launch=launch
            )
        chain = replace(selected, tab="train", dataset=dataset, run=run, score=None, study=None)
        return chain, self.new_key(), run

    def _advice(self, dataset: str | None, base: str, config: TrainConfig) -> list[Advice]:
        try:
            rows = self._services.datasets.view(dataset or "").splits.get("train", 0)
            found = find_base(base)
            seconds = self._services.runs.seconds_for(dataset or "", config, base)
        except ChatUIError:  # told beside Start already
            return []
        offered = tuple(bases_on_offer())
        fits = self._services.runs.forecast.fits(dataset, config, [found, *offered])
        verdicts = {fit.base.name: fit.verdict for fit in fits if fit}
        situation = Situation(
            rows, found, config, Hardware.here(), seconds, offered=offered, verdicts=verdicts
        )
        return [*privacy_advice(config), *advise(situation)]

    def _ready(
        self, dataset: str | None, config: TrainConfig, base: str, problems: list[Problem]
    ) -> tuple[str, str]:
        """What will be done and what it takes, and a warning where it barely fits."""
        if problems or dataset is None:
            return "", ""
        splits = self._services.datasets.view(dataset).splits
        seconds = self._services.runs.seconds_for(dataset, config, base)
        private = mechanism_for(config, splits["train"])
        promise = f" {promise_of(private)}" if private else ""
        fit = self._services.runs.forecast.fit(dataset, config, find_base(base))
        memory = f", {fit.label}" if fit else ""
        return (
            f"Ready: {splits['train']} conversations to learn from, {splits['validation']} to "
            f"measure with, {describe.minutes(seconds)}{memory}.{promise}",
            fit.warning if fit else "",
        )

    def _presets(self, dataset: str | None, base: str) -> list[tuple[str, str]]:
        """Each preset with about how long it takes on this machine."""
        labels = []
        for name in PRESETS:
            try:
                seconds = self._services.runs.seconds_for(dataset or "", _preset(name, base), base)
            except ChatUIError:  # told beside Start already
                labels.append((name, name))
            else:
                labels.append((f"{name} · {describe.minutes(seconds)}", name))
        return labels


def _preset(name: str, base: str) -> TrainConfig:
    """The options of a preset for a base model, whatever was typed as its name."""
    try:
        parameters = find_base(base or STARTER).parameters
    except ChatUIError:
        return preset(name or QUICK_LOOK)
    return preset(name or QUICK_LOOK, parameters)


def _version(name: str, title: str) -> str:
    return name if name == title else f"{title} ({name})"
