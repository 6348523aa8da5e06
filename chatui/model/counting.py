"""Count tokens as a base model reads them: its tokenizer and chat template, without torch.

All rows are rendered first and tokenized together, which takes about half the time of asking the
tokenizer row by row.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from chatui.conversation import Turn
from chatui.errors import BaseNotUsable
from chatui.model.catalog import TOKENIZER_FILES, BaseModel, local_folder, template_of
from chatui.model.special_tokens import special_tokens
from chatui.model.system_turns import takes_system, without_system

# Of 20,000 texts at once each takes twice as long as of 250: their tokens no longer fit the cache.
_AT_ONCE = 250


class TokenCounter:
    """The tokens of conversations and of single texts."""

    def __init__(self, tokenizer: Any, template: str, special: dict[str, str]) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self._special = special

    def conversations(self, rows: Sequence[Sequence[Turn]]) -> list[int]:
        """Tokens of each conversation below the chat template; 0 where the template refuses it."""
        rendered = []
        is_whole = takes_system(self._rendered)
        for turns in rows:
            said = turns if is_whole else without_system(turns)
            try:
                rendered.append(self._rendered([turn.as_message() for turn in said]))
            except TemplateError:
                rendered.append("")
        return self.texts(rendered)

    def _rendered(self, messages: list[dict[str, str]]) -> str:
        from transformers.utils.chat_template_utils import render_jinja_template

        texts, _ = render_jinja_template([messages], chat_template=self._template, **self._special)
        return str(texts[0])

    def texts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself."""
        counts: list[int] = []
        for start in range(0, len(texts), _AT_ONCE):
            part = list(texts[start : start + _AT_ONCE])
            found = self._tokenizer.encode_batch_fast(part, add_special_tokens=False)
            counts += [len(one) for one in found]
        return counts


def counter_of(base: BaseModel) -> TokenCounter:
    """What counts as a base model reads; of a Hub model, only the tokenizer is downloaded.

    Raises BaseNotReachable or BaseNotUsable.
    """
    return _counter(base, local_folder(base, TOKENIZER_FILES))


@lru_cache(maxsize=2)
def _counter(base: BaseModel, folder: Path) -> TokenCounter:
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.is_file():
        raise BaseNotUsable(base.name, "it has no tokenizer.json, so tokens can't be counted")
    template = template_of(base, folder)
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return TokenCounter(tokenizer, template, special_tokens(folder))
