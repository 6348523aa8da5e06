"""An adapter that a run goes on from: what made it is read from its files, before anything starts.

Of an adapter two small descriptions and its weights are read, and weights only as safetensors: a
pickle could run code. No torch: the page asks here.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatui.errors import BaseNotReachable, BaseNotUsable, CannotContinue, UnknownBase
from chatui.model.catalog import STARTER, BaseModel, find_base
from chatui.model.hub import ADAPTER_FILES, downloaded, folder_of, hub_model, is_hub_name
from chatui.model.layers import ALL_LINEAR, block_of, inside_blocks, last_name, matrix_shapes
from chatui.model.templates import with_template_like
from chatui.train.checks import option_label
from chatui.train.config import TrainConfig
from chatui.train.problem import Problem

CONFIG, WEIGHTS, TEMPLATE = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "chat_template.jinja",
)
_PICKLE = "adapter_model.bin"
_PREFIX = "base_model.model."
_STARTERS_NAME = f"chatui/{STARTER}"  # as its adapters name it


@dataclass(frozen=True, slots=True)
class Beginning:
    """An adapter to go on from."""

    name: str  # what a user typed: a run, a folder, a Hub name
    base: str  # the base model it was made on, as a run names it
    options: Mapping[str, object]  # of TrainConfig: those that made it
    folder: Path
    put: Callable[[Path], None] = field(repr=False)  # copies it into a folder that is not there


def beginning_of(folder: Path, name: str, base: str | None = None) -> Beginning:
    """The adapter in a folder, on the base model that it names, or on another that is named.

    Raises CannotContinue, saying what of it does not fit.
    """
    described = _described(folder, name)
    found = _base_of(described, name, base, _template(folder))
    shapes = _shapes(folder, name)
    _refuse_if_foreign(shapes, found, name)
    return Beginning(
        name=name,
        base=found.name,
        options=_options(described, [*shapes], found, name),
        folder=folder,
        put=lambda place: _copied(folder, place),
    )


def adapter_on_disk(name: str) -> Path:
    """The folder of an adapter that a user names; of the Hub, its files are fetched.

    Raises CannotContinue.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if not is_hub_name(name):
        raise CannotContinue(name, "there is no such run, no such folder and no such Hub name")
    try:
        for _ in downloaded(hub_model(name, ADAPTER_FILES)):
            pass  # an adapter is small beside a base model
        return folder_of(name)
    except (BaseNotReachable, BaseNotUsable) as error:
        raise CannotContinue(name, error.reason) from error


def has_another_template(folder: Path, template: str) -> bool:
    """Whether an adapter was made with another chat template; unknown where none lies beside it."""
    return _template(folder) not in ("", template)


def unlike(config: TrainConfig, base: str, beginning: Beginning) -> list[Problem]:
    """The choices that would need another adapter than the one that is there."""
    problems = []
    if base.strip() != beginning.base:
        told = f"The adapter of {beginning.name} was made on {beginning.base}"
        problems = [Problem("base", f"{told}. Choose that base model.")]
    for name, made_with in beginning.options.items():
        if (chosen := getattr(config, name)) != made_with:
            told = f"{option_label(name)} is {chosen} and the adapter of {beginning.name}"
            problems.append(Problem(name, f"{told} was made with {made_with}. Set it to that."))
    return problems


