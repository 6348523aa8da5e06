"""Put the turns of a conversation in the order that a model can learn: each question its reply.

Knows turns only; what it does to a row is counted by `cleaning.py`.
"""

from collections.abc import Sequence
from itertools import groupby

from chatui.conversation import Turn
from chatui.data.records import BadRow


def in_order(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """At most one system turn, then user and assistant by turns, with a reply at the end.

    Turns of one speaker in a row are joined; what comes before the first question or after the last
    reply is left out. Raises BadRow when no question with a reply is there.
    """
    if _is_in_order(turns):
        return tuple(turns)
    joined = _joined(turns)
    system = joined[:1] if joined and joined[0].speaker == "system" else []
    said = joined[len(system) :]
    if any(turn.speaker == "system" for turn in said):
        raise BadRow("a system turn stands in the middle of it")
    if not any(turn.speaker == "user" for turn in said):
        raise BadRow("nobody asks anything in it")
    if said[0].speaker == "assistant":
        said = said[1:]
    if said[-1].speaker == "user":
        said = said[:-1]
    if not said:
        raise BadRow("there is no reply in it")
    return (*system, *said)


def without_blanks(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns that say something; raises BadRow when no question with a reply is left."""
    left = [turn for turn in turns if turn.text.strip()]
    if len(left) == len(turns):
        return tuple(turns)
    if not any(turn.speaker == "assistant" for turn in left):
        raise BadRow("the reply is blank")
    if not any(turn.speaker == "user" for turn in left):
        raise BadRow("the question is blank")
    return in_order(left)


def _is_in_order(turns: Sequence[Turn]) -> bool:
    """Most rows are, and need not be joined and looked at again."""
    speakers = [turn.speaker for turn in turns]
    said = speakers[speakers[:1] == ["system"] :]
    return bool(said) and said == ["user", "assistant"] * (len(said) // 2)


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    joined: list[Turn] = []
    for speaker, group in groupby(turns, key=lambda turn: turn.speaker):
        same = list(group)
        text = "\n\n".join(turn.text for turn in same if turn.text.strip())
        joined.append(same[0] if len(same) == 1 else Turn(speaker, text))
    return joined
