"""What a run would learn is shown before it starts, as the worker will read it."""

import json
import subprocess
import sys

import pytest
from transformers import AutoTokenizer

from chatui.conversation import Conversation, Turn
from chatui.data.prepare import prepare
from chatui.model.catalog import STARTER, find_base
from chatui.model.encoding import ChatEncoder
from chatui.model.rendering import encoder_of
from chatui.train.config import TrainConfig
from chatui.train.preview import reach, shown_rows, spans
from tests.tiny_model import make_tiny_base
from tests.train.test_learning import conversations

MARKED = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}{% generation %}"
    "{{ m.content }}{{ eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
ROWS = [
    *conversations(4),
    Conversation("s", (Turn("system", "Be kind. ✓"), Turn("user", "Hi"), Turn("assistant", "Yo"))),
    Conversation("e", (Turn("user", "  Grüße 👋 "), Turn("assistant", "中文 <b>x</b>\n\nbye"))),
]


UNMARKED = MARKED.replace("{% generation %}", "").replace("{% endgeneration %}", "")


NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
)


@pytest.mark.parametrize("template", [None, MARKED, UNMARKED, NO_SYSTEM + UNMARKED])
def test_the_page_reads_rows_token_by_token_as_the_worker_does(tmp_path, template):
    folder = make_tiny_base(tmp_path / "base")
    if template:
        (folder / "chat_template.jinja").write_text(template)
    worker = ChatEncoder(AutoTokenizer.from_pretrained(folder), 256)
    page = encoder_of(find_base(str(folder)))

    assert page.end_ids == worker.end_ids
    assert page.marks_replies == worker.marks_replies == (template in (None, MARKED))
    assert page.takes_system == worker.takes_system == (template != NO_SYSTEM + UNMARKED)
    for row in ROWS:
        assert page.marked(row.turns) == worker.marked(row.turns)


def test_no_torch_is_loaded_for_it():
    code = (
        "import sys; from chatui.model.catalog import find_base;"
        "from chatui.model.rendering import encoder_of; from chatui.conversation import Turn;"
        "encoder_of(find_base('starter')).marked([Turn('user', 'a'), Turn('assistant', 'b')]);"
        "sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_pieces_are_the_whole_row_and_trained_where_the_reply_stands():
    encoder = encoder_of(find_base(STARTER))

    (row,) = shown_rows(ROWS[4:5], encoder, 512)

    trained = "".join(piece.text for piece in row.pieces if piece.kind == "trained")
    read = "".join(piece.text for piece in row.pieces if piece.kind == "read")
    assert trained.startswith("Yo")
    assert "Be kind" in read
    assert "Hi" in read
    assert "Yo" not in read
    assert row.trained == encoder.marked(ROWS[4].turns).reply_tokens


def test_what_lies_beyond_the_max_length_is_cut_and_counted():
    encoder = encoder_of(find_base(STARTER))
    found = spans(ROWS, encoder, lambda done: None)
    lengths = [len(encoder.marked(row.turns).ids) for row in ROWS]

    assert reach(found, max(lengths)).cut == reach(found, max(lengths)).without == 0
    assert reach(found, min(lengths)).cut == sum(n > min(lengths) for n in lengths)
    assert reach(found, 1).without == len(ROWS)
    shortest, middling, longest = shown_rows(ROWS, encoder, 20)
    assert longest.pieces[-1].kind == "cut"
    assert shortest.tokens <= middling.tokens <= longest.tokens


def test_a_plan_whose_rows_have_nothing_to_learn_is_refused_before_the_start(
    bench, tiny_base, tmp_path
):
    path = tmp_path / "long.jsonl"
    rows = [{"user": f"Where is order {n}? " * 9, "agent": "Soon."} for n in range(40)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    long = bench.datasets.save(prepare(path), "Long")

    problems = bench.runs.problems(long.id, TrainConfig(max_length=16), str(tiny_base))

    assert [p.field for p in problems] == ["max_length"]
    assert "has a reply within 16 tokens" in problems[0].sentence


def test_a_plan_whose_rows_the_template_refuses_is_told_why(bench, tmp_path):
    folder = make_tiny_base(tmp_path / "base")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no talk today') }}")

    problems = bench.runs.problems(bench.dataset.id, TrainConfig(max_length=64), str(folder))

    assert [p.field for p in problems] == ["base"]
    assert "the chat template refuses it: no talk today" in problems[0].sentence
