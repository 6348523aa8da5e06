"""Balance the labels of a version's training rows: cap what is common, or repeat what is rare.

Validation and test stay as they are, so that a score before and after is about the same items.
Rows without a label stay as they are too; rows that were added to the version are left behind.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from chatui.conversation import Conversation
from chatui.data.cleaning import CAP, RemovedRow
from chatui.data.content import Content
from chatui.data.draws import repeats_of, times_seen
from chatui.data.prepare import DEFAULT_SEED
from chatui.data.relocking import relocked
from chatui.data.store import DatasetStore, DatasetView
from chatui.errors import CannotBalance

MOST_TIMES = 5  # a row seen more often is learned by heart


@dataclass(frozen=True, slots=True)
class LabelLine:
    """What becomes of the rows of a label."""

    label: str
    rows: int  # in all splits
    train: int
    share: float  # of the training rows that have a label, 0 to 1
    dropped: int
    repeated: int  # rows that are added
    seen: int  # training rows per epoch, after
    seen_share: float


@dataclass(frozen=True, slots=True)
class Balance:
    """A balanced version that is not saved yet."""

    dataset: str
    lines: tuple[LabelLine, ...]  # the most common label first
    content: Content

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {"parent": self.dataset, "labels": [asdict(line) for line in self.lines]}


def imbalance(rows: Sequence[Conversation]) -> tuple[LabelLine, ...]:
    """How often each label is there, before anything is done about it."""
    return _lines(rows, {})


def balanced(
    store: DatasetStore,
    dataset_id: str,
    cap: int | None = None,
    times: int | None = None,
    *,
    seed: int = DEFAULT_SEED,
) -> Balance:
    """The version with at most `cap` training rows of each label, or with rare ones repeated.

    Without a cap each label is seen as often as the most common one, a row at most `times` times
    (by default 5). Raises CannotBalance.
    """
    view = store.view(dataset_id)
    locked = store.locked_in(view.name)
    rows = relocked([row for row in store.rows(dataset_id) if row.parent is None], locked)
    by_label = _trained(rows)
    _check(dataset_id, by_label, cap, times)
    wanted = _wanted(by_label, cap, times or MOST_TIMES)
    seen: dict[str, int] = {}
    for label, members in by_label.items():
        names = [row.id for row in members]
        seen |= dict(zip(names, times_seen(names, wanted[label], seed), strict=True))
    reason = f"its label has more than {cap} training rows"
    made_by = {"balance": {"cap": cap} if cap else {"times": times or MOST_TIMES}, "seed": seed}
    recipe = store.recipe(dataset_id).model_copy(update={"made_by": made_by})
    content = Content(
        conversations=[row for row in rows if seen.get(row.id, 1)],
        removed=[_gone(number, row, reason) for number, row in _numbered(rows, seen)],
        changed={},
        recipe=recipe,
        locked=frozenset(locked),
        added=[copy for row in rows for copy in repeats_of(row, seen.get(row.id, 1) - 1)],
        parents=(dataset_id,),
    )
    return Balance(dataset_id, _lines(rows, seen), content)


def save_balance(store: DatasetStore, made: Balance) -> DatasetView:
    """Save a balanced version as the next one of its dataset."""
    return store.add(made.content, store.view(made.dataset).name, parent=made.dataset)


def _check(
    dataset: str, by_label: Mapping[str, Sequence[Conversation]], cap: int | None, times: int | None
) -> None:
    if len(by_label) < 2:
        found = f"it has only the label {next(iter(by_label))!r}" if by_label else "it has none"
        raise CannotBalance(dataset, f"balancing is about labels, and {found} in training")
    if cap is not None and cap < 1:
        raise CannotBalance(dataset, f"a cap of {cap} leaves nothing; choose 1 or more")
    if times is not None and times < 2:
        raise CannotBalance(dataset, "rows that are seen once are not repeated; choose 2 or more")


def _wanted(
    by_label: Mapping[str, Sequence[Conversation]], cap: int | None, times: int
) -> dict[str, int]:
    """How many training rows of each label are seen."""
    if cap is not None:
        return {label: min(cap, len(members)) for label, members in by_label.items()}
    most = max(map(len, by_label.values()))
    return {label: min(most, times * len(members)) for label, members in by_label.items()}


def _trained(rows: Sequence[Conversation]) -> dict[str, list[Conversation]]:
    found: dict[str, list[Conversation]] = {}
    for row in rows:
        if row.split == "train" and row.label:
            found.setdefault(row.label, []).append(row)
    return found


def _lines(rows: Sequence[Conversation], seen: Mapping[str, int]) -> tuple[LabelLine, ...]:
    labels = Counter(row.label for row in rows if row.label)
    trained = _trained(rows)
    after = {label: [seen.get(row.id, 1) for row in trained.get(label, ())] for label in labels}
    before, total = sum(map(len, after.values())), sum(map(sum, after.values()))
    return tuple(
        LabelLine(
            label=label,
            rows=count,
            train=len(after[label]),
            share=len(after[label]) / max(1, before),
            dropped=after[label].count(0),
            repeated=sum(n - 1 for n in after[label] if n > 1),
            seen=sum(after[label]),
            seen_share=sum(after[label]) / max(1, total),
        )
        for label, count in labels.most_common()
    )


def _numbered(
    rows: Sequence[Conversation], seen: Mapping[str, int]
) -> list[tuple[int, Conversation]]:
    return [(n, row) for n, row in enumerate(rows, start=1) if not seen.get(row.id, 1)]


def _gone(number: int, row: Conversation, reason: str) -> RemovedRow:
    return RemovedRow(row.row or number, CAP.name, reason, row.turns, "", row.label, row.rejected)
