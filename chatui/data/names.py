"""What columns and speakers are usually called.

Names only: what is in a column is looked at in `shapes.py`.
"""

import re
from collections.abc import Sequence

from chatui.conversation import Speaker

# Best known first: where a file has several of them, the first is taken and the doubt is told.
USER_NAMES = (
    "user", "prompt", "question", "instruction", "input", "query", "human", "customer", "request",
    "user_message", "customer_message", "user_input", "message", "utterance", "problem", "q",
)  # fmt: skip
ASSISTANT_NAMES = (
    "assistant", "agent", "completion", "answer", "output", "response", "reply", "chosen", "bot",
    "chatbot", "gpt", "support", "agent_reply", "agent_message", "assistant_message",
    "bot_reply", "solution", "target", "a",
)  # fmt: skip
SYSTEM_NAMES = ("system", "system_prompt", "system_message")
LABEL_NAMES = ("label", "category", "topic", "intent", "class", "tag")
CONVERSATION_NAMES = (
    "messages", "conversations", "conversation", "turns", "dialog", "dialogue", "chat",
)  # fmt: skip
THREAD_NAMES = (
    "conversation_id", "thread_id", "dialog_id", "dialogue_id", "session_id", "chat_id", "conv_id",
    "ticket_id", "conversation", "thread", "session", "ticket",
)  # fmt: skip
MESSAGE_NAMES = ("message_id", "id", "msg_id", "uuid")
PARENT_NAMES = ("parent_id", "parent", "parent_message_id", "in_reply_to", "reply_to")
SPEAKER_NAMES = ("role", "speaker", "from", "author", "sender")
SAID_NAMES = ("content", "text", "message", "value", "utterance", "body")
ORDER_NAMES = (
    "turn", "turn_id", "turn_index", "turn_number", "message_index", "position", "order", "index",
    "sequence", "step", "timestamp", "created_at", "create_time", "created_date", "sent_at", "time",
    "date",
)  # fmt: skip
SPEAKERS: dict[str, Speaker] = {
    "user": "user", "human": "user", "customer": "user", "client": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "agent": "assistant", "bot": "assistant",
    "model": "assistant", "chatgpt": "assistant", "ai": "assistant", "support": "assistant",
    "system": "system", "developer": "system",
}  # fmt: skip
_KNOWN = frozenset(
    (*USER_NAMES, *ASSISTANT_NAMES, *SYSTEM_NAMES, *LABEL_NAMES, *CONVERSATION_NAMES, "rejected")
)


def is_known_name(name: str) -> bool:
    """Whether a column is usually called so."""
    return _plain(name) in _KNOWN


def names_a_pair(columns: Sequence[str]) -> bool:
    """Whether a header names a question and a reply, or a whole conversation."""
    plain = {_plain(name) for name in columns}
    is_pair = not plain.isdisjoint(USER_NAMES) and not plain.isdisjoint(ASSISTANT_NAMES)
    return is_pair or not plain.isdisjoint(CONVERSATION_NAMES)


def all_named(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns that are called by one of the names, in the order of the names."""
    plain = {_plain(column): column for column in reversed(columns)}
    return [plain[name] for name in names if name in plain]


def first_named(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column with the best known of the names."""
    return next(iter(all_named(columns, names)), None)


def _plain(name: str) -> str:
    return re.sub(r"[\s\-_]+", "_", name.strip().lower())
