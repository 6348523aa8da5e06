"""What to choose for a dataset on a machine, each with its reason: a start, not a law.

Numbers of conversations and parameters decide; the thresholds are those of common practice with
LoRA, moved to where the starter's own presets were found to learn best.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chatui.model.catalog import STARTER, BaseModel
from chatui.train.config import TrainConfig
from chatui.train.hardware import Hardware
from chatui.train.memory import Verdict
from chatui.train.presets import learning_rate_for

_SMALL = 50_000_000  # parameters: below, a model has seen too little to learn from one pass
_HOURS = 12.0  # a run that takes longer on this machine is worth a smaller base
# Conversations → passes over them, for a base model that was trained on much, and for a small one.
_EPOCHS = ((300, 4, 8), (3_000, 3, 6), (30_000, 2, 3), (10**12, 1, 2))
_RANKS = ((300, 8), (5_000, 16), (50_000, 32), (10**12, 64))


@dataclass(frozen=True, slots=True)
class Advice:
    """A value to take for an option, or another base model."""

    field: str  # an option of TrainConfig, or "base"
    value: float | int | str
    label: str  # what the button says: "Set epochs to 3"
    reason: str


@dataclass(frozen=True, slots=True)
class Situation:
    """All that advice is drawn from."""

    rows: int  # conversations to learn from
    base: BaseModel
    config: TrainConfig
    hardware: Hardware
    seconds: float | None  # that the run would take
    offered: tuple[BaseModel, ...] = ()
    verdicts: Mapping[str, Verdict | None] = field(default_factory=dict)  # on memory, by base name


def advise(situation: Situation) -> list[Advice]:
    """What would suit better than what is chosen; nothing where the choice suits."""
    found: Iterable[Advice | None] = (
        _base(situation),
        _epochs(situation),
        _rank(situation),
        _learning_rate(situation),
    )
    return [advice for advice in found if advice is not None]


def _base(it: Situation) -> Advice | None:
    too_large = it.verdicts.get(it.base.name) in ("tight", "does not fit")
    too_slow = it.seconds is not None and it.seconds > _HOURS * 3600
    fitting = [b for b in it.offered if it.verdicts.get(b.name) == "fits"]
    if too_large or too_slow:
        smaller = [b for b in fitting if (b.parameters or 0) < (it.base.parameters or 10**12)]
        if not smaller:
            return None
        best = max(smaller, key=lambda base: base.parameters or 0)
        why = (
            f"{it.base.title} needs most of what is free of this machine's memory."
            if too_large
            else f"A run of {it.base.title} takes about {(it.seconds or 0) / 3600:.0f} hours here."
        )
        return Advice("base", best.name, f"Choose {best.title}", why)
    if it.base.source == STARTER and it.hardware.has_gpu and len(fitting) > 1:
        best = max(fitting, key=lambda base: base.parameters or 0)
        return Advice(
            "base",
            best.name,
            f"Choose {best.title}",
            "This machine has a GPU: a larger base model knows more before it learns from you. "
            "It is downloaded once.",
        )
    return None


def _epochs(it: Situation) -> Advice | None:
    if it.config.max_steps or it.config.privacy_epsilon:
        return None  # who counts steps knows why; noise does not let it learn by heart
    is_small = (it.base.parameters or _SMALL) < _SMALL
    _, usual, small = next(line for line in _EPOCHS if it.rows < line[0])
    wanted = small if is_small else usual
    if _within(it.config.epochs, wanted, 1.5):
        return None
    seen = f"{it.rows:,} conversations"
    why = (
        f"With {seen}, a model of this size goes on learning for about {wanted} passes"
        if it.config.epochs < wanted
        else f"With {seen}, more than about {wanted} passes are mostly learned by heart"
    )
    return Advice("epochs", wanted, f"Set epochs to {wanted}", f"{why}; the best one is kept.")


def _rank(it: Situation) -> Advice | None:
    wanted = next(rank for rows, rank in _RANKS if it.rows < rows)
    if _within(it.config.lora_rank, wanted, 2.0):
        return None
    why = (
        "holds more than so few conversations can teach, and overfits sooner"
        if it.config.lora_rank > wanted
        else "is narrow for so many conversations"
    )
    return Advice(
        "lora_rank",
        wanted,
        f"Set LoRA rank to {wanted}",
        f"An adapter of rank {it.config.lora_rank} {why} ({it.rows:,}).",
    )


def _learning_rate(it: Situation) -> Advice | None:
    suitable = learning_rate_for(it.base.parameters, it.config.optimizer, it.config.method)
    wanted = float(f"{suitable:.1g}")
    if _within(it.config.learning_rate, suitable, 3.0):
        return None
    size = it.base.parameters
    told = (
        f"{size / 1e6:,.0f} million parameters" if size else "an unknown size, taken for a billion"
    )
    lion = " with Lion" if "lion" in it.config.optimizer else ""
    lion += " with dpo" if it.config.method == "dpo" else ""
    way = (
        "large: it may diverge" if it.config.learning_rate > suitable else "small: it learns little"
    )
    return Advice(
        "learning_rate",
        wanted,
        f"Set learning rate to {wanted:g}",
        f"For a model of {told}{lion}, {it.config.learning_rate:g} is {way}.",
    )


def _within(value: float, wanted: float, factor: float) -> bool:
    return wanted / factor <= value <= wanted * factor
