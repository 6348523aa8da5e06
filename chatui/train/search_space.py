"""Which options a search tries, and between which limits: read from words, with usual limits."""

from collections.abc import Iterable, Mapping
from math import log
from typing import Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from chatui.errors import BadSearch
from chatui.train.config import TrainConfig
from chatui.train.presets import learning_rate_for

Value = bool | int | float | str
SEARCHED = ("learning_rate", "lora_rank", "lora_dropout", "epochs")  # where nothing else is said
_SHORT = {
    "lr": "learning_rate",
    "rank": "lora_rank",
    "alpha": "lora_alpha",
    "dropout": "lora_dropout",
    "batch": "batch_size",
}
# Lowest, highest, and whether powers count rather than differences.
_USUAL: dict[str, tuple[float, float, bool]] = {
    "lora_rank": (4, 64, True),
    "lora_alpha": (8, 128, True),
    "lora_dropout": (0.0, 0.3, False),
    "weight_decay": (0.0, 0.1, False),
    "label_smoothing": (0.0, 0.2, False),
    "neftune_noise": (0.0, 10.0, False),
    "warmup": (0.0, 0.2, False),
    "batch_size": (4, 16, True),
    "gradient_accumulation": (1, 4, True),
}
_BY_POWERS = ("learning_rate", *(name for name, usual in _USUAL.items() if usual[2]))
_CHOICES: dict[str, tuple[Value, ...]] = {
    "schedule": ("cosine", "linear", "steady_then_down", "constant"),
    "optimizer": ("adamw", "lion"),
    "target_layers": ("all-linear", "attention", "mlp"),
}
# They change what is measured, or nothing that is learned.
_NEVER = {
    *("seed", "evaluations", "sample_replies", "checkpoint_minutes", "patience", "report_to"),
    *("packing", "batch_tokens", "activation_checkpointing"),
    *("method", "preference_beta", "privacy_epsilon", "privacy_clip"),  # losses of other kinds
}
SEARCHABLE = tuple(name for name in TrainConfig.model_fields if name not in _NEVER)


class Dimension(BaseModel, frozen=True, extra="forbid"):
    """One option of a search: numbers between two limits, or some choices."""

    option: str
    low: float = 0.0
    high: float = 0.0
    by_powers: bool = False  # tried evenly on a logarithmic scale
    is_whole: bool = False
    choices: tuple[Value, ...] = ()

    @property
    def text(self) -> str:
        """As it is written: `learning_rate=0.0006..0.018`, `schedule=cosine|linear`."""
        if self.choices:
            return f"{self.option}={'|'.join(str(choice) for choice in self.choices)}"
        return f"{self.option}={self.low:g}..{self.high:g}"

    def holds(self, value: Value) -> bool:
        """Whether a value lies inside."""
        if self.choices:
            return value in self.choices
        return not isinstance(value, str) and self.low <= value <= self.high

    def place(self, value: Value) -> float:
        """Where a value lies between the limits, from 0 to 1, as it is drawn and tried."""
        if self.choices:
            return self.choices.index(value) / max(1, len(self.choices) - 1)
        low, high, at = (
            log(number) if self.by_powers else number
            for number in (self.low, self.high, float(value))
        )
        return (at - low) / ((high - low) or 1.0)


Space = tuple[Dimension, ...]


def read_space(parts: Iterable[str], start: TrainConfig, parameters: int | None = None) -> Space:
    """A space from parts such as `lr`, `rank=4..32` or `schedule=cosine|linear`.

    What has no limits gets the usual ones, around the options that the search starts from and for
    a base model of so many parameters. Raises BadSearch.
    """
    space = tuple(_dimension(part.strip(), start, parameters) for part in parts if part.strip())
    names = [dimension.option for dimension in space]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadSearch(f"{twice} is named twice")
    if not space:
        raise BadSearch(f"no option is named to search, such as {', '.join(SEARCHED)}")
    return space


def usual_space(start: TrainConfig, parameters: int | None = None) -> Space:
    """What is searched where nothing else is said; epochs only where epochs decide the length."""
    names = [name for name in SEARCHED if name != "epochs" or start.epochs]
    return read_space(names, start, parameters)


