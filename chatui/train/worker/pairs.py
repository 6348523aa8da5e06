"""Rows with a chosen and a rejected reply, as tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chatui.conversation import Conversation, Turn
from chatui.model.encoding import CannotEncode, ChatEncoder
from chatui.train.worker.rows import Encoded


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and two replies to it, each with its end-of-turn token."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]

    @property
    def ids(self) -> list[int]:
        """The longer of its two rows."""
        return self.prompt + max(self.chosen, self.rejected, key=len)

    @property
    def reply_tokens(self) -> int:
        """Of both replies."""
        return len(self.chosen) + len(self.rejected)

    def as_example(self) -> dict[str, list[int]]:
        """As TRL names the parts."""
        return {
            "prompt_ids": self.prompt,
            "chosen_ids": self.chosen,
            "rejected_ids": self.rejected,
        }


def encode_pairs(
    conversations: Sequence[Conversation], encoder: ChatEncoder, max_length: int
) -> Encoded:
    """The pairs of some rows; rows without two replies that differ are left out."""
    limit = min(max_length, encoder.context)
    found = Encoded([], {}, 0)
    cut = 0
    for row in conversations:
        try:
            pair, is_cut = _pair(row, encoder, limit)
        except CannotEncode as error:
            found.skipped[str(error)] = found.skipped.get(str(error), 0) + 1
            continue
        found.rows.append(pair)
        found.sources.append(row.source)
        cut += is_cut
    return replace(found, cut=cut)


def _pair(row: Conversation, encoder: ChatEncoder, limit: int) -> tuple[Pair, bool]:
    if row.rejected is None:
        raise CannotEncode("it has no rejected reply")
    other = (*row.prompt, Turn("assistant", row.rejected))
    sides = [encoder.scored(turns) for turns in (row.turns, other)]
    prompt = sides[0].is_reply.index(True)
    kept = [side.ids[prompt:limit] for side in sides]
    if not all(kept):
        raise CannotEncode(f"no reply lies within the first {limit} tokens")
    if kept[0] == kept[1]:
        raise CannotEncode("the rejected reply is the chosen one")
    is_cut = any(len(side.ids) > limit for side in sides)
    return Pair(sides[0].ids[:prompt], kept[0], kept[1]), is_cut
