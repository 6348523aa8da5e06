"""A run's configuration as a YAML file: to keep, to send to somebody, to start from again.

    format: 1
    dataset: support-v1
    base: starter
    options:
      epochs: 4

Everything but `format` may be left out: options are then their defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from chatui.errors import BadConfigFile, FileMissing
from chatui.train.config import TrainConfig

_MOST_BYTES = 100_000
_KEYS = ("format", "dataset", "base", "options")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a file says; None where it says nothing."""

    dataset: str | None = None
    base: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def config(self) -> TrainConfig:
        """Its options, the others at their defaults."""
        return TrainConfig.model_validate(dict(self.options))


def to_yaml(config: TrainConfig, *, dataset: str, base: str) -> str:
    """All options of a run, in the order of the form."""
    content = {
        "format": 1,
        "dataset": dataset,
        "base": base,
        "options": config.model_dump(mode="json"),
    }
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000))


def read_config_file(path: Path) -> ConfigFile:
    """Read such a file; raises FileMissing, or BadConfigFile with everything that is wrong."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadConfigFile(path.name, ["it is far too long for a configuration"])
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileMissing(path.name, error.strerror or "it can't be opened") from error
    except UnicodeDecodeError as error:
        raise BadConfigFile(path.name, ["it is not text in UTF-8"]) from error
    return from_yaml(text, path.name)


def from_yaml(text: str, name: str) -> ConfigFile:
    """What a text in YAML says; `name` is for the error's sentence."""
    content = _parsed(text, name)
    if not isinstance(content, dict):
        raise BadConfigFile(name, ["it does not hold `options:`"])
    problems = [f"{key!r} is not known" for key in content if key not in _KEYS]
    if content.get("format", 1) != 1:
        problems.append(f"its format is {content['format']!r} and only 1 is known")
    for key in ("dataset", "base"):
        if not isinstance(content.get(key), str | None):
            problems.append(f"{key} is not a name")
    options = content.get("options") or {}
    problems += _problems_of(options)
    if problems:
        raise BadConfigFile(name, problems)
    return ConfigFile(content.get("dataset"), content.get("base"), options)


def differences(
    first: Mapping[str, object], second: Mapping[str, object]
) -> dict[str, tuple[Any, Any]]:
    """What two sets of options, by name, do not share: both values, None where one has none."""
    names = dict.fromkeys([*first, *second])
    pairs = {name: (first.get(name), second.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _parsed(text: str, name: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        said = getattr(error, "problem", None) or "it is not YAML"
        raise BadConfigFile(name, [f"{where}{said}"]) from error
    except (ValueError, RecursionError) as error:  # a date that is none; brackets without end
        raise BadConfigFile(name, ["it is not YAML"]) from error


def _problems_of(options: object) -> list[str]:
    if not isinstance(options, dict) or not all(isinstance(key, str) for key in options):
        return ["options is not a list of `name: value` lines"]
    try:
        TrainConfig.model_validate(options)
    except ValidationError as error:
        return [_in_words(str(e["loc"][0]), str(e["msg"]), str(e["type"])) for e in error.errors()]
    return []


def _in_words(name: str, message: str, kind: str) -> str:
    if kind == "extra_forbidden":
        return f"there is no option {name[:40]!r}"
    return f"{name}: {message[:1].lower()}{message[1:]}"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml brings no types
    """YAML that makes plain values only, and in which no name stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if isinstance(name, str) and name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{name} stands there twice", key.start_mark
                )
            seen.add(name if isinstance(name, str) else id(key))
        return dict(super().construct_mapping(node, deep))
