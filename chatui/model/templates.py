"""Chat templates to choose from, for a base model that brings none.

A choice stands behind the base model's name, `NAME#chatml`, so that whoever asks for the model by
what a run has recorded reads conversations as the run did. All of them mark their replies, and end
each with a token by which the model's own tokenizer ends a text.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from chatui.errors import BaseNotUsable
from chatui.model.quantization import quantized_as, split_quantization
from chatui.model.special_tokens import special_tokens

OWN = ""  # the template that came with the model
_SIGN = "#"


def split_name(name: str) -> tuple[str, str]:
    """The base model in a name, and the template that is chosen for it (or OWN)."""
    base, sign, choice = name.rpartition(_SIGN)
    return (base, choice) if sign and choice in TEMPLATES else (name, OWN)


def name_with(name: str, choice: str) -> str:
    """The name of a base model with another template chosen."""
    base = split_name(name)[0]
    return f"{base}{_SIGN}{choice}" if choice else base


def name_in(name: str, quantization: str) -> str:
    """The name of a base model with another quantization; a chosen template stays."""
    base, choice = split_name(name)
    return name_with(quantized_as(base, quantization), choice)


def quantization_in(name: str) -> str:
    """Which quantization a base model's name asks for."""
    return split_quantization(split_name(name or "")[0])[1]


@lru_cache(maxsize=16)
def chosen_template(choice: str, name: str, folder: Path) -> str:
    """A template in the words of a tokenizer; raises BaseNotUsable if none of them ends a reply."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.is_file():
        raise BaseNotUsable(name, "it has no tokenizer.json, so no chat template can be chosen")
    tokenizer, special = Tokenizer.from_file(str(file)), special_tokens(folder)
    end = _END_OF_CHATML if choice == "chatml" else ""
    if not end or tokenizer.token_to_id(end) is None:
        end = special.get("eos_token", "")
    if tokenizer.token_to_id(end) is None:
        raise BaseNotUsable(name, "its tokenizer names no end of text: no reply would ever end")
    begin = special.get("bos_token", "")
    is_usual = tokenizer.encode("a").ids[:1] == [tokenizer.token_to_id(begin)]
    return _quoted(begin if is_usual else "") + TEMPLATES[choice].write(_quoted(end))


def with_template_like(text: str, name: str) -> str:
    """The name of a base model in a folder, with the choice that writes just this template."""
    base, chosen = split_name(name)
    folder = Path(split_quantization(base)[0]).expanduser()
    if chosen or not text or not (folder / "tokenizer.json").is_file():
        return name
    for choice in TEMPLATES:
        try:
            if chosen_template(choice, base, folder.resolve()) == text:
                return name_with(base, choice)
        except BaseNotUsable:
            break
    return name


class _Template:
    """A template that is written for the token that ends a reply."""

    def __init__(self, title: str, write: Callable[[str], str]) -> None:
        self.title = title
        self.write = write


_END_OF_CHATML = "<|im_end|>"


def _chatml(end: str) -> str:
    return (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
        "{% if message['role'] == 'assistant' %}"
        f"{_marked(end)}{{% else %}}{{{{ message['content'] }}}}{end}{{% endif %}}"
        "{{ '\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )


def _inst(end: str) -> str:
    """As Mistral's and Llama 2's, in plain letters; a system turn stands before its question."""
    return (
        "{% set ns = namespace(before='') %}{% for message in messages %}"
        "{% if message['role'] == 'system' %}"
        "{% set ns.before = message['content'] + '\\n\\n' %}"
        "{% elif message['role'] == 'user' %}"
        "{{ '[INST] ' + ns.before + message['content'] + ' [/INST]' }}{% set ns.before = '' %}"
        f"{{% else %}}{_marked(end, ' ')}{{% endif %}}{{% endfor %}}"
    )


def _plain(end: str) -> str:
    return (
        "{% for message in messages %}{% if message['role'] == 'system' %}"
        "{{ message['content'] + '\\n\\n' }}{% elif message['role'] == 'user' %}"
        "{{ 'User: ' + message['content'] + '\\n' }}{% else %}"
        f"{{{{ 'Assistant:' }}}}{_marked(end, ' ')}{{{{ '\\n' }}}}{{% endif %}}{{% endfor %}}"
        "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
    )


def _marked(end: str, gap: str = "") -> str:
    before = f"{{{{ '{gap}' }}}}" if gap else ""
    return f"{{% generation %}}{before}{{{{ message['content'] }}}}{end}{{% endgeneration %}}"


def _quoted(token: str) -> str:
    return f"{{{{ {json.dumps(token, ensure_ascii=False)} }}}}" if token else ""


TEMPLATES = {
    "chatml": _Template("ChatML", _chatml),
    "inst": _Template("[INST] … [/INST]", _inst),
    "plain": _Template("User: … Assistant: …", _plain),
}
