"""Save datasets to mix, balance and augment."""

import itertools

from chatui.data.prepare import prepare
from chatui.data.splitting import group_of
from tests.data.writing import write

TOPICS = ("bike", "parcel", "invoice", "password", "garden", "weather")


def questions(count, start=0, label=None):
    """Rows whose questions have no word sequence in common."""
    rows = []
    for n in range(start, start + count):
        topic = TOPICS[n % len(TOPICS)]
        row = {"user": f"What about {topic}{n} today", "agent": f"Reply {n} about {topic}."}
        rows.append({**row, "label": label or topic})
    return rows


def save(store, folder, name, rows, **options):
    """Save rows as the next version of a dataset."""
    number = next(_NUMBERS)
    return store.save(prepare(write(folder / f"{name}-{number}.json", rows), **options), name)


_NUMBERS = itertools.count(1)


def asked(rows, *splits):
    """What rows of these splits ask."""
    return {group_of(row.turns) for row in rows if not splits or row.split in splits}


def learned(rows):
    """What rows ask that a model sees while it is trained or its best step is chosen."""
    return asked(rows, "train", "validation")
