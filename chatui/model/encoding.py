"""Conversations as tokens: prompts to answer, replies to score, rows to learn from.

The chat template decides what stands around the turns. Which tokens are learned as replies is
decided by the template's own generation markers where it has them; otherwise a reply is what
follows the prompt that asks for it, up to the end-of-turn token.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from chatui.conversation import Turn
from chatui.model.system_turns import takes_system, without_system

_PROBE = "PROBE"
_MARKER = re.compile(r"\{%-?\s*generation\s*-?%\}")  # as transformers looks for it


class CannotEncode(Exception):
    """A conversation that the template or the context cannot hold; says why in words."""


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """Token ids of a whole conversation, and which of them are replies."""

    ids: list[int]
    is_reply: list[bool]

    @property
    def reply_tokens(self) -> int:
        """How many tokens there are to learn or to score."""
        return sum(self.is_reply)

    def upto(self, limit: int) -> "EncodedRow":
        """The row without what comes after `limit` tokens."""
        return EncodedRow(self.ids[:limit], self.is_reply[:limit])


class ChatEncoder:
    """Turns of a conversation → token ids, by a tokenizer's chat template."""

    def __init__(self, tokenizer: Any, context: int) -> None:
        self.tokenizer = tokenizer
        self.context = context
        self.marks_replies = bool(_MARKER.search(tokenizer.chat_template))
        self.end_ids = _end_of_turn_ids(tokenizer)
        self.takes_system = takes_system(
            lambda messages: str(tokenizer.apply_chat_template(messages, tokenize=False))
        )

    def prompt(self, turns: Sequence[Turn], room: int) -> list[int]:
        """Ids to continue with a reply of up to `room` tokens; the oldest turns give way.

        The system turn and the last turn stay; only when even they are too long does the last one
        lose its beginning.
        """
        limit = max(1, self.context - min(room, self.context // 2))
        kept = list(turns)
        ids = self._render(kept, add_generation_prompt=True)
        while len(ids) > limit and _can_drop(kept):
            kept = _without_oldest(kept)
            ids = self._render(kept, add_generation_prompt=True)
        while len(ids) > limit and kept and len(kept[-1].text) > 1:
            text = kept[-1].text
            # Characters to give up for the tokens that are too many: at least a tenth, so that
            # this ends soon.
            surplus = max(len(text) // 10, (len(ids) - limit) * len(text) // len(ids), 1)
            kept[-1] = Turn(kept[-1].speaker, text[surplus:])
            ids = self._render(kept, add_generation_prompt=True)
        return ids[-limit:]

    def scored(self, turns: Sequence[Turn]) -> EncodedRow:
        """Ids of a conversation whose last turn alone is to be scored; raises CannotEncode."""
        if not turns[-1].text:
            raise CannotEncode("the reference is empty")
        prompt = self._render(turns[:-1], add_generation_prompt=True)
        row = self._row_by_prefix(prompt, self._render(turns))
        return self._checked(row)

    def learned(self, turns: Sequence[Turn], max_length: int | None = None) -> EncodedRow:
        """Ids of a conversation with every reply marked; raises CannotEncode.

        What is longer than `max_length` tokens, or than the context, is cut at its end.
        """
        limit = min(max_length or self.context, self.context)
        row = self.marked(turns).upto(limit)
        if row.reply_tokens == 0:
            raise CannotEncode(f"no reply lies within the first {limit} tokens")
        return row

    def marked(self, turns: Sequence[Turn]) -> EncodedRow:
        """Ids of a whole conversation of any length, every reply marked; raises CannotEncode."""
        return self._row_by_markers(turns) if self.marks_replies else self._row_turn_by_turn(turns)

    def text(self, ids: Sequence[int]) -> str:
        """The words in some token ids, without special tokens."""
        return str(
            self.tokenizer.decode(
                list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def _row_by_markers(self, turns: Sequence[Turn]) -> EncodedRow:
        encoded = self._render_dict(turns)
        return EncodedRow(encoded["input_ids"], [m == 1 for m in encoded["assistant_masks"]])

    def _row_turn_by_turn(self, turns: Sequence[Turn]) -> EncodedRow:
        whole = self._render(turns)
        is_reply = [False] * len(whole)
        for number, turn in enumerate(turns):
            if turn.speaker == "assistant":
                prompt = self._render(turns[:number], add_generation_prompt=True)
                upto = self._row_by_prefix(prompt, self._render(turns[: number + 1]))
                if whole[: len(upto.ids)] != upto.ids:
                    raise CannotEncode("the template changes earlier turns when later ones come")
                is_reply[: len(upto.ids)] = [
                    a or b for a, b in zip(is_reply, upto.is_reply, strict=False)
                ]
        return EncodedRow(whole, is_reply)

    def _row_by_prefix(self, prompt: list[int], whole: list[int]) -> EncodedRow:
        """Mark what follows the prompt, up to the last end-of-turn token."""
        if whole[: len(prompt)] != prompt:
            raise CannotEncode("the template's prompt is not the beginning of its conversation")
        ends = [i for i in range(len(prompt), len(whole)) if whole[i] in self.end_ids]
        last = ends[-1] + 1 if ends else len(whole)
        return EncodedRow(whole[:last], [i >= len(prompt) for i in range(last)])

    def _checked(self, row: EncodedRow) -> EncodedRow:
        if len(row.ids) > self.context:
            raise CannotEncode(
                f"it is {len(row.ids)} tokens long and the model reads {self.context}"
            )
        return row

    def _render(self, turns: Sequence[Turn], add_generation_prompt: bool = False) -> list[int]:
        return list(self._render_dict(turns, add_generation_prompt)["input_ids"])

    def _render_dict(
        self, turns: Sequence[Turn], add_generation_prompt: bool = False
    ) -> dict[str, list[int]]:
        if not turns:
            raise CannotEncode("it begins with a reply, and the template needs a question before")
        said = turns if self.takes_system else without_system(turns)
        messages = [turn.as_message() for turn in said]
        try:
            encoded = self.tokenizer.apply_chat_template(
                messages,
                add_generation_prompt=add_generation_prompt,
                tokenize=True,
                return_dict=True,
                return_assistant_tokens_mask=self.marks_replies and not add_generation_prompt,
            )
        except TemplateError as error:
            raise CannotEncode(f"the chat template refuses it: {error}") from error
        return dict(encoded)


def _end_of_turn_ids(tokenizer: Any) -> frozenset[int]:
    """The tokens that end a reply: the tokenizer's own, and what the template puts after one."""
    ends = {tokenizer.eos_token_id} - {None}
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _PROBE}]
    try:
        rendered = tokenizer.apply_chat_template(messages, tokenize=False)
    except TemplateError:
        return frozenset(ends)
    after = tokenizer(rendered.rpartition(_PROBE)[2], add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    if after and after[0] in special:
        ends.add(after[0])
    return frozenset(ends)


def _can_drop(turns: list[Turn]) -> bool:
    return sum(turn.speaker != "system" for turn in turns) > 1


def _without_oldest(turns: list[Turn]) -> list[Turn]:
    """Drop the oldest exchange: the first turn that is not the system's, and replies to it."""
    system = [turn for turn in turns if turn.speaker == "system"]
    rest = [turn for turn in turns if turn.speaker != "system"][1:]
    while len(rest) > 1 and rest[0].speaker == "assistant":
        rest = rest[1:]
    return system + rest
