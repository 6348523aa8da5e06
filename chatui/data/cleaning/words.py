"""Leave out punctuation or stop words, for people who need it: both change what is said.

A model learns to write what it reads, so both are off at first. Question marks and negations stay:
without them "Who are you?" would say nothing, and "I do not want a refund" the opposite. A text
that would be left without a word stays as it is; so do code between backticks, links and addresses.
"""

import re
from collections.abc import Callable

# English words that carry grammar more than meaning. None of them denies, asks or says who acts.
_STOP_WORDS = """
a an the this that these those am is are was were be been being has have had having do does did
doing of at by for with about into through during to from in on then once here there all any both
each few more most other some such own same so than too very just and or as if because while also
"""
_STOP = frozenset(_STOP_WORDS.split())
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
_TOKEN = re.compile(r"\S+")
_MARKS = re.compile(r"[.,;:!¡…\"“”„«»()\[\]{}—–'‘’\-]+")
_INSIDE = frozenset("'’.,:-")  # don't, 3.50, 10:30, up-to-date
_GAP = re.compile(r"(?<=\S) {2,}| +$", re.MULTILINE)


def drop_punctuation(text: str) -> str:
    """The text without marks, but for question marks and those inside words and numbers."""
    return _outside_code(text, lambda token: _MARKS.sub(_without_marks, token))


def drop_stop_words(text: str) -> str:
    """The text without English stop words; those that deny or ask are none."""
    return _outside_code(text, _without_stop_word)


def _outside_code(text: str, fix: Callable[[str], str]) -> str:
    parts = _CODE.split(text)
    parts[::2] = [_TOKEN.sub(lambda token: _fixed(token[0], fix), part) for part in parts[::2]]
    result = "".join(parts)
    if result == text:
        return text
    result = _GAP.sub(lambda gap: " " if gap.end() < len(result) else "", result).strip()
    return result if re.search(r"\w", result) else text


def _fixed(token: str, fix: Callable[[str], str]) -> str:
    is_kept = "://" in token or "@" in token
    return token if is_kept else fix(token)


def _without_marks(found: re.Match[str]) -> str:
    marks, token = found[0], found.string
    before, after = token[found.start() - 1 : found.start()], token[found.end() : found.end() + 1]
    if before.isalnum() and after.isalnum():
        return marks if marks in _INSIDE else " "
    return marks[-1] if marks[-1] in ".-" and after.isdigit() else ""


def _without_stop_word(token: str) -> str:
    if "?" in token:
        return token
    return "" if token.rstrip(".,;:!").casefold() in _STOP else token  # brackets stay in pairs
