"""What to try next, when to give up, and which options mattered: asked of optuna.

Optuna keeps nothing: its study is made anew from the search's journal for each question, so that
there is one truth, and a kill at any moment leaves nothing that disagrees with it. Each draw has a
seed of its own, made of the search's and the trial's number: who resumes draws the same.
"""

import hashlib
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from chatui.train.config import TrainConfig
from chatui.train.search_record import SearchRecord
from chatui.train.search_space import Dimension, Value
from chatui.train.search_view import Trial

_AT_RANDOM = 6  # trials before tpe begins to draw on what it has seen
_TO_COMPARE = 4  # complete trials before one is pruned
_NOT_BEFORE = 2  # measurements of a trial before it is pruned
_DRAWS = 30  # until one gives up to find something that was not tried yet
_TO_WEIGH = 6  # complete trials before it is said which options mattered
_GOOD = 0.3  # share of the trials that count as good ones then
_DIGITS = 3  # of a number that is tried
_STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "running": TrialState.RUNNING,
}
optuna.logging.set_verbosity(optuna.logging.ERROR)


def suggestion(record: SearchRecord, before: Sequence[Trial]) -> dict[str, Value] | None:
    """The values of the next trial, given all that were before; None when all were tried.

    The first trial is what the search starts from, where that lies inside of its space.
    """
    start = _start_values(record.start, record.space)
    if not before and start is not None:
        return start
    tried = [dict(trial.values) for trial in before]
    for draw in range(_DRAWS):
        values = _drawn(record, before, draw)
        if values not in tried:
            return values
    return None


def is_hopeless(record: SearchRecord, before: Sequence[Trial], trial: Trial) -> bool:
    """Whether a running trial does worse than half of the complete ones did by then."""
    if not record.options.prune or len(trial.measured) < _NOT_BEFORE:
        return False
    if len(trial.measured) >= record.start.evaluations:
        return False  # it is over anyway
    pruner = optuna.pruners.MedianPruner(
        n_startup_trials=_TO_COMPARE, n_warmup_steps=_NOT_BEFORE, n_min_trials=_TO_COMPARE - 1
    )
    study = _study(record, before)
    return bool(pruner.prune(study, _frozen(trial, record.space)))


def importances(record: SearchRecord, trials: Sequence[Trial]) -> dict[str, float]:
    """How much each option decided whether a trial was good; shares of one, largest first.

    PED-ANOVA (Watanabe et al., 2023) compares the values of the best three in ten with those of
    all; optuna's fANOVA would need scikit-learn. Empty before there are a few complete trials.
    """
    complete = [trial for trial in trials if trial.state == "complete"]
    if len(complete) < _TO_WEIGH:
        return {}
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=_GOOD)
    study = _study(record, trials)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _drawn(record: SearchRecord, before: Sequence[Trial], draw: int) -> dict[str, Value]:
    study = _study(record, before, draw)
    asked = study.ask({d.option: _distribution(d) for d in record.space})
    return {d.option: _rounded(asked.params[d.option], d) for d in record.space}


def _study(record: SearchRecord, trials: Sequence[Trial], draw: int = 0) -> optuna.Study:
    study = optuna.create_study(direction="minimize", sampler=_sampler(record, len(trials), draw))
    study.add_trials([_frozen(trial, record.space) for trial in trials])
    return study


def _sampler(record: SearchRecord, number: int, draw: int) -> optuna.samplers.BaseSampler:
    options = record.options
    text = f"{options.search_seed} {number} {draw}"
    seed = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
    if options.method == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=_AT_RANDOM)


def _frozen(trial: Trial, space: Sequence[Dimension]) -> optuna.trial.FrozenTrial:
    return optuna.trial.create_trial(
        state=_STATES[trial.state],
        value=trial.loss if trial.state == "complete" else None,
        params=dict(trial.values),
        distributions={d.option: _distribution(d) for d in space},
        intermediate_values=dict(enumerate(trial.measured, start=1)),
    )


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    low, high, log = dimension.low, dimension.high, dimension.by_powers
    if dimension.is_whole:
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(low, high, log=log)


def _rounded(value: Value, dimension: Dimension) -> Value:
    """As many digits as people read, still inside of the limits."""
    if not isinstance(value, float):
        return value
    return min(dimension.high, max(dimension.low, float(f"{value:.{_DIGITS}g}")))


def _start_values(start: TrainConfig, space: Sequence[Dimension]) -> dict[str, Value] | None:
    values: Mapping[str, Value] = start.model_dump()
    if all(dimension.holds(values[dimension.option]) for dimension in space):
        return {dimension.option: values[dimension.option] for dimension in space}
    return None
