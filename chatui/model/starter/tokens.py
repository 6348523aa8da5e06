"""The starter's tokenizer, its chat template, and conversations as rows of tokens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from chatui.model.starter.corpus import Messages

SPECIAL_TOKENS = ("<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "<|assistant|>{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}"
    "{%- else -%}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)
CONTEXT = 1024
IGNORED = -100  # a label that has no loss


@dataclass(frozen=True, slots=True)
class Tokens:
    """A conversation: token ids, and which of them belong to a reply (its end marker included)."""

    ids: torch.Tensor  # int32, shape (tokens,)
    is_reply: torch.Tensor  # bool, shape (tokens,)
    bytes: int  # of its texts in UTF-8, markers not counted

    @property
    def labels(self) -> torch.Tensor:
        """The ids of the replies; everything else is ignored by the loss."""
        return torch.where(self.is_reply, self.ids, IGNORED)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer: any text in any script survives encode and decode."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def encode(conversations: Sequence[Messages], tokenizer: PreTrainedTokenizerFast) -> list[Tokens]:
    """Each conversation as the chat template writes it; all texts go through in one call."""
    texts = [turn["content"] for messages in conversations for turn in messages]
    rows = iter(tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else [])
    marker = {role: tokenizer.convert_tokens_to_ids(f"<|{role}|>") for role in _ROLES}
    return [
        _encode_one(messages, list(islice(rows, len(messages))), marker, tokenizer.eos_token_id)
        for messages in conversations
    ]


_ROLES = ("system", "user", "assistant")


def _encode_one(
    messages: Messages, rows: list[list[int]], marker: dict[str, int], end: int
) -> Tokens:
    ids: list[int] = []
    is_reply: list[bool] = []
    for turn, row in zip(messages, rows, strict=True):
        ids += [marker[turn["role"]], *row, end]
        is_reply += [False, *[turn["role"] == "assistant"] * (len(row) + 1)]
    return Tokens(
        torch.tensor(ids, dtype=torch.int32),
        torch.tensor(is_reply),
        sum(len(turn["content"].encode()) for turn in messages),
    )