def _described(folder: Path, name: str) -> dict[str, Any]:
    try:
        described = dict(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise CannotContinue(name, f"there is no {CONFIG} in it") from error
    except (OSError, ValueError, TypeError) as error:
        raise CannotContinue(name, f"its {CONFIG} is damaged") from error
    if described.get("peft_type") != "LORA":
        kind = described.get("peft_type")
        raise CannotContinue(name, f"it is of kind {kind}, and only LoRA is supported")
    unusual = {
        "modules_to_save": "other layers were trained beside it",
        "rank_pattern": "its layers have different ranks",
        "alpha_pattern": "its layers have different alphas",
        "fan_in_fan_out": "its matrices are turned",
        "trainable_token_indices": "tokens were trained beside it",
    }
    for key, why in unusual.items():
        if described.get(key):
            raise CannotContinue(name, why)
    if described.get("bias", "none") != "none":
        raise CannotContinue(name, "biases were trained beside it")
    return described


def _base_of(described: dict[str, Any], name: str, wanted: str | None, template: str) -> BaseModel:
    """The base model; a folder may be a copy of any, whatever the adapter calls it."""
    said = str(described.get("base_model_name_or_path") or "")
    said = STARTER if said == _STARTERS_NAME else said
    way_out = "name its base model with --base"
    if not (wanted or said):
        raise CannotContinue(name, f"it names no base: {way_out}")
    try:
        found = find_base(with_template_like(template, wanted or said))
    except UnknownBase as error:
        if wanted:
            raise
        told = f"it was made on {said!r}, which is not known here"
        raise CannotContinue(name, f"{told}: {way_out}") from error
    is_name = said == STARTER or ("/" in said and not Path(said).is_absolute())
    if is_name and not found.is_local and _title(said) != _title(found.source):
        raise CannotContinue(name, f"it was made on {said}, not on {found.source}")
    return found


def _title(name: str) -> str:
    """What a model is called without its owner, and without how it was packed."""
    return name.rpartition("/")[2].lower().removesuffix("-bnb-4bit").removesuffix("-unsloth")


def _template(folder: Path) -> str:
    file = folder / TEMPLATE
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _shapes(folder: Path, name: str) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of each layer that the adapter is on, by the layer's name."""
    file = folder / WEIGHTS
    if not file.is_file():
        if (folder / _PICKLE).exists():
            told = "its weights are a pickle, which could run code: save them as safetensors"
            raise CannotContinue(name, told)
        raise CannotContinue(name, f"there is no {WEIGHTS} in it")
    try:
        with file.open("rb") as weights:
            header = json.loads(weights.read(int.from_bytes(weights.read(8), "little")))
        found = {key: list(tensor["shape"]) for key, tensor in header.items() if key[0] != "_"}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise CannotContinue(name, "its weights are damaged") from error
    layers = sorted({key.partition(".lora_")[0] for key in found if ".lora_A." in key})
    if not layers or any(".lora_" not in key for key in found):
        raise CannotContinue(name, "its weights are not those of a LoRA alone")
    sides = {}
    for layer in layers:
        inner, outer = found[f"{layer}.lora_A.weight"], found.get(f"{layer}.lora_B.weight", [0])
        sides[layer.removeprefix(_PREFIX)] = (inner[-1], outer[0])
    return sides


def _refuse_if_foreign(shapes: dict[str, tuple[int, int]], base: BaseModel, name: str) -> None:
    """Compare what is inside blocks; of a base that is not on this disk, the worker finds out."""
    matrices = matrix_shapes(base)
    if matrices is None:
        return
    known = {inside_blocks(layer): tuple(reversed(shape)) for layer, shape in matrices.items()}
    for layer, sides in shapes.items():
        if known.get(inside_blocks(layer)) != sides:
            told = f"its layer {layer} does not fit {base.title}: it was made on another base model"
            raise CannotContinue(name, told)


def _options(
    described: dict[str, Any], layers: list[str], base: BaseModel, name: str
) -> dict[str, object]:
    """What our own options would have to be to make such an adapter."""
    blocks = sorted({block_of(layer) for layer in layers})
    matrices = matrix_shapes(base)
    options: dict[str, object] = {
        "lora_rank": int(described.get("r", 0)),
        "lora_alpha": int(described.get("lora_alpha", 0)),
        "lora_dropout": float(described.get("lora_dropout") or 0.0),
        "rslora": bool(described.get("use_rslora")),
        "dora": bool(described.get("use_dora")),
    }
    names = sorted({last_name(layer) for layer in layers})
    if matrices is None:
        return options | {"target_layers": ", ".join(names), "top_layers": 0}
    all_blocks = sorted({block_of(layer) for layer in matrices})
    top = len(blocks) if blocks != all_blocks else 0
    if top and blocks != all_blocks[-top:]:
        raise CannotContinue(name, "it is on blocks that are not the topmost ones")
    is_everywhere = set(names) == {last_name(layer) for layer in matrices}
    wanted = ALL_LINEAR if is_everywhere else ", ".join(names)
    return options | {"target_layers": wanted, "top_layers": top}


def _copied(folder: Path, place: Path) -> None:
    """Its weights and its description, and nothing else that may lie beside them."""
    place.mkdir()
    for name in (CONFIG, WEIGHTS, TEMPLATE):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, place / name)
