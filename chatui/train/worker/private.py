"""What a private run is bound to: its mechanism, and the secret that its noise is drawn from.

Both are written to the run's folder before the first step. A run that was killed draws the same
rows and the same noise again for the steps that it does again, so that these are released once and
count once. The secret is not the run's seed: whoever has an adapter and its seed could take the
noise off again. It is deleted once the run is complete.
"""

import json
import secrets
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from numpy.random import SFC64, Generator, SeedSequence

from chatui.errors import CannotBePrivate, PrivacyStateLost
from chatui.jobs import Task
from chatui.train.config import TrainConfig
from chatui.train.privacy import Mechanism, mechanism_for, promise_of
from chatui.train.worker.rows import Encoded
from chatui.workspace import read_json, write_bytes, write_json

_FILE = "privacy.json"
_SAMPLING = 0  # the stream of random numbers that rows are drawn with; steps have their numbers


@dataclass(frozen=True)
class Private:
    """A run's privacy, and where it is kept."""

    mechanism: Mechanism
    clip: float  # the greatest length of one conversation's gradient
    secret: int
    folder: Path

    def noise(self, step: int) -> Generator:
        """The random numbers of a step, counted from 1."""
        return self._stream(step)

    def drawn(self, rows: int) -> list[list[int]]:
        """Row numbers of each step: every row is in each with the same probability.

        `rows` may be fewer than the mechanism's: conversations that nothing can be learned from
        are drawn like any other, and add nothing.
        """
        draw = self._stream(_SAMPLING)
        counts = draw.binomial(rows, self.mechanism.rate, size=self.mechanism.steps)
        return [sorted(draw.choice(rows, count, replace=False).tolist()) for count in counts]

    @cached_property
    def state(self) -> dict[str, object]:
        """What a checkpoint has to agree with."""
        return {**asdict(self.mechanism), "clip": self.clip}

    def save(self, checkpoint: Path, steps: int) -> None:
        """Write the accountant's state into a checkpoint."""
        write_json(checkpoint / _FILE, {**self.state, "taken": steps})

    def restored(self, checkpoint: Path) -> int:
        """The steps that a checkpoint has accounted for; raises PrivacyStateLost."""
        try:
            found = read_json(checkpoint / _FILE)
            taken = int(str(found.pop("taken")))
        except (OSError, ValueError, KeyError) as error:
            raise PrivacyStateLost("its checkpoint does not say what was spent") from error
        if found != self.state:
            raise PrivacyStateLost("its checkpoint was made with other noise or other rows")
        return taken

    def forget(self) -> None:
        """Delete the secret: nobody can draw the noise of this run again."""
        write_json(self.folder / _FILE, self.state)

    def _stream(self, number: int) -> Generator:
        return Generator(SFC64(SeedSequence(entropy=self.secret, spawn_key=(number,))))


def private_run(task: Task, config: TrainConfig, rows: Encoded) -> Private | None:
    """The privacy of a run that asks for it: as it began, or new; None where it is off."""
    if not config.privacy_epsilon:
        return None
    path = task.folder / _FILE
    if path.exists():
        return _read(path, task.folder)
    # Rows without anything to learn count too: the plan was made for all.
    count = len(rows.rows) + sum(rows.skipped.values())
    mechanism = mechanism_for(config, count)
    if mechanism is None:
        raise CannotBePrivate(
            f"no noise keeps it within ε {config.privacy_epsilon:g}",
            "Choose fewer epochs, a larger batch, or a larger ε",
        )
    private = Private(mechanism, config.privacy_clip, secrets.randbits(128), task.folder)
    kept = {**private.state, "secret": f"{private.secret:032x}"}
    write_bytes(path, json.dumps(kept, indent=1).encode(), mode=0o600)
    task.journal.append("privacy", target=config.privacy_epsilon, **private.state)
    task.log(promise_of(mechanism))
    # Told to the owner, whose journal is exact anyway; the card would give it away.
    copies = max(Counter(tuple(row.ids) for row in rows.rows).values(), default=1)
    if copies > 1:
        task.log(f"One conversation is read {copies} times: for it, ε is {copies} times as much")
    return private


def _read(path: Path, folder: Path) -> Private:
    try:
        found = read_json(path)
        mechanism = Mechanism(
            rows=int(str(found["rows"])),
            expected=int(str(found["expected"])),
            steps=int(str(found["steps"])),
            noise=float(str(found["noise"])),
        )
        secret = int(str(found["secret"]), 16)
        return Private(mechanism, float(str(found["clip"])), secret, folder)
    except (OSError, ValueError, KeyError) as error:
        raise PrivacyStateLost("its noise can't be drawn again") from error
