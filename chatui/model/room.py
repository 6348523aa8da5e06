"""A job asks the page for the memory that its chat models take, by a file both can see."""

import time
from collections.abc import Callable
from pathlib import Path

from chatui.workspace import read_json, write_json

_PATIENCE = 5.0  # seconds that a job waits: the page looks every second, if there is one
_LOOK_EVERY = 0.2


def ask_for_room(file: Path, who: str, is_enough: Callable[[], bool]) -> bool:
    """Ask for room and wait a while; whether there is enough then.

    `who` is how the page names the job to people. The wish ends with this call.
    """
    if is_enough():
        return True
    write_json(file, {"who": who, "at": time.time()})
    try:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            time.sleep(_LOOK_EVERY)
            if is_enough():
                return True
        return False
    finally:
        file.unlink(missing_ok=True)


def room_wanted(file: Path) -> str | None:
    """Who is asking for room at the moment; a job that was killed asks no longer than it would."""
    try:
        wish = read_json(file)
    except (OSError, ValueError):
        return None
    is_fresh = time.time() - float(str(wish["at"])) < 2 * _PATIENCE
    return str(wish["who"]) if is_fresh else None
