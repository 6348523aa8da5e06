from threading import Event

import pytest

from chatui.ui.background import Beside


def test_what_was_found_is_there_after_the_last_word_about_progress():
    work = Beside(lambda tell: [tell(number) for number in range(1000)] and "found")

    told = list(work)

    assert work.found == "found"
    assert told == sorted(told)
    assert len(told) <= 2  # a thousand words in a moment are not passed on one by one


def test_somebody_who_waits_hears_how_far_it_is_before_it_is_done():
    heard = Event()

    def work(tell):
        tell(7)
        assert heard.wait(30)
        return "found"

    beside = Beside(work)
    told = iter(beside)

    assert next(told) == 7
    assert not hasattr(beside, "found")
    heard.set()
    assert list(told) == []
    assert beside.found == "found"


def test_what_goes_wrong_is_raised_where_somebody_looks():
    def work(tell):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(Beside(work))
