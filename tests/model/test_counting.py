"""Tokens are counted as the base model's own encoder counts them, without loading torch."""

import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatui.conversation import Turn
from chatui.errors import BaseNotUsable
from chatui.model.catalog import STARTER_FOLDER, find_base
from chatui.model.counting import counter_of

ROWS = st.lists(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=2, max_size=5).map(
        lambda texts: [
            Turn("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(texts)
        ]
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_a_conversation_has_as_many_tokens_as_the_model_reads_of_it(rows):
    from transformers import AutoTokenizer

    from chatui.model.encoding import ChatEncoder

    tokenizer = AutoTokenizer.from_pretrained(STARTER_FOLDER)
    encoder = ChatEncoder(tokenizer, 1024)

    counted = counter_of(find_base("starter")).conversations(rows)

    assert counted == [len(encoder.marked(row).ids) for row in rows]


def test_a_text_by_itself_has_no_template_around_it():
    counter = counter_of(find_base("starter"))

    assert counter.texts(["", "Hello there."])[0] == 0
    assert (
        counter.texts(["Hello there."])[0]
        < counter.conversations([[Turn("user", "Hi"), Turn("assistant", "Hello there.")]])[0]
    )


def test_counting_loads_no_torch():
    code = (
        "import sys; from chatui.conversation import Turn; "
        "from chatui.model.catalog import find_base; from chatui.model.counting import counter_of; "
        "counter_of(find_base('starter')).conversations([[Turn('user', 'a')]]); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_template_may_name_special_tokens_and_refuse_rows(tiny_base, tmp_path):
    folder = shutil.copytree(tiny_base, tmp_path / "base")
    (folder / "chat_template.jinja").write_text(
        "{{ eos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}"
        "{{ raise_exception('no reply') }}{% endif %}{{ m['content'] }}{% endfor %}"
    )
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps(config | {"eos_token": {"content": "<|end|>"}})
    )
    counter = counter_of(find_base(str(folder)))

    rows = [[Turn("user", "a")], [Turn("user", "b"), Turn("assistant", "a")]]
    assert counter.conversations(rows) == [2, 0]


def test_a_folder_without_a_tokenizer_is_named(tiny_base, tmp_path):
    folder = shutil.copytree(tiny_base, tmp_path / "base")
    (folder / "tokenizer.json").unlink()

    with pytest.raises(BaseNotUsable, match=r"it has no tokenizer\.json"):
        counter_of(find_base(str(folder)))
