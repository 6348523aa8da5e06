"""Conversations as a base model's tokens without torch: what the page shows of a run before Start.

The same ChatEncoder as in the worker, on a tokenizer that loads in a moment.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from chatui.errors import BaseNotUsable
from chatui.model.catalog import TOKENIZER_FILES, BaseModel, local_folder, template_of
from chatui.model.encoding import ChatEncoder
from chatui.model.special_tokens import special_tokens

_LONGEST_CONTEXT = 32_768  # as in `loading`


class PlainTokenizer:
    """What ChatEncoder asks of a tokenizer, on the files of a base model."""

    def __init__(self, tokenizer: Any, template: str, special: dict[str, str]) -> None:
        self._tokenizer = tokenizer
        self._special = special
        self.chat_template = template
        self.eos_token_id: int | None = tokenizer.token_to_id(special.get("eos_token", ""))
        self.added_tokens_decoder: dict[int, Any] = tokenizer.get_added_tokens_decoder()
        self.all_special_ids: list[int] = list(self.added_tokens_decoder)

    def __call__(self, text: str, add_special_tokens: bool = False) -> dict[str, list[int]]:
        """The ids of a text by itself."""
        return {"input_ids": self._tokenizer.encode(text, add_special_tokens=False).ids}

    def apply_chat_template(
        self,
        messages: Sequence[dict[str, str]],
        *,
        add_generation_prompt: bool = False,
        tokenize: bool = True,
        return_dict: bool = False,
        return_assistant_tokens_mask: bool = False,
    ) -> Any:
        """Messages as the template writes them: a text, or ids with a mask of the replies."""
        from transformers.utils.chat_template_utils import render_jinja_template

        texts, replies = render_jinja_template(
            [list(messages)],
            chat_template=self.chat_template,
            add_generation_prompt=add_generation_prompt,
            return_assistant_tokens_mask=return_assistant_tokens_mask,
            **self._special,
        )
        if not tokenize:
            return texts[0]
        encoded = self._tokenizer.encode(texts[0], add_special_tokens=False)
        found = {"input_ids": list(encoded.ids)}
        if return_assistant_tokens_mask:
            found["assistant_masks"] = _mask(encoded, replies[0])
        return found if return_dict else found["input_ids"]

    def decode(
        self,
        ids: Sequence[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
    ) -> str:
        """The text of some ids."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))


def encoder_of(base: BaseModel) -> ChatEncoder:
    """How a base model reads conversations; of a Hub model only the tokenizer is downloaded.

    Raises BaseNotReachable or BaseNotUsable.
    """
    return _encoder(base, local_folder(base, TOKENIZER_FILES))


@lru_cache(maxsize=2)
def _encoder(base: BaseModel, folder: Path) -> ChatEncoder:
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.is_file():
        raise BaseNotUsable(base.name, "it has no tokenizer.json")
    template = template_of(base, folder)
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    limits = [_LONGEST_CONTEXT, base.context, _longest(folder)]
    shortest = min(limit for limit in limits if limit)
    return ChatEncoder(PlainTokenizer(tokenizer, template, special_tokens(folder)), shortest)


def _longest(folder: Path) -> int | None:
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    limit = config.get("model_max_length")
    return int(limit) if isinstance(limit, int | float) else None


def _mask(encoded: Any, replies: Sequence[tuple[int, int]]) -> list[int]:
    """1 for each token that stands in a reply, by the template's own marks."""
    mask = [0] * len(encoded.ids)
    for start, end in replies:
        first, last = encoded.char_to_token(start), encoded.char_to_token(end - 1)
        if first is None:  # an empty reply
            continue
        stop = last + 1 if last is not None else len(mask)
        mask[first:stop] = [1] * (stop - first)
    return mask
