"""Translation by a tiny random Marian model in a local folder."""

import json

import pytest

from chatui.errors import NoTranslationModel
from chatui.model.translation import Translator, missing_in


def test_texts_are_translated_with_their_lines_and_always_alike(tiny_marian):
    translate = Translator(tiny_marian)

    made = translate(["Where is it? I wait.\nThank you", "", "Where is it?"])

    assert len(made) == 3
    assert made[1] == ""
    assert made == Translator(tiny_marian)(["Where is it? I wait.\nThank you", "", "Where is it?"])
    assert made[0] == "" or made[0].count("\n") == 1


def test_a_sentence_that_is_too_long_leaves_its_text_blank(tiny_marian):
    assert Translator(tiny_marian)(["why " * 2000]) == [""]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "source.spm").unlink(), "source.spm missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "it can't be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "it can't be loaded"),
        (
            lambda folder: (folder / "config.json").write_text(json.dumps({"model_type": "gpt2"})),
            "it can't be loaded",
        ),
    ],
)
def test_a_folder_that_is_no_model_is_named_with_what_is_wrong(tiny_marian, tmp_path, spoil, told):
    folder = tmp_path / "model"
    folder.mkdir()
    for file in tiny_marian.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    spoil(folder)

    with pytest.raises(NoTranslationModel, match=told) as raised:
        Translator(folder)(["Where is it?"])
    assert str(folder) in str(raised.value)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    assert missing_in(tmp_path / "nothing") == "there is no such folder"
    with pytest.raises(NoTranslationModel, match="no such folder"):
        Translator(tmp_path / "nothing")
