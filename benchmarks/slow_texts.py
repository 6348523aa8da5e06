"""Texts that were made to be slow, and what each cleaning step takes for them."""

import itertools
import time

from timing import say

from chatui.conversation import Turn
from chatui.data.cleaning import STEPS, Parameters, clean
from chatui.data.formats import RawRow

MEGABYTE = 1_000_000  # characters: a longer turn is quarantined when it is read
_UNITS = (
    "a", "a@", "a.", "@a.b", "aé", "é", "é\n", "Ã©\n", "â€™", "Ã×²", "e\u0301", "\x00a\n", "\r",
    "<", "<!--", "<script>", "<a b='", "<b>", "</b>", "<p>\n", "&", "&#", "&amp;", "`", "```", "<|",
    "[INST]", "<|end|>", " ", "  a", " \n", "\n", "\n\n\n a", "1", "1-", "1.2.", "1:", "::1 ", "(1",
    "+49 30 901820 ", "212-736-5000 ", "4111 1111 1111 1111 ", "4 ", "DE89 ", "DE89370400440532013",
    "http://", "https://a?key=", "https://a.b/?token=abcdef ", "sk-", "eyJa.", "xoxb-1",
    "123-45-6789 ", "not ", "the ", "? ", "go away go ", "word ", "Wo ist ", "\u200d", "٣",
)  # fmt: skip
_CHOICES = Parameters(flagged_words=("go away now", "word go", "a " * 30 + "b"), max_tokens=16)


def growth() -> tuple[float, float]:
    """Seconds of the slowest step on a megabyte, and the largest factor for a doubling.

    The factor is the mean one of three doublings, from an eighth of a megabyte on, where that takes
    5 ms at least; below them it is noise. What seems slow is asked again, and the best time counts:
    the machine is shared.
    """
    slowest, largest = 0.0, 0.0
    for step, unit in itertools.product(STEPS, _UNITS):
        sizes = (MEGABYTE // 8, MEGABYTE)
        eighth, whole = (_seconds(step.name, unit, size) for size in sizes)
        for _ in range(3):
            if whole < 0.5 and whole < 10 * eighth:
                break
            eighth = min(eighth, _seconds(step.name, unit, MEGABYTE // 8))
            whole = min(whole, _seconds(step.name, unit, MEGABYTE))
        if whole > slowest:
            slowest = whole
            say(f"slowest so far: {step.name} on {unit!r}, {whole:.3f} s for a megabyte")
        factor = (whole / eighth) ** (1 / 3)
        if eighth > 0.005 and factor > largest:
            largest = factor
            say(f"growing most so far: {step.name} on {unit!r}, {factor:.2f} times when doubled")
    return slowest, largest


def _seconds(step: str, unit: str, size: int) -> float:
    text = unit * (size // len(unit))  # a unit that is cut may take another pass
    rows = [RawRow(1, (Turn("user", text), Turn("assistant", "yes")))]
    started = time.process_time()
    clean(rows, (step,), _CHOICES)
    return time.process_time() - started
