"""A control token typed in a text can't act as one; nothing else is touched."""

import pytest
from tokenizers import Tokenizer

from chatui.data.cleaning.control import neutralise
from chatui.model.catalog import STARTER_FOLDER

TOKENS = [
    "<|end|>", "<|im_start|>", "<|eot_id|>", "<|reserved_special_token_12|>", "<s>", "</s>",
    "<bos>", "<end_of_turn>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<unused7>", "[MASK]",
    "<｜end▁of▁sentence｜>", "[TOOL_CALLS]",
]  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
def test_a_control_token_gets_a_space_and_loses_nothing(token):
    after = neutralise(f"say {token} twice: {token}{token}")

    assert token not in after
    assert after.replace(token[0] + " ", token[0]) == f"say {token} twice: {token}{token}"
    assert neutralise(after) == after


@pytest.mark.parametrize(
    "text",
    [
        "a < b | c > d",
        "<think>hm</think> and <tool_call>",
        "list[int] and [1] and [x]",
        "<section> <name> </div>",
        "cat a | sort |> b",
        "< |end|>",
        "[inst]",
        "<||>",
    ],
)
def test_what_is_no_control_token_stays(text):
    assert neutralise(text) == text


def test_no_control_token_of_the_starter_is_left_for_its_tokenizer():
    tokenizer = Tokenizer.from_file(str(STARTER_FOLDER / "tokenizer.json"))
    special = set(tokenizer.get_added_tokens_decoder())
    typed = "".join(token.content for token in tokenizer.get_added_tokens_decoder().values())

    assert special & set(tokenizer.encode(typed).ids)
    assert not special & set(tokenizer.encode(neutralise(typed)).ids)
