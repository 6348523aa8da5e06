"""Texts in which a chat template's marks say who speaks: ChatML, Llama 3, Gemma, [INST].

The marks and the white space that templates put around a turn go; what was said stays as it is.
"""

import re
from dataclasses import dataclass

from chatui.conversation import Turn
from chatui.data.names import SPEAKERS
from chatui.data.records import BadRow, Record, Records, shortened


@dataclass(frozen=True, slots=True)
class _Marks:
    """How a template writes a turn: `opening` role `header_end` text `closing`."""

    name: str
    opening: str
    header_end: str
    closing: str


_TEMPLATES = (
    _Marks("ChatML", "<|im_start|>", "\n", "<|im_end|>"),
    _Marks("Llama 3", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    _Marks("Gemma", "<start_of_turn>", "\n", "<end_of_turn>"),
)
_INST = "[INST]"
_STARTS = ("<s>", "<|begin_of_text|>", "<bos>")
_ENDS = ("</s>", "<|end_of_text|>", "<|endoftext|>", "<eos>")
_SYSTEM = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>", re.DOTALL)
_INST_MARK = re.compile(r"(\[/?INST\])")


def marks_of(text: str) -> str | None:
    """The name of the template whose marks a text begins with."""
    start = _without_starts(text[:200])
    if start.startswith(_INST):
        return _INST
    return next((m.name for m in _TEMPLATES if start.startswith(m.opening)), None)


def marked_turns(text: str) -> list[Turn]:
    """The turns of a text with marks; raises BadRow."""
    name = marks_of(text)
    for marks in _TEMPLATES:
        if marks.name == name:
            return [_turn(piece, marks) for piece in text.split(marks.opening)[1:]]
    if name == _INST:
        return _inst_turns(_without_starts(text))
    raise BadRow("the text begins with none of the marks of a chat template")


def has_reply(text: str) -> bool:
    """Whether a text with marks is a whole conversation, and not the prompt of one."""
    try:
        turns = marked_turns(text)
    except BadRow:
        return False
    return any(turn.speaker == "assistant" and turn.text for turn in turns)


def read_marked(text: str) -> Records:
    """Read a file that is nothing but conversations with marks, one after another."""
    conversations = _cut(text)
    records = tuple(Record(n, {"text": said}) for n, said in enumerate(conversations, start=1))
    kind = f"Text with {marks_of(text)} marks"
    return Records(kind, ("text",), records, (), (), rows_read=len(records))


def _cut(text: str) -> list[str]:
    """The conversations of a text: a line each, or beginning where the first one begins."""
    lines = [line for line in text.splitlines() if line.strip()]
    if all(marks_of(line) for line in lines) and _is_whole(lines[0]):
        return lines
    opening = next((start for start in _STARTS if text.lstrip().startswith(start)), "")
    if not opening:
        opening = text.lstrip().splitlines()[0].rstrip()  # such as "<|im_start|>system"
        opening = _INST if opening.startswith(_INST) else opening
    starts = [m.start() for m in re.finditer(rf"^[ \t]*{re.escape(opening)}", text, re.MULTILINE)]
    if starts[1:] and not opening.endswith("system") and opening not in _STARTS:
        # A question may also go on with a conversation; a blank line before it says otherwise.
        starts = [at for at in starts if at == starts[0] or text.endswith("\n\n", 0, at)]
    edges = [*starts, len(text)]
    return [text[a:b].strip() for a, b in zip(edges, edges[1:], strict=False)]


def _is_whole(line: str) -> bool:
    """Whether a line holds more than the beginning of a turn."""
    return "[/INST]" in line or any(m.closing in line for m in _TEMPLATES)


def _without_starts(text: str) -> str:
    text = text.lstrip()
    for start in _STARTS:
        text = text.removeprefix(start).lstrip()
    return text


def _without_ends(text: str) -> str:
    text = text.rstrip()
    for end in _ENDS:
        text = text.removesuffix(end).rstrip()
    return text


def _turn(piece: str, marks: _Marks) -> Turn:
    role, found, said = piece.partition(marks.header_end)
    speaker = SPEAKERS.get(role.strip().lower())
    if not found or speaker is None:
        raise BadRow(f"after {marks.opening} stands {shortened(role, 40)!r}, which is no speaker")
    said, _, rest = said.partition(marks.closing)
    if _without_starts(_without_ends(rest)):
        raise BadRow(f"text stands after {marks.closing}: {shortened(rest.strip(), 40)!r}")
    return Turn(speaker, _without_ends(said).strip())


def _inst_turns(text: str) -> list[Turn]:
    """The turns of `[INST] question [/INST] reply </s>`, with a system prompt in <<SYS>>."""
    turns: list[Turn] = []
    pieces = _INST_MARK.split(text)
    for position in range(1, len(pieces), 4):
        opened, said, closed, reply = (*pieces[position : position + 4], "", "", "")[:4]
        if opened != _INST or closed != "[/INST]":
            raise BadRow("[INST] and [/INST] do not take turns in it")
        if system := _SYSTEM.match(said):
            turns.append(Turn("system", system[1].strip()))
            said = said[system.end() :]
        turns += [Turn("user", said.strip()), Turn("assistant", _reply(reply))]
    return turns


def _reply(text: str) -> str:
    """A reply without the marks of its end and of the next question's beginning."""
    text = text.rstrip()
    for start in _STARTS:
        text = text.removesuffix(start).rstrip()
    said, _, rest = _without_ends(text).partition("</s>")
    if rest.strip():
        raise BadRow(f"text stands after </s>: {shortened(rest.strip(), 40)!r}")
    return said.strip()
