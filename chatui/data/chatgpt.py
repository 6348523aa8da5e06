"""Conversations as ChatGPT exports them: a tree of messages, of which one branch was read last.

The branch that ends at the current node is the conversation. What stands beside it (edited
questions, replies made again, tools) is counted, not learned.
"""

from typing import Any, TypeGuard

from chatui.conversation import Turn
from chatui.data.names import SPEAKERS
from chatui.data.records import BadRow, shortened

_LONGEST = 10_000  # messages on one branch
_TEXTS = ("text", "multimodal_text")


def is_tree(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value is the `mapping` of an exported conversation."""
    if not isinstance(value, dict) or not value:
        return False
    nodes = list(value.values())[:20]
    return all(isinstance(node, dict) and {"message", "parent"} <= node.keys() for node in nodes)


def turns_of(tree: dict[str, Any], current: object) -> list[Turn]:
    """The turns on the branch that ends at the current node; raises BadRow."""
    turns = []
    for number, message in enumerate(_messages(_branch(tree, current)), start=1):
        role = str(message.get("author", {}).get("role"))
        speaker = SPEAKERS.get(role)
        if speaker is None:
            raise BadRow(f"message {number} has the role {shortened(role, 40)!r}", "mapping")
        said = _said(message, number)
        if speaker != "system" or said.strip():
            turns.append(Turn(speaker, said))
    return turns


def left_out(tree: dict[str, Any], current: object) -> int:
    """How many messages with a text are on other branches."""
    try:
        branch = {id(node) for node in _branch(tree, current)}
    except BadRow:
        return 0
    return len(_messages([n for n in tree.values() if isinstance(n, dict) and id(n) not in branch]))


def _branch(tree: dict[str, Any], current: object) -> list[dict[str, Any]]:
    """The nodes from the root to the current one, or to the newest where none is current."""
    at: object = current if isinstance(current, str) else next(reversed(tree))
    nodes: list[dict[str, Any]] = []
    while at is not None:
        node = tree.get(at) if isinstance(at, str) else None
        if not isinstance(node, dict):
            raise BadRow(f"the message {shortened(str(at), 40)!r} is not in the export", "mapping")
        nodes.append(node)
        if len(nodes) > min(len(tree), _LONGEST):
            raise BadRow("its messages follow each other in a circle", "mapping")
        at = node.get("parent")
    return nodes[::-1]


def _messages(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages that people see: no tools, nothing hidden, no thoughts."""
    return [node["message"] for node in nodes if _is_shown(node.get("message"))]


def _is_shown(message: object) -> bool:
    if not isinstance(message, dict) or message.get("recipient", "all") != "all":
        return False
    author, content = message.get("author"), message.get("content")
    metadata = message.get("metadata")
    if isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation"):
        return False
    if not isinstance(author, dict) or author.get("role") == "tool":
        return False
    return isinstance(content, dict) and content.get("content_type", "text") in _TEXTS


def _said(message: dict[str, Any], number: int) -> str:
    parts = message["content"].get("parts")
    texts = []
    for part in parts if isinstance(parts, list) else [None]:
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            what = "has a part that is no text; only texts can be learned"
            raise BadRow(f"message {number} {what}", "mapping")
        texts.append(text)
    return "".join(texts)
