"""The seven cleaning steps as somebody would write them by hand: each always, on every text.

Patterns and checks are chatui's own, so that what is compared is how they are applied. `Reference`
repeats the steps until nothing changes, as chatui does; its output must be chatui's. The chains for
pandas and datasets take each step once.
"""

import re
from html import unescape

import datasets
import ftfy
import pandas

from chatui.data import markup
from chatui.data.cleaning import control, pii
from chatui.data.formats import RawRow

STEPS = ("spaces", "characters", "html", "control", "pii", "blank", "duplicates")
_PASSES = 8
_KEPT = dict(
    uncurl_quotes=False,
    unescape_html=False,
    fix_character_width=False,
    fix_latin_ligatures=False,
    explain=False,
)


def trim(text: str) -> str:
    lines = [line.rstrip() for line in text.split("\n")]
    if not any("`" in line or "|" in line or "\t" in line for line in lines):
        lines = [re.sub(r"(?<=\S) {2,}", " ", line) for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def repair(text: str) -> str:
    return ftfy.fix_text(text, **_KEPT)


def remove_html(text: str) -> str:
    parts = markup._CODE.split(text)
    parts[::2] = [_without_markup(part) for part in parts[::2]]
    result = "".join(parts)
    return text if result == text else result.strip()


def _without_markup(text: str) -> str:
    result = markup._without_comments(text)
    for name in ("script", "style"):
        result = markup._without_spans(result, name)
    closed = {m["name"].lower() for m in markup._TAG.finditer(result) if m["close"]}
    opened = {m["name"].lower() for m in markup._TAG.finditer(result) if not m["close"]}
    result = markup._TAG.sub(lambda tag: markup._replaced(tag, opened & closed), result)
    if result != text:
        result = re.sub(r"\n{3,}", "\n\n", markup._GAPS.sub("\n", result))
    return markup._ENTITY.sub(lambda found: unescape(found[0]).replace("\xa0", " "), result)


def neutralise(text: str) -> str:
    return control._TOKEN.sub(lambda bracket: bracket[0] + " ", text)


class Masker:
    """Placeholders numbered as they come, like chatui's."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, str], int] = {}
        self.replacing = [(kind.pattern, self._replaced(kind)) for kind in pii._KINDS]

    def __call__(self, text: str) -> str:
        for pattern, replaced in self.replacing:
            text = pattern.sub(replaced, text)
        return text

    def _replaced(self, kind):
        def replaced(found: re.Match[str]) -> str:
            hit = kind.check(found, "US")
            if hit is None:
                return found[0]
            key, start, end = hit
            count = 1 + sum(name == kind.name for name, _ in self.numbers)
            number = self.numbers.get((kind.name, key)) or count
            self.numbers[kind.name, key] = number
            return f"{found[0][:start]}<{kind.name}_{number}>{found[0][end:]}"

        return replaced


class Reference:
    """Rows after the steps, each text taken through all of them until nothing changes."""

    def __init__(self) -> None:
        self._steps = (trim, repair, remove_html, neutralise, Masker())

    def __call__(self, rows: list[RawRow]) -> list[tuple[int, tuple[str, ...]]]:
        kept, seen = [], set()
        for row in rows:
            texts = tuple(self.text(turn.text) for turn in row.turns)
            if all(text.strip() for text in texts) and texts not in seen:
                seen.add(texts)
                kept.append((row.row, texts))
        return kept

    def text(self, text: str) -> str:
        for _ in range(_PASSES):
            before = text
            for step in self._steps:
                text = step(text)
            if text == before:
                break
        return text


def with_pandas(frame: pandas.DataFrame) -> pandas.DataFrame:
    """A chain of `.str` methods, `.map` for what has none."""
    frame = frame.copy()
    mask = Masker()
    for name in frame.columns:
        column = frame[name]
        column = column.str.replace(r"[^\S\n]+\n", "\n", regex=True)
        column = column.str.replace(r"(?<=\S) {2,}", " ", regex=True)
        column = column.str.replace(r"\n{3,}", "\n\n", regex=True).str.strip()
        column = column.map(repair)
        column = column.map(remove_html)
        column = column.str.replace(control._TOKEN, lambda found: found[0] + " ", regex=True)
        for pattern, replaced in mask.replacing:
            column = column.str.replace(pattern, replaced, regex=True)
        frame[name] = column
    stripped = [frame[name].str.strip() != "" for name in frame.columns]
    return frame[stripped[0] & stripped[1]].drop_duplicates()


def with_datasets(rows: datasets.Dataset) -> datasets.Dataset:
    """`map(batched)` over the same steps, then a filter and a set for the duplicates."""
    mask, seen = Masker(), set()

    def cleaned(batch: dict[str, list[str]]) -> dict[str, list[str]]:
        columns = {name: [_once(text, mask) for text in texts] for name, texts in batch.items()}
        kept: dict[str, list[str]] = {name: [] for name in columns}
        for pair in zip(*columns.values(), strict=True):
            if all(text.strip() for text in pair) and pair not in seen:
                seen.add(pair)
                for name, text in zip(kept, pair, strict=True):
                    kept[name].append(text)
        return kept

    return rows.map(cleaned, batched=True, load_from_cache_file=False, keep_in_memory=True)


def _once(text: str, mask: Masker) -> str:
    return mask(neutralise(remove_html(repair(trim(text)))))


def with_short_patterns(frame: pandas.DataFrame) -> pandas.DataFrame:
    """What people write in a minute: it also eats `a<b and c>d` and takes dates for phones."""
    frame = frame.copy()
    for name in frame.columns:
        column = frame[name].str.strip().str.replace(r" {2,}", " ", regex=True)
        column = column.map(repair)
        column = column.str.replace(r"<[^>]+>", "", regex=True).map(unescape)
        column = column.str.replace(r"<\|[^|]+\|>", "", regex=True)
        column = column.str.replace(r"[\w.+-]+@[\w-]+\.[\w.-]+", "<EMAIL>", regex=True)
        column = column.str.replace(r"\+?\d[\d ()-]{7,}\d", "<PHONE>", regex=True)
        column = column.str.replace(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "<IP>", regex=True)
        frame[name] = column
    return frame[(frame["user"] != "") & (frame["agent"] != "")].drop_duplicates()
