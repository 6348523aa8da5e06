"""Add training rows that ask in other words what rows of a version ask already.

After the split and for training only: a copy that comes near to what is tested or validated is
refused. Only the last question is written anew; the reply, numbers, placeholders, code and links
stay. Each copy names the row it was made of and how, and stands apart from the version's own rows:
the version it was made from is the same without copies.
"""

import difflib
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chatui.conversation import Conversation, Turn
from chatui.data.content import Content
from chatui.data.draws import with_own_ids
from chatui.data.intact import is_intact
from chatui.data.noise import with_typos
from chatui.data.prepare import DEFAULT_SEED
from chatui.data.relocking import relocked
from chatui.data.splitting import group_of, rank
from chatui.data.store import DatasetStore, DatasetView
from chatui.data.together import grouped
from chatui.errors import CannotAugment
from chatui.model.translation import Translator

NOISE = "noise"
_TRIES = 2  # questions that are written anew for each row that is wanted, at most
# Words in common with the source, 0 to 1: below it is something else, above a comma was moved.
_BAND = (0.2, 0.95)

Rewrite = Callable[[Sequence[str]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Way:
    """A way to write questions anew; `is_free` where the words may be others altogether."""

    name: str
    rewrite: Rewrite
    is_free: bool = True


@dataclass(frozen=True, slots=True)
class Augmentation:
    """A version with added rows that is not saved yet."""

    dataset: str
    way: str
    train: int  # rows of the version that may be copied
    wanted: int
    copies: tuple[Conversation, ...]
    refused: dict[str, int]  # copies that are not used, by reason
    content: Content

    def as_json(self) -> dict[str, object]:
        """For programs, with the first 20 copies beside their sources."""
        sources = {row.id: row for row in self.content.conversations}
        examples = [
            {"parent": c.parent, "before": _asked(sources[c.parent or ""]), "after": _asked(c)}
            for c in self.copies[:20]
        ]
        return {
            "parent": self.dataset,
            "way": self.way,
            "train": self.train,
            "wanted": self.wanted,
            "added": len(self.copies),
            "refused": self.refused,
            "examples": examples,
        }


def noise(seed: int = DEFAULT_SEED) -> Way:
    """Typing errors; the same seed makes the same ones in a question."""

    def rewrite(questions: Sequence[str]) -> list[str]:
        chances = (random.Random(rank(seed, question)) for question in questions)
        return [with_typos(q, chance) for q, chance in zip(questions, chances, strict=True)]

    return Way(NOISE, rewrite, is_free=False)


def back_translation(there: Path, back: Path) -> Way:
    """Into another language and back, by two folders with models; raises NoTranslationModel."""
    first, second = Translator(there), Translator(back)
    return Way("back-translation", lambda questions: second(first(questions)))


def paraphrases(address: str, key: str | None = None, model: str | None = None) -> Way:
    """Written by a model behind an OpenAI-compatible address; raises NoParaphrases."""
    from chatui.data.paraphrasing import Paraphraser  # httpx is a tenth of a second's work

    return Way("paraphrase", Paraphraser(address, key, model))


def augmented(
    store: DatasetStore, dataset_id: str, way: Way, share: float, *, seed: int = DEFAULT_SEED
) -> Augmentation:
    """The version with at most `share` (0 to 1) as many rows more as it has for training.

    Rows that were added to it before stay. Raises CannotAugment where no row comes of it.
    """
    if not 0 < share <= 1:
        raise CannotAugment(dataset_id, f"a share of {share:g} is not above 0 and at most 1")
    view, stored = store.view(dataset_id), store.rows(dataset_id)
    locked = store.locked_in(view.name)
    rows = relocked([row for row in stored if row.parent is None], locked)
    trained = {row.id: row for row in rows if row.split == "train"}
    before = [row for row in stored if row.parent in trained]
    wanted = int(share * len(trained))
    if not wanted:
        raise CannotAugment(
            dataset_id, f"{share:.0%} of {len(trained)} training rows is less than one"
        )
    refused: Counter[str] = Counter()
    made = _copies(list(trained.values()), way, (wanted, seed), refused)
    copies: list[Conversation] = []
    earlier: list[Conversation] = []
    taken = {row.id for row in stored}
    for row in _apart(rows, [*before, *with_own_ids(made, taken)], locked):
        (earlier if row.id in taken else copies).append(row)
    if lost := len(made) - len(copies):
        refused["it asks nearly the same as a test or validation row"] = lost
    if not copies:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in refused.items())
        raise CannotAugment(dataset_id, f"no row came of {way.name}: {reasons}")
    made_by = {"augment": way.name, "share": share, "seed": seed, "refused": dict(refused)}
    content = Content(
        conversations=rows,
        removed=(),
        changed={},
        recipe=store.recipe(dataset_id).model_copy(update={"made_by": made_by}),
        locked=frozenset(locked),
        added=[*earlier, *copies],
        parents=(dataset_id,),
    )
    return Augmentation(
        dataset=dataset_id,
        way=way.name,
        train=len(trained),
        wanted=wanted,
        copies=tuple(copies),
        refused=dict(refused),
        content=content,
    )


def save_augmentation(store: DatasetStore, made: Augmentation) -> DatasetView:
    """Save a version with added rows as the next one of its dataset."""
    return store.add(made.content, store.view(made.dataset).name, parent=made.dataset)


def _copies(
    rows: Sequence[Conversation], way: Way, limits: tuple[int, int], refused: Counter[str]
) -> list[Conversation]:
    """Copies that are good by themselves, at most the first of `limits`, by the second as seed."""
    wanted, seed = limits
    ranked = sorted(rows, key=lambda row: rank(seed, row.id))[: _TRIES * wanted]
    there = {row.turns for row in rows}
    copies: list[Conversation] = []
    while ranked and len(copies) < wanted:
        batch, ranked = ranked[: wanted - len(copies)], ranked[wanted - len(copies) :]
        for row, text in zip(batch, way.rewrite([_asked(row) for row in batch]), strict=True):
            turns = (*row.turns[:-2], Turn("user", text), row.turns[-1])
            problem = _problem(_asked(row), text, way)
            if problem is None and turns in there:
                problem = "it is the same as another row"
            if problem:
                refused[problem] += 1
                continue
            there.add(turns)
            name = f"{row.id}-{way.name}"
            copies.append(replace(row, id=name, turns=turns, parent=row.id, made_by=way.name))
    return copies


def _problem(before: str, after: str, way: Way) -> str | None:
    """Why a question written anew can't be used, if it can't."""
    if not after.strip():
        return "it is blank"
    if after == before:
        return "it is the same as its source"
    if not is_intact(before, after):
        return "a number, placeholder, link or piece of code is not as it was"
    if way.is_free:
        alike = _alike(before, after)
        if alike < _BAND[0]:
            return "it has too little in common with its source"
        if alike > _BAND[1]:
            return "it differs from its source in signs only"
    return None


def _apart(
    rows: Sequence[Conversation], derived: Sequence[Conversation], locked: set[str]
) -> list[Conversation]:
    """The derived rows that come near to nothing but training rows."""
    groups = grouped([*rows, *derived])
    others = {
        group
        for row, group in zip((*rows, *derived), groups, strict=True)
        if row.split != "train" or group_of(row.turns) in locked
    }
    named = zip(derived, groups[len(rows) :], strict=True)
    return [replace(row, split="train", group=group) for row, group in named if group not in others]


def _alike(before: str, after: str) -> float:
    one, other = (re.findall(r"\w+", text.casefold())[:500] for text in (before, after))
    return difflib.SequenceMatcher(a=one, b=other, autojunk=False).ratio()


def _asked(row: Conversation) -> str:
    """The last question: the turn before the last reply."""
    return row.turns[-2].text
