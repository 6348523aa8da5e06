"""Judge a row by itself: too long, in another language, with a flagged word.

Each maker takes the parameters and returns what says why a row has to go, as a sentence's end, or
None where it may stay.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from chatui.conversation import Turn
from chatui.data.cleaning.parameters import Parameters
from chatui.errors import BadParameter
from chatui.model.catalog import find_base, local_folder

Judge = Callable[[Sequence[Turn]], str | None]
MIN_LETTERS = 20  # below these a language is a guess: "hallo" is German, Dutch or Catalan
_BEGINNING = 100_000  # characters of a turn
_WORDS = re.compile(r"\w+")


def too_long(parameters: Parameters) -> Judge:
    """Rows whose texts take more tokens than `max_tokens`, the template's own not counted."""
    tokenizer = _tokenizer(parameters.tokenizer)
    limit = parameters.max_tokens

    def judge(turns: Sequence[Turn]) -> str | None:
        if sum(len(turn.text.encode()) for turn in turns) <= limit:
            return None  # no tokenizer makes more tokens than there are bytes
        texts = [turn.text for turn in turns]
        # A tokenizer may need a second for a megabyte: the beginning says enough.
        if (
            max(map(len, texts)) > _BEGINNING
            and _count(tokenizer, [text[:_BEGINNING] for text in texts]) > 2 * limit
        ):
            many = f"more than {2 * limit:,}"
        elif (count := _count(tokenizer, texts)) > limit:
            many = f"{count:,}"
        else:
            return None
        return f"it has {many} tokens by {parameters.tokenizer}, and {limit:,} are allowed"

    return judge


def _count(tokenizer: Any, texts: list[str]) -> int:
    found = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return sum(len(one) for one in found)


def other_language(parameters: Parameters) -> Judge:
    """Rows in another language than `languages`; too short to tell counts as none of them."""
    identifier = _identifier()
    wanted = " or ".join(parameters.languages)

    def judge(turns: Sequence[Turn]) -> str | None:
        language = language_of(" ".join(t.text for t in turns if t.speaker != "system"), identifier)
        if language is None or language in parameters.languages:
            return None
        return f"it is in {language!r}, not in {wanted}"

    return judge


def flagged_words(parameters: Parameters) -> Judge:
    """Rows that hold one of `flagged_words`, as a whole word and in any case."""
    flagged = {tuple(_WORDS.findall(w.casefold())): w for w in parameters.flagged_words}
    sizes = sorted({len(words) for words in flagged})

    def judge(turns: Sequence[Turn]) -> str | None:
        for turn in turns if flagged else ():
            words = _WORDS.findall(turn.text.casefold())
            for size in sizes:
                for at in range(len(words) - size + 1):
                    if word := flagged.get(tuple(words[at : at + size])):
                        return f"{_WHO[turn.speaker]} holds the flagged word {word!r}"
        return None

    return judge


_WHO = {"system": "the system prompt", "user": "the question", "assistant": "the reply"}


def language_of(text: str, identifier: Any = None) -> str | None:
    """The language of a text as an ISO 639-1 code; None where there are too few letters to tell."""
    letters = sum(map(str.isalpha, text[: 3 * MIN_LETTERS]))
    if letters < MIN_LETTERS and sum(map(str.isalpha, text)) < MIN_LETTERS:
        return None
    language: str = (identifier or _identifier()).classify(text)[0]
    return None if language == "und" else language


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    # The table has 16-bit numbers, which are widened for each text: a third of its time. Widened
    # once, in 28 MB more, the sums are the same to the last bit.
    identifier.nb_ptc = identifier.nb_ptc.astype("f4")
    return identifier


@lru_cache(maxsize=2)
def _tokenizer(name: str) -> Any:
    from tokenizers import Tokenizer

    file = local_folder(find_base(name)) / "tokenizer.json"
    if not Path(file).is_file():
        raise BadParameter("tokenizer", f"{name[:80]} holds no tokenizer.json")
    return Tokenizer.from_file(str(file))
