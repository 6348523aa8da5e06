"""The shelf loads each base once, for whoever asks."""

import threading

from chatui.model.shelf import ModelShelf
from tests.tiny_model import make_tiny_base


def test_two_visitors_at_the_same_moment_get_the_same_engine(tiny_base):
    shelf = ModelShelf()
    engines = []
    threads = [
        threading.Thread(target=lambda: engines.append(shelf.engine(str(tiny_base))))
        for _ in range(4)
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

    shelf.engine(str(tiny_base))
    shelf.engine(str(other))

    assert not shelf.is_loaded(str(tiny_base))
    assert shelf.is_loaded(str(other))
