"""White space and characters of a text, mended."""

import re
import unicodedata

# What `repair` may find besides mojibake; without any of it, ftfy is not asked.
_ODD = re.compile(
    "[\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\u2028\u2029\u206a-\u206f\ufeff\ufff9-\ufffc\ud800-\udfff]"
)


def trim(text: str) -> str:
    """Without white space at ends, after lines and doubled, and with one blank line at most."""
    if text.isascii() and text.isprintable() and "  " not in text and text.strip() == text:
        return text
    lines = [line.rstrip() for line in text.split("\n")]
    if not any("`" in line or "|" in line or "\t" in line for line in lines):
        lines = [re.sub(r"(?<=\S) {2,}", " ", line) for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def repair(text: str) -> str:
    """With mojibake decoded and control characters gone; quotes and wide letters stay."""
    import ftfy
    from ftfy.badness import is_bad

    if text.isascii() and not _ODD.search(text):
        return text
    is_normal = unicodedata.is_normalized("NFC", text)
    if is_normal and not _ODD.search(text) and not is_bad(text):
        return text
    fixed: str = ftfy.fix_text(
        text,
        uncurl_quotes=False,
        unescape_html=False,
        fix_character_width=False,
        fix_latin_ligatures=False,
        explain=False,
    )
    return fixed
