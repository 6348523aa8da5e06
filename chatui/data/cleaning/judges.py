"""Judge a row by itself: too long, in another language, with a flagged word.

Each maker takes the parameters and returns what says of some rows why each has to go, as a
sentence's end, or None where it may stay.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from chatui.conversation import Turn
from chatui.data.cleaning.languages import languages_of
from chatui.data.cleaning.parameters import Parameters
from chatui.errors import BadParameter
from chatui.model.catalog import find_base, local_folder

Judge = Callable[[Sequence[Sequence[Turn]]], list[str | None]]
_BEGINNING = 100_000  # characters of a turn
_WORDS = re.compile(r"\w+")


def too_long(parameters: Parameters) -> Judge:
    """Rows whose texts take more tokens than `max_tokens`, the template's own not counted."""
    tokenizer = _tokenizer(parameters.tokenizer)
    limit = parameters.max_tokens

    def reason(turns: Sequence[Turn]) -> str | None:
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

    return lambda rows: list(map(reason, rows))


def _count(tokenizer: Any, texts: list[str]) -> int:
    found = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return sum(len(one) for one in found)


def other_language(parameters: Parameters) -> Judge:
    """Rows in another language than `languages`; too short to tell counts as none of them."""
    wanted = " or ".join(parameters.languages)

    def reason(language: str | None) -> str | None:
        if language is None or language in parameters.languages:
            return None
        return f"it is in {language!r}, not in {wanted}"

    def judge(rows: Sequence[Sequence[Turn]]) -> list[str | None]:
        texts = [" ".join(t.text for t in turns if t.speaker != "system") for turns in rows]
        return [reason(language) for language in languages_of(texts)]

    return judge


def flagged_words(parameters: Parameters) -> Judge:
    """Rows that hold one of `flagged_words`, as a whole word and in any case."""
    flagged = {tuple(_WORDS.findall(w.casefold())): w for w in parameters.flagged_words}
    sizes = sorted({len(words) for words in flagged})

    def reason(turns: Sequence[Turn]) -> str | None:
        for turn in turns if flagged else ():
            words = _WORDS.findall(turn.text.casefold())
            for size in sizes:
                for at in range(len(words) - size + 1):
                    if word := flagged.get(tuple(words[at : at + size])):
                        return f"{_WHO[turn.speaker]} holds the flagged word {word!r}"
        return None

    return lambda rows: list(map(reason, rows))


_WHO = {"system": "the system prompt", "user": "the question", "assistant": "the reply"}


@lru_cache(maxsize=2)
def _tokenizer(name: str) -> Any:
    from tokenizers import Tokenizer

    file = local_folder(find_base(name)) / "tokenizer.json"
    if not Path(file).is_file():
        raise BadParameter("tokenizer", f"{name[:80]} holds no tokenizer.json")
    return Tokenizer.from_file(str(file))
