"""The shelf loads each base once, for whoever asks, and gives back what nobody needs."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chatui.model.room import ask_for_room, room_wanted
from chatui.model.shelf import ModelShelf
from tests.tiny_model import make_tiny_base


def asked(shelf: ModelShelf, base: Path):
    with shelf.using(str(base)) as engine:
        return engine


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def base(tiny_base) -> str:
    return str(tiny_base)


def test_two_visitors_at_the_same_moment_get_the_same_engine(tiny_base):
    shelf = ModelShelf()
    engines = []
    threads = [
        threading.Thread(target=lambda: engines.append(asked(shelf, tiny_base))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(engine) for engine in engines}) == 1
    assert shelf.is_loaded(str(tiny_base))


def test_a_full_shelf_forgets_what_was_asked_for_the_longest_ago(tiny_base, tmp_path):
    shelf = ModelShelf(keep=1)
    other = make_tiny_base(tmp_path / "other", seed=7)

    asked(shelf, tiny_base)
    asked(shelf, other)

    assert not shelf.is_loaded(str(tiny_base))
    assert shelf.is_loaded(str(other))
    assert shelf.why_away(str(tiny_base)) == "it was put away for another model"


def test_a_model_that_nobody_asks_is_put_away_and_says_why(base):
    clock = Clock()
    shelf = ModelShelf(idle_seconds=600, clock=clock)
    asked(shelf, base)
    clock.now += 599
    shelf.look_round()
    assert shelf.is_loaded(base)
    assert shelf.why_away(base) is None

    clock.now += 1
    shelf.look_round()

    assert not shelf.is_loaded(base)
    assert shelf.why_away(base) == "it was put away after 10 minutes without a question"
    asked(shelf, base)
    assert shelf.why_away(base) is None


def test_a_model_that_answers_stays_whoever_wants_its_room(base):
    clock = Clock()
    shelf = ModelShelf(clock=clock, room_wanted=lambda: "training r3")
    with shelf.using(base):
        clock.now += 10_000
        shelf.look_round()
        assert shelf.is_loaded(base)

    shelf.look_round()

    assert not shelf.is_loaded(base)
    assert shelf.why_away(base) == "it was put away to make room for training r3"


def test_a_job_that_asks_for_room_gets_that_of_a_model_nobody_is_asking(base, tmp_path):
    file = tmp_path / "room.json"
    shelf = ModelShelf(room_wanted=lambda: room_wanted(file))
    asked(shelf, base)

    assert ask_for_room(file, "training r3", lambda: not shelf.is_loaded(base))

    assert not file.exists()
    assert room_wanted(file) is None


def test_a_job_that_asks_where_nobody_can_help_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("chatui.model.room._PATIENCE", 0.3)

    assert not ask_for_room(tmp_path / "room.json", "training r3", lambda: False)
    assert not (tmp_path / "room.json").exists()


def test_the_wish_of_a_job_that_was_killed_ends(tmp_path):
    file = tmp_path / "room.json"
    file.write_text(json.dumps({"who": "training r3", "at": time.time() - 3600}))
    assert room_wanted(file) is None
    file.write_text("{")
    assert room_wanted(file) is None


def test_the_memory_of_a_model_that_is_put_away_is_the_machines_again(tmp_path):
    """In a process of its own, since tests before it have left memory to be used again."""
    big = make_tiny_base(
        tmp_path / "big", hidden_size=1024, intermediate_size=4096, num_hidden_layers=4
    )
    small = make_tiny_base(tmp_path / "small")
    told = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(big), str(small)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "CHATUI_CACHE": str(tmp_path / "cache")},
    )
    before, loaded, after = json.loads(told.stdout.splitlines()[-1])

    assert loaded - before > 40
    assert after - before < 0.3 * (loaded - before)


_MEASURE = """
import json, sys
import psutil
from chatui.conversation import Turn
from chatui.model.decoding import Decoding
from chatui.model.requests import Request
from chatui.model.shelf import ModelShelf

def resident():
    return psutil.Process().memory_info().rss / 2**20

def ask(base):
    shelf = ModelShelf(idle_seconds=0)
    with shelf.using(base) as engine:
        engine.replies([Request((Turn("user", "Hello"),), None, Decoding(max_new_tokens=4))])
    return shelf

big, small = sys.argv[1:]
ask(small).look_round()
before = resident()
shelf = ask(big)
loaded = resident()
shelf.look_round()
print(json.dumps([before, loaded, resident()]))
"""
