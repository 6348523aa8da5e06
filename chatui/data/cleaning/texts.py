"""White space and characters of a text, mended."""

import re
import unicodedata
from collections.abc import Iterator
from functools import partial
from itertools import islice

# What `repair` may find besides mojibake; without any of it, ftfy is not asked.
_ODD = re.compile(
    "[\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\u2028\u2029\u206a-\u206f\ufeff\ufff9-\ufffc\ud800-\udfff]"
)
_SPACE_BEFORE_BREAK = re.compile(r"[^\S\n]\n|\n{3}")
# Mojibake is two characters beyond ASCII, or one of these, which ftfy suspects alone.
_SUSPECT = re.compile("[^\x00-\x7f](?:(?<=[\x80-\x9f\xc2\xc3\u0152\u0153])|(?=[^\x00-\x7f]))")
_LONGEST = 8  # characters that ftfy looks at together; seven, in version 6.3.1
_CHUNK = 64
# Of line breaks, and of places with mojibake inside other text: more than anybody wrote. ftfy takes
# 20 µs for each, so beyond them lines are repaired together, and mojibake where all of a text is.
_MANY = 10_000
_SHORTEST = 2000


def trim(text: str) -> str:
    """Without white space at ends, after lines and doubled, and with one blank line at most."""
    is_trim = "  " not in text and text.strip() == text
    if is_trim and ("\n" not in text or not _SPACE_BEFORE_BREAK.search(text)):
        return text
    lines = [line.rstrip() for line in text.strip().split("\n")]
    if not any("`" in line or "|" in line or "\t" in line for line in lines):
        lines = [re.sub(r"(?<=\S) {2,}", " ", line) for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def repair(text: str) -> str:
    """With mojibake decoded and control characters gone; quotes and wide letters stay."""
    import ftfy

    if text.isascii() and (text.isprintable() or not _ODD.search(text)):
        return text
    is_normal = unicodedata.is_normalized("NFC", text)
    if is_normal and not _ODD.search(text) and not _holds_mojibake(text):
        return text
    is_riddled = _is_riddled(text)
    fix = partial(
        ftfy.fix_text if text.count("\n") <= _MANY else ftfy.fix_text_segment,
        uncurl_quotes=False,
        unescape_html=False,
        fix_character_width=False,
        fix_latin_ligatures=False,
        decode_inconsistent_utf8=not is_riddled,
        explain=is_riddled,  # ftfy 6.3.1 reads the option above only when it explains
    )
    parts = (text,) if fix.func is ftfy.fix_text else _long_parts(text)
    return "".join(map(fix, parts))


def _is_riddled(text: str) -> bool:
    """Whether what looks like mojibake stands in more places than ftfy can take one by one."""
    from ftfy.chardata import UTF8_DETECTOR_RE

    if len(text) <= 2 * _MANY:
        return False
    return next(islice(UTF8_DETECTOR_RE.finditer(text), _MANY, None), None) is not None


def _long_parts(text: str) -> Iterator[str]:
    """The text cut behind line breaks: ftfy takes 20 µs for a line, however short it is."""
    at = 0
    while at < len(text):
        end = text.find("\n", at + _SHORTEST) + 1 or len(text)
        yield text[at:end]
        at = end


def _holds_mojibake(text: str) -> bool:
    """What ftfy's `is_bad` says, asked only of what surrounds suspect characters.

    Its pattern has some thirty branches to try at each character of a text.
    """
    from ftfy.badness import BADNESS_RE

    at, chunk = 0, 2 * _LONGEST  # one such character is the most frequent case
    while found := _SUSPECT.search(text, at):
        start, end = found.start(), found.start() + chunk
        if BADNESS_RE.search(text, max(0, start - _LONGEST), end):
            return True
        at, chunk = end - _LONGEST, _CHUNK
    return False
