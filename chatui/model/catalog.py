"""Base models on offer: the bundled starter, folders on this machine, and names on the Hub.

Reads files and, when a Hub model is first used, downloads it (`hub.py`). One that was downloaded is
a folder on this machine. No torch: the page asks here.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chatui.errors import BaseNotUsable, NoChatTemplate, UnknownBase
from chatui.model.hub import fetched, is_hub_name, on_this_disk
from chatui.model.quantization import NF4, split_quantization
from chatui.model.templates import OWN, TEMPLATES, chosen_template, split_name

STARTER = "starter"
STARTER_FOLDER = Path(__file__).parent / "starter"
_NEEDED_FILES = ("*.json", "model*.safetensors", "*.jinja", "*.model", "*.txt", "README.md")
TOKENIZER_FILES = ("tokenizer*.json", "*.jinja", "special_tokens_map.json", "config.json")


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A model to start from; what is not known before a download is None."""

    name: str  # what a user types and what a run records
    path: str  # a local folder, or a name on the Hub
    title: str
    licence: str
    parameters: int | None
    context: int | None  # tokens
    size_mb: int | None  # on disk
    template: str = OWN  # or one of TEMPLATES that was chosen instead
    quantization: str = NF4  # or one of QUANTIZATIONS that was chosen instead

    @property
    def source(self) -> str:
        """Its name without the template and the quantization that were chosen for it."""
        return split_quantization(split_name(self.name)[0])[0]

    @property
    def is_of_the_hub(self) -> bool:
        """Whether it is known by a name of the Hub, be it downloaded or not."""
        return is_hub_name(self.source) and not Path(self.source).is_dir()

    @property
    def is_local(self) -> bool:
        """Whether it is a folder on this machine."""
        return Path(self.path).is_absolute()


_FROM_THE_HUB = (
    BaseModel(
        name="HuggingFaceTB/SmolLM2-135M-Instruct",
        path="HuggingFaceTB/SmolLM2-135M-Instruct",
        title="SmolLM2 135M Instruct",
        licence="apache-2.0",
        parameters=134_515_008,
        context=8192,
        size_mb=269,
    ),
    BaseModel(
        name="Qwen/Qwen2.5-0.5B-Instruct",
        path="Qwen/Qwen2.5-0.5B-Instruct",
        title="Qwen2.5 0.5B Instruct",
        licence="apache-2.0",
        parameters=494_032_768,
        context=32768,
        size_mb=988,
    ),
)


def bases_on_offer() -> list[BaseModel]:
    """What the page proposes: the starter first, then models that a download brings."""
    return [find_base(STARTER), *_FROM_THE_HUB]


def find_base(name: str) -> BaseModel:
    """The base model of a name: "starter", a folder, or `owner/model` on the Hub.

    Quantization and chat template may be chosen behind it: `owner/model#fp4#chatml`. Asks the disk
    only. Raises UnknownBase, or BaseNotUsable for a folder without a usable model.
    """
    name = name.strip()
    if Path(name).expanduser().is_dir():
        return _with_own_template(_in_folder(name))
    source, template = split_name(name)
    found = _find(source)
    return replace(found, name=name, template=template) if template else _with_own_template(found)


def _find(name: str) -> BaseModel:
    """A model by its name with a quantization, perhaps, and without a template."""
    source, quantization = split_quantization(name)
    return replace(_by_source(source), name=name, quantization=quantization)


def _by_source(name: str) -> BaseModel:
    if name == STARTER:
        return _describe(STARTER_FOLDER, STARTER, "Starter", "apache-2.0")
    if Path(name).expanduser().is_dir():
        return _in_folder(name)
    if not is_hub_name(name):
        raise UnknownBase(name)
    if folder := on_this_disk(name):
        return _describe(folder, name, name.split("/")[1], _licence(folder))
    for base in _FROM_THE_HUB:
        if base.name == name:
            return base
    return BaseModel(name, name, name.split("/")[1], "see the Hub", None, None, None)


def _in_folder(name: str) -> BaseModel:
    folder = Path(name).expanduser().resolve()
    return _describe(folder, name, folder.name, _licence(folder))


def _with_own_template(base: BaseModel) -> BaseModel:
    """Refuse early what would be refused when it is loaded; of the Hub nothing is known yet."""
    if base.is_local and not template_in(Path(base.path)):
        raise NoChatTemplate(base.name, [*TEMPLATES])
    return base


def local_folder(base: BaseModel, files: Sequence[str] = _NEEDED_FILES) -> Path:
    """The folder with a base model's files; a Hub model is downloaded if it is not here yet.

    `files` are patterns of those that are needed. Raises BaseNotReachable.
    """
    if base.is_local:
        return Path(base.path)
    return on_this_disk(base.source) or fetched(base.source, list(files))


def chat_template(base: BaseModel) -> str:
    """The chat template of a base model; raises NoChatTemplate if it has none."""
    return template_of(base, local_folder(base))


def template_of(base: BaseModel, folder: Path) -> str:
    """The chat template of a base model whose files are in a folder, its own or the chosen one."""
    if base.template:
        return chosen_template(base.template, base.source, folder)
    template = template_in(folder)
    if not template:
        raise NoChatTemplate(base.name, [*TEMPLATES])
    return template


def template_in(folder: Path) -> str:
    """The chat template in a folder; empty if there is none."""
    if (folder / "chat_template.jinja").exists():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    template = _json(folder / "tokenizer_config.json").get("chat_template", "")
    if isinstance(template, list):  # several, by name
        named = {entry["name"]: entry["template"] for entry in template}
        return str(named.get("default", ""))
    return str(template or "")


def _describe(folder: Path, name: str, title: str, licence: str) -> BaseModel:
    weights = sorted(folder.glob("*.safetensors"))
    if not (folder / "config.json").exists() or not weights:
        raise BaseNotUsable(name, "the folder holds no config.json with *.safetensors beside it")
    config = _json(folder / "config.json")
    size = sum(path.stat().st_size for path in weights)
    try:
        parameters = sum(_parameters(path) for path in weights)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseNotUsable(name, "its weights are damaged or incomplete") from error
    context = config.get("max_position_embeddings")
    return BaseModel(
        name=name,
        path=str(folder),
        title=title,
        licence=licence,
        parameters=parameters,
        context=context if isinstance(context, int) else None,
        size_mb=max(1, round(size / 2**20)),
    )


def _parameters(weights: Path) -> int:
    """Count the numbers in a safetensors file from its header, without reading them."""
    with weights.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            count = 1
            for length in tensor["shape"]:
                count *= length
            total += count
    return total


def _licence(folder: Path) -> str:
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace")[:4000] if card.exists() else ""
    found = re.search(r"^license:\s*(\S+)", text, re.MULTILINE)
    return found.group(1) if found else "unknown"


def _json(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
