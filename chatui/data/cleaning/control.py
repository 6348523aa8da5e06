"""Control tokens that people typed inside a text, made harmless.

A tokenizer turns `<|end|>` or `[INST]` inside a text into the real control token, and no chat
template escapes it: the row would teach the model to end a turn in the middle of a reply. Of the
ways out, a space behind the first bracket costs least: nothing that was said is lost, a reader
still sees what was meant, and unlike an invisible character it neither gets lost in a later
cleaning nor is learned without anybody seeing it.
"""

import re

_NAMES = (
    "s /s bos eos pad unk cls sep mask BOS EOS start_of_turn end_of_turn start_of_image "
    "end_of_image end_of_utterance startoftext endoftext"
)
_WORDS = (
    "INST /INST SYSTEM_PROMPT /SYSTEM_PROMPT AVAILABLE_TOOLS /AVAILABLE_TOOLS TOOL_CALLS "
    "TOOL_RESULTS /TOOL_RESULTS TOOL_CONTENT CLS SEP PAD UNK MASK BOS EOS gMASK IMG IMG_BREAK "
    "IMG_END PREFIX MIDDLE SUFFIX"
)
_TOKEN = re.compile(
    r"<(?=\|[^<>|\s]{1,60}\|>"  # <|im_start|>, <|eot_id|>, <|end|>
    r"|｜[^<>｜\s]{1,60}｜>"  # <｜end▁of▁sentence｜>
    rf"|(?:{'|'.join(_NAMES.split())})>"
    r"|(?:unused|extra_id_|reserved_)\d{1,4}>"
    r"|</?SYS>>)"
    rf"|\[(?=(?:{'|'.join(_WORDS.split())})\])"
)


def neutralise(text: str) -> str:
    """The text with a space behind the first bracket of each control token: `< |end|>`."""
    if "<" not in text and "[" not in text:
        return text
    return _TOKEN.sub(lambda bracket: bracket[0] + " ", text)
