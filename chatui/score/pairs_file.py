"""Read a file of replies and references: one JSON object a line.

`{"reply": str, "references": [str, …], "prompt"?: str, "label"?: str, "reply_b"?: str}`; blank
lines are passed over, other keys are left alone. What can't be scored is refused with its line.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from chatui.errors import BadPair, FileMissing
from chatui.score.text_figures import Pair

_TEXTS = ("prompt", "label", "reply_b")


def read_pairs(path: Path) -> list[Pair]:
    """All pairs of a file. Raises FileMissing, or BadPair with the line and the field."""
    pairs: list[Pair] = []
    first = 0  # the line of the first pair
    for number, line in _lines(path):
        try:
            pair = _pair(_object(line))
            if pairs:
                _check_alike(pair, pairs[0], first)
        except ValueError as problem:
            raise BadPair(path.name, number, str(problem)) from problem
        first = first or number
        pairs.append(pair)
    if not pairs:
        raise BadPair(path.name, None, "it is empty")
    return pairs


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileMissing(str(path), error.strerror or str(error)) from error
    # Only \n ends a line of JSONL: str.splitlines would also break at U+2028 inside a text.
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadPair(path.name, number, "it is not UTF-8 text") from error
        if text.strip():
            yield number, text


def _object(line: str) -> Mapping[str, object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(found, dict):
        raise ValueError(f"it is {_named(found)}, not a JSON object")
    return found


def _pair(found: Mapping[str, object]) -> Pair:
    reply = found.get("reply")
    if isinstance(reply, list):
        raise ValueError("'reply' is a list: replies and lines seem transposed, write one per line")
    return Pair(
        reply=_text("reply", reply),
        references=_references(found.get("references")),
        **{name: _text(name, found[name]) for name in _TEXTS if name in found},
    )


def _references(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        raise ValueError("'references' is a bare text: write a list, even of one reference")
    if not isinstance(value, list):
        raise ValueError(f"'references' is {_named(value)}, not a list of texts")
    if not value:
        raise ValueError("'references' is empty: at least one reference is needed")
    if any(isinstance(each, list) for each in value):
        raise ValueError("'references' has lists in it: they seem transposed, write one flat list")
    return tuple(_text(f"references[{place}]", each) for place, each in enumerate(value))


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"'{field}' is {_named(value)}, not a text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"'{field}' has half of a character in it (a lone surrogate)")
    return value


def _check_alike(pair: Pair, other: Pair, line: int) -> None:
    if len(pair.references) != len(other.references):
        raise ValueError(
            f"'references' has {len(pair.references)} texts and line {line} has "
            f"{len(other.references)}: all lines need the same number"
        )
    if (pair.reply_b is None) != (other.reply_b is None):
        with_one = f"line {line} has one" if pair.reply_b is None else f"line {line} has none"
        raise ValueError(f"'reply_b' must be in all lines or in none, and {with_one}")


def _named(value: object) -> str:
    if value is None:
        return "missing"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text",
             list: "a list", dict: "an object"}  # fmt: skip
    return kinds[type(value)]
