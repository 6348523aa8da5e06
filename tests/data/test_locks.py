"""What was tested once is never learned, whatever is done to a dataset afterwards."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatui.data.augmenting import augmented, noise, save_augmentation
from chatui.data.balancing import balanced, save_balance
from chatui.data.grouping import groups_of
from chatui.data.mixing import Part, mixture, save_mixture
from chatui.data.prepare import prepare
from chatui.data.recipe import Recipe
from chatui.data.revising import cleaned_draft, restore
from chatui.data.store import DatasetStore
from chatui.errors import ChatUIError
from chatui.workspace import Workspace
from tests.data.making import asked, learned
from tests.data.writing import write

PLACES = ("paris", "london", "tokyo", "lima", "oslo", "cairo", "delhi", "quito")
ACTIONS = st.sampled_from(("add", "clean", "restore", "cap", "weights", "mix", "noise", "delete"))


def rows(chance):
    """Twenty or more questions: some near copies of others, some twice, some blank."""
    made = []
    for _ in range(chance.randrange(20, 40)):
        place, item = chance.choice(PLACES), chance.randrange(12)
        said = f"Can you send item{item} to my new address in {place} before the holidays begin"
        text = chance.choice((said, said + " please", f"Where is {place}{item}", f"<b>{said}</b>"))
        reply = chance.choice(("Yes.", "No.", ""))
        made.append({"user": text, "agent": reply, "label": chance.choice("aab")})
    return made


class World:
    """A workspace with two datasets, and what their versions have tested."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self._folder, self._chance = folder, chance
        self.store = DatasetStore(Workspace(folder / "workspace"))
        self.tested: dict[str, set[str]] = {}
        self.made = 0
        for name in ("one", "two"):
            self.add(name)

    def add(self, name: str) -> None:
        self.made += 1
        path = write(self._folder / f"{self.made}.json", rows(self._chance))
        seed = self._chance.randrange(9)
        self.check(self.store.save(prepare(path, seed=seed), name).id)

    def do(self, action: str) -> None:
        """Take a step from any version there is; what can't be done is left undone."""
        store, chance = self.store, self._chance
        view = chance.choice(store.all())
        seed = chance.randrange(9)
        if action == "add":
            self.add(view.name)
        elif action == "clean":
            recipe = Recipe(steps=("html", "blank"), seed=seed)
            draft = cleaned_draft(store, view.id, recipe)
            self.check(store.save(draft, view.name, parent=view.id).id)
        elif action == "restore":
            gone = [row.row for row in store.removed_rows(view.id)]
            self.check(restore(store, view.id, chance.sample(gone, min(3, len(gone)))).id)
        elif action in ("cap", "weights"):
            cap = chance.randrange(1, 9) if action == "cap" else None
            self.check(save_balance(store, balanced(store, view.id, cap, seed=seed)).id)
        elif action == "noise":
            made = augmented(store, view.id, noise(seed), chance.random(), seed=seed)
            self.check(save_augmentation(store, made).id)
        elif action == "mix":
            self.mix(view.id, chance.choice(store.all()).id, chance.choice(("one", "three")))
        elif view.id not in {other.id for other in {v.name: v for v in store.all()}.values()}:
            store.delete(view.id)  # not the newest of its dataset, which has all that is locked

    def mix(self, one: str, other: str, name: str) -> None:
        parts = [Part(one, self._chance.uniform(0.1, 5)), Part(other, 1)]
        made = save_mixture(self.store, mixture(self.store, parts, name), name)
        for source in (one, other):
            self.tested.setdefault(name, set()).update(self.tested[self.store.view(source).name])
        self.check(made.id)

    def check(self, dataset_id: str) -> None:
        """The version learns nothing that its dataset has tested before, nor near copies of it."""
        view, found = self.store.view(dataset_id), self.store.rows(dataset_id)
        tested = self.tested.setdefault(view.name, set())
        assert learned(found).isdisjoint(tested)
        assert {row.split for row in found if row.parent} <= {"train"}
        named = dict(zip((row.id for row in found), found, strict=True))
        assert all(named[row.parent].split == "train" for row in found if row.parent)
        splits: dict[str, set[str]] = {}
        for row, group in zip(found, groups_of(row.turns for row in found), strict=True):
            splits.setdefault(group, set()).add(row.split)
        assert all(len(held) == 1 for held in splits.values())
        assert sum(view.splits.values()) == len(found) == view.kept + view.added
        tested |= asked(found, "test")


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(ACTIONS, max_size=8), seed=st.integers(0, 10_000))
def test_what_was_tested_once_is_never_learned(actions, seed):
    with TemporaryDirectory() as folder:
        world = World(Path(folder), random.Random(seed))
        for action in actions:
            try:
                world.do(action)
            except ChatUIError:  # such as a mixture of a version with itself
                continue
