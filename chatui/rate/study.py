"""What a study asks, of whom and about what: criteria, consent, and the frozen pack.

A pack is everything that decides what raters see. It is made once and never changed; its SHA-256
goes with every rating. Knows no database and no page.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from chatui.conversation import Conversation, Turn, content_hash
from chatui.database import storable

System = Literal["base", "tuned"]
Preference = Literal["a", "b", "both_good", "both_bad"]
Subject = Literal["pair", "a", "b"]  # what an answer is about
PREFERENCES: tuple[Preference, ...] = ("a", "b", "both_good", "both_bad")
PREFERENCE = "preference"
SKIPPED = "skipped"  # the value of a scale that a rater left out

CONSENT_VERSION = "1"
CONSENT_TEXT = (
    "You will read questions, each with two replies written by computer programs, and say which "
    "reply is better. Your answers and the time they take are stored under a random name. Your "
    "name, e-mail and network address are not. You may pause or leave at any time; what you have "
    "answered until then is kept. As long as the study is open, whoever sent you the link can "
    "erase your answers if you ask."
)

# Marks of chat templates that a model may write out: they would give a system away.
_SPECIAL_TOKENS = re.compile(r"<\|[^|<>\n]{1,40}\|>|</?s>|<(?:bos|eos|pad|unk|end_of_turn)>")


class Criterion(BaseModel, frozen=True, extra="forbid"):
    """Something that a reply is rated for, from 1 to 5, each number with its meaning."""

    name: str
    title: str
    definition: str
    labels: tuple[str, str, str, str, str]


FLUENCY = Criterion(
    name="fluency",
    title="Fluency",
    definition="Is it good language: correct, natural and easy to read, whatever it says?",
    labels=(
        "can't be read",
        "many mistakes",
        "some mistakes",
        "small flaws",
        "no flaw",
    ),
)
HELPFULNESS = Criterion(
    name="helpfulness",
    title="Helpfulness",
    definition="Would it help the person who asked: to the point, right as far as you can tell?",
    labels=(
        "no help at all",
        "of little help",
        "helps in part",
        "helps",
        "helps fully",
    ),
)
SCALES: tuple[Criterion, ...] = (FLUENCY, HELPFULNESS)


class Message(BaseModel, frozen=True, extra="forbid"):
    """A turn, as it stands in a pack."""

    role: Literal["system", "user", "assistant"]
    content: str


class PackItem(BaseModel, frozen=True, extra="forbid"):
    """A question with one reply per system. `id` tells nothing; `conversation` is the dataset's."""

    id: str
    conversation: str
    prompt: tuple[Message, ...]
    base: str
    tuned: str

    def reply(self, system: System) -> str:
        return self.base if system == "base" else self.tuned


class SystemRecord(BaseModel, frozen=True, extra="forbid"):
    """Where the replies of a system come from."""

    name: str
    model_hash: str
    replies_key: str


class Pack(BaseModel, frozen=True, extra="forbid"):
    """A study's frozen content: prompts, replies, systems, decoding, criteria, seed."""

    format: Literal[1] = 1
    dataset: str
    test_hash: str
    run: str
    base: SystemRecord
    tuned: SystemRecord
    decoding: dict[str, int | float | str | bool | None]
    seed: int
    scales: tuple[Criterion, ...]
    items: tuple[PackItem, ...]

    @property
    def sha256(self) -> str:
        """The hash that names this content."""
        return content_hash(self.model_dump(mode="json"))

    def item(self, item_id: str) -> PackItem | None:
        return next((item for item in self.items if item.id == item_id), None)

    @property
    def reading_minutes(self) -> float:
        """About how long one rater needs."""
        words = sum(len(_all_text(item).split()) for item in self.items)
        return minutes_for(words, len(self.items), len(self.scales))

    @property
    def identical(self) -> int:
        """On how many items both systems said the same."""
        return sum(item.base == item.tuned for item in self.items)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a pack says of its origin, beside the items."""

    dataset: str
    test_hash: str
    run: str
    base: SystemRecord
    tuned: SystemRecord
    decoding: Mapping[str, int | float | str | bool | None]
    seed: int


def minutes_for(words: int, items: int, scales: int) -> float:
    """About how long one rater needs: 200 words a minute, and four seconds for each choice."""
    return words / 200 + items * (1 + 2 * scales) * 4 / 60


def freeze(
    origin: Origin,
    conversations: Sequence[Conversation],
    replies: Mapping[str, Mapping[str, str]],
    scales: Sequence[Criterion],
) -> Pack:
    """Make the pack. `replies` holds, by system, the reply to each conversation by its id."""
    return Pack(
        dataset=origin.dataset,
        test_hash=origin.test_hash,
        run=origin.run,
        base=origin.base,
        tuned=origin.tuned,
        decoding=dict(origin.decoding),
        seed=origin.seed,
        scales=tuple(scales),
        items=tuple(
            PackItem(
                id=_opaque(origin.seed, conversation.id),
                conversation=conversation.id,
                prompt=tuple(_message(turn) for turn in conversation.prompt),
                base=presentable(replies["base"][conversation.id]),
                tuned=presentable(replies["tuned"][conversation.id]),
            )
            for conversation in conversations
        ),
    )


def choose_items(
    conversations: Sequence[Conversation], count: int, seed: int, ready: frozenset[str]
) -> list[Conversation]:
    """Draw `count` conversations by seed; those whose replies are `ready` come first.

    Which replies exist depends on how many items were scored, not on what is in them: the draw
    stays blind.
    """

    def place(conversation: Conversation) -> tuple[bool, str]:
        return conversation.id not in ready, _hash(f"{seed}:draw:{conversation.id}")

    return sorted(conversations, key=place)[:count]


def presentable(reply: str) -> str:
    """A reply as raters see it: without a template's marks and without space at its ends."""
    return storable(_SPECIAL_TOKENS.sub("", reply)).strip()


def _message(turn: Turn) -> Message:
    return Message(role=turn.speaker, content=storable(turn.text))


def _opaque(seed: int, conversation: str) -> str:
    return _hash(f"{seed}:item:{conversation}")[:12]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _all_text(item: PackItem) -> str:
    said = [turn.content for turn in item.prompt if turn.role != "system"]
    return " ".join([*said, item.base, item.tuned])
