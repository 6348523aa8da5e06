"""Split texts into words, in any script.

Metrics that count tokens take BLEU's (`bleu_words`), so that their figures speak of the same
tokens. Those that compare answers strip punctuation (`plain_words`, `bare_words`).
"""

import unicodedata
from collections.abc import Callable, Sequence

# Scripts that put no space between words: each character counts as a word of its own.
SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def script(character: str) -> str:
    """The first word of a character's Unicode name: LATIN, CYRILLIC, CJK, …"""
    return unicodedata.name(character, "").split(" ")[0]


def bleu_words(texts: Sequence[str], tokenizer: str) -> list[list[str]]:
    """Tokens of each text as sacrebleu's BLEU counts them; `tokenizer` is 13a, zh or char."""
    from sacrebleu.metrics import BLEU

    split: Callable[[str], str] = BLEU(tokenize=tokenizer).tokenizer
    return [split(text).split() for text in texts]


def plain_words(text: str) -> list[str]:
    """Lower-case words, NFKC; punctuation parts them, and an emoji is a word of its own."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN).split()


def bare_words(text: str) -> list[str]:
    """Lower-case words, NFKC; what is punctuation in any script (category P) is taken out."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_BARE).split()


class _Table(dict[int, str]):
    """What a character becomes, worked out when it is first met."""

    def __init__(self, punctuation: str, apart: str) -> None:
        self._punctuation = punctuation
        self._apart = apart  # categories whose characters stand alone

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)[0]
        if category == "P":
            self[code] = self._punctuation
        elif category in self._apart or script(character) in SPACELESS:
            self[code] = f" {character} "
        else:
            self[code] = character
        return self[code]


_PLAIN = _Table(punctuation=" ", apart="S")
_BARE = _Table(punctuation="", apart="")
