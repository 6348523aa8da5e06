"""What a job may know and nothing may keep: secrets, lent to the process that does it.

They are held in memory until the job's process is started by this one, and then live in its
environment alone. A job that waits and is started by another process starts without them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_lent: ContextVar[Mapping[str, str]] = ContextVar("lent", default={})  # noqa: B039 - never changed


@contextmanager
def lending(secrets: Mapping[str, str]) -> Iterator[None]:
    """Lend variables of the environment to the jobs that are queued inside the block."""
    before = _lent.set(secrets)
    try:
        yield
    finally:
        _lent.reset(before)


def lent() -> Mapping[str, str]:
    """What is lent to a job that is queued now."""
    return _lent.get()