def options_of(values: Mapping[str, Value], start: TrainConfig, space: Space) -> dict[str, Value]:
    """The options that a trial changes: its values, and the alpha that goes with its rank.

    Alpha over rank is how strongly an adapter acts: where only the rank is searched it stays, or
    each rank would be tried at another learning rate.
    """
    options = dict(values)
    searched = {dimension.option for dimension in space}
    if "lora_rank" in searched and "lora_alpha" not in searched and not start.rslora:
        ratio = start.lora_alpha / start.lora_rank
        options["lora_alpha"] = min(1024, max(1, round(float(values["lora_rank"]) * ratio)))
    return options


def _dimension(part: str, start: TrainConfig, parameters: int | None) -> Dimension:
    name, has_limits, limits = (piece.strip() for piece in part.partition("="))
    name = _SHORT.get(name, name)
    if name not in SEARCHABLE:
        raise BadSearch(f"there is no option {name[:40]!r} to search; {_known()}")
    found = _written(name, limits) if has_limits else _usual(name, start, parameters)
    for value in found.choices or (found.low, found.high):
        _refuse_what_no_run_takes(name, value, start)
    return found


def _written(name: str, limits: str) -> Dimension:
    if ".." in limits:
        low, _, high = limits.partition("..")
        try:
            return _between(name, float(low), float(high))
        except ValueError:
            raise BadSearch(f"{name}={limits[:40]} has no two numbers as limits") from None
    choices = tuple(_as_value(name, text.strip()) for text in limits.split("|"))
    if len(set(choices)) < 2:
        raise BadSearch(f"{name}={limits[:40]} leaves nothing to choose; write low..high or a|b")
    return Dimension(option=name, choices=choices)


def _usual(name: str, start: TrainConfig, parameters: int | None) -> Dimension:
    kind = TrainConfig.model_fields[name].annotation
    if name == "learning_rate":
        suitable = learning_rate_for(parameters, start.optimizer) if parameters else None
        middle = suitable or start.learning_rate
        return _between(name, float(f"{middle / 10:.2g}"), float(f"{min(0.1, 3 * middle):.2g}"))
    if name in ("epochs", "max_steps"):
        now = getattr(start, name) or getattr(TrainConfig(), name)
        return _between(name, max(1, now // 2), max(2, 2 * now))
    if name in _USUAL:
        return _between(name, *_USUAL[name][:2])
    if name in _CHOICES:
        return Dimension(option=name, choices=_CHOICES[name])
    if kind is bool:
        return Dimension(option=name, choices=(False, True))
    if get_origin(kind) is Literal:
        return Dimension(option=name, choices=get_args(kind))
    raise BadSearch(f"{name} has no usual limits; write {name}=low..high")


def _between(name: str, low: float, high: float) -> Dimension:
    if TrainConfig.model_fields[name].annotation not in (int, float):
        raise BadSearch(f"{name} is no number; write {name}=a|b")
    if not low < high:
        raise BadSearch(f"{name}={low:g}..{high:g} ends before it begins")
    by_powers = name in _BY_POWERS and low > 0
    is_whole = TrainConfig.model_fields[name].annotation is int
    return Dimension(option=name, low=low, high=high, by_powers=by_powers, is_whole=is_whole)


def _as_value(name: str, text: str) -> Value:
    kind = TrainConfig.model_fields[name].annotation
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return int(text) if kind is int else float(text) if kind is float else text
    except (KeyError, ValueError):
        raise BadSearch(f"{name} can't be {text[:40]!r}") from None


def _refuse_what_no_run_takes(name: str, value: Value, start: TrainConfig) -> None:
    is_whole = TrainConfig.model_fields[name].annotation is int
    given = int(value) if is_whole and not isinstance(value, str) else value
    try:
        TrainConfig.model_validate({**start.model_dump(), name: given})
    except ValidationError as error:
        raise BadSearch(f"{name}={value}: {error.errors()[0]['msg'].lower()}") from None


def _known() -> str:
    return f"there are {', '.join(SEARCHABLE)}"
