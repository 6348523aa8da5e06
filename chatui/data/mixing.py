"""Mix saved versions by weight into a new one, with an account of every row before it is saved.

What is tested stays tested: the test split of the mixture is that of its sources together, and a
row that asks what any of them tests, or nearly that, is left out. Validation rows stay apart too;
only training rows are drawn. Rows that were added to a source are left behind: mix first.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from chatui.conversation import Conversation, Split
from chatui.data.cleaning import MIX, RemovedRow
from chatui.data.content import Content
from chatui.data.draws import apportioned, repeats_of, times_seen, with_own_ids
from chatui.data.prepare import DEFAULT_SEED
from chatui.data.recipe import Recipe
from chatui.data.splitting import group_of
from chatui.data.store import DatasetStore, DatasetView
from chatui.data.together import grouped, thread_in
from chatui.errors import BadMixture


@dataclass(frozen=True, slots=True)
class Part:
    """A source of a mixture; weights count beside each other only."""

    dataset: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class SourceLine:
    """What becomes of a source's rows, in one epoch of training on the mixture."""

    source: str
    rows: int  # in the source, without rows that were added to it
    weight: float
    share: float  # of the training rows that are seen, 0 to 1
    seen: int  # training rows per epoch, with repeats
    repeats: float  # how often a training row that is used is seen, on average
    unused: int  # training rows that are not drawn
    left_out: int  # rows that ask what is tested or validated elsewhere
    validation: int
    test: int


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture that is not saved yet."""

    lines: tuple[SourceLine, ...]
    content: Content

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {"sources": [asdict(line) for line in self.lines]}


@dataclass(slots=True)
class _Sources:
    """All rows of all sources, and where each stands."""

    rows: list[Conversation]
    places: list[Split | None]  # None: left out
    system: str | None
    locked: set[str]

    def of(self, source: str, split: Split | None) -> list[Conversation]:
        placed = zip(self.rows, self.places, strict=True)
        return [row for row, place in placed if row.source == source and place == split]


def mixture(
    store: DatasetStore,
    parts: Sequence[Part],
    name: str,
    rows: int | None = None,
    *,
    seed: int = DEFAULT_SEED,
) -> Mixture:
    """The mixture of versions as it would be saved under a name, with `rows` training rows.

    By default as many as the sources have together. Raises BadMixture, or NotFound.
    """
    _check(parts, rows)
    sources = _gathered(store, parts, name)
    pools = [sources.of(part.dataset, "train") for part in parts]
    if empty := [p.dataset for p, pool in zip(parts, pools, strict=True) if not pool]:
        raise BadMixture(f"{empty[0]} has no row left to train on")
    total = rows or sum(map(len, pools))
    wanted = apportioned(total, [part.weight for part in parts])
    kept: set[str] = set()
    added: list[Conversation] = []
    lines = []
    for part, pool, count in zip(parts, pools, wanted, strict=True):
        seen = times_seen([row.id for row in pool], count, seed)
        for row, times in zip(pool, seen, strict=True):
            if times:
                kept.add(row.id)
                added += repeats_of(row, times - 1)
        lines.append(_line(sources, part, seen, total))
    made_by = {"mix": [asdict(line) for line in lines], "rows": rows}
    content = Content(
        conversations=[
            replace(row, split=place)
            for row, place in zip(sources.rows, sources.places, strict=True)
            if place is not None and (place != "train" or row.id in kept)
        ],
        removed=_removed(sources, kept),
        changed={},
        recipe=Recipe(seed=seed, system=sources.system, made_by=made_by),
        locked=frozenset(sources.locked),
        added=added,
        parents=tuple(part.dataset for part in parts),
    )
    return Mixture(tuple(lines), content)


def save_mixture(store: DatasetStore, made: Mixture, name: str) -> DatasetView:
    """Save a mixture as the next version of the dataset `name`; its parents are its sources."""
    return store.add(made.content, name, parent=made.content.parents[0])


def _check(parts: Sequence[Part], rows: int | None) -> None:
    if len(parts) < 2:
        raise BadMixture("fewer than two were named")
    twice, count = Counter(part.dataset for part in parts).most_common(1)[0]
    if count > 1:
        raise BadMixture(f"{twice} is named {count} times")
    for part in parts:
        if not 0 < part.weight <= 1e6:
            raise BadMixture(f"the weight of {part.dataset} is {part.weight:g}, not above 0")
    if rows is not None and not len(parts) <= rows <= 10_000_000:
        raise BadMixture(f"{rows:,} training rows can't be drawn")


def _gathered(store: DatasetStore, parts: Sequence[Part], name: str) -> _Sources:
    """The rows of the sources, with their splits as far as no row leaks into another's."""
    views = [store.view(part.dataset) for part in parts]
    systems = {view.system for view in views}
    system = views[0].system if len(systems) == 1 else None
    locked = store.locked_in(name).union(*(store.locked_in(view.name) for view in views))
    found: list[Conversation] = []
    for view in views:
        stored = store.rows(view.id) if len(systems) == 1 else store.conversations(view.id)
        own = (row for row in stored if row.parent is None)
        found += [replace(r, source=view.id, thread=thread_in(view.id, r.thread)) for r in own]
    rows = with_own_ids(found)
    groups = grouped(rows)
    rows = [replace(row, group=group) for row, group in zip(rows, groups, strict=True)]
    keys = [group_of(row.turns) for row in rows]
    locked |= {key for row, key in zip(rows, keys, strict=True) if row.split == "test"}
    tested = {g for g, key in zip(groups, keys, strict=True) if key in locked}
    validated = {row.group for row in rows if row.split == "validation"} - tested
    places = [_place(row, tested, validated) for row in rows]
    return _Sources(rows, places, system, locked)


def _place(row: Conversation, tested: set[str], validated: set[str | None]) -> Split | None:
    if row.split == "test":
        return "test"
    if row.group in tested or (row.split == "train" and row.group in validated):
        return None
    return row.split


def _line(sources: _Sources, part: Part, seen: Sequence[int], total: int) -> SourceLine:
    used = sum(times > 0 for times in seen)
    counts = {split: len(sources.of(part.dataset, split)) for split in ("validation", "test")}
    left_out = len(sources.of(part.dataset, None))
    return SourceLine(
        source=part.dataset,
        rows=len(seen) + left_out + sum(counts.values()),
        weight=part.weight,
        share=sum(seen) / total,
        seen=sum(seen),
        repeats=sum(seen) / used if used else 0.0,
        unused=len(seen) - used,
        left_out=left_out,
        **counts,
    )


def _removed(sources: _Sources, kept: set[str]) -> list[RemovedRow]:
    """The rows that the mixture doesn't hold, each with its reason."""
    gone = []
    for number, (row, place) in enumerate(zip(sources.rows, sources.places, strict=True), start=1):
        if place is None:
            reason = f"of {row.source}: it asks nearly the same as a {_elsewhere(row)} row"
        elif place == "train" and row.id not in kept:
            reason = f"of {row.source}: the weight leaves no place for it"
        else:
            continue
        gone.append(RemovedRow(number, MIX.name, reason, row.turns, "", row.label, row.rejected))
    return gone


def _elsewhere(row: Conversation) -> str:
    return "test" if row.split == "validation" else "test or validation"
