"""Hashes name a model by what it is, not by where it lies."""

import json
import shutil

import pytest

from chatui.errors import AdapterNotUsable
from chatui.model.catalog import find_base
from chatui.model.decoding import Decoding
from chatui.model.hashes import adapter_hash, base_hash, model_hash, template_hash
from tests.tiny_model import make_tiny_base


def test_a_copy_of_a_base_is_the_same_and_other_weights_are_another(tiny_base, tmp_path):
    copy = shutil.copytree(tiny_base, tmp_path / "copy")
    other = make_tiny_base(tmp_path / "other", seed=7)

    assert base_hash(find_base(str(copy))) == base_hash(find_base(str(tiny_base)))
    assert base_hash(find_base(str(other))) != base_hash(find_base(str(tiny_base)))
    assert template_hash(find_base(str(other))) == template_hash(find_base(str(tiny_base)))


def test_an_adapter_keeps_its_hash_when_its_base_moves(tiny_adapter, tmp_path):
    copy = shutil.copytree(tiny_adapter, tmp_path / "copy")
    config = json.loads((copy / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "elsewhere"
    config["target_modules"] = config["target_modules"][::-1]
    (copy / "adapter_config.json").write_text(json.dumps(config))

    assert adapter_hash(copy) == adapter_hash(tiny_adapter)


def test_the_scale_of_an_adapter_is_part_of_it(tiny_adapter, tmp_path):
    copy = shutil.copytree(tiny_adapter, tmp_path / "copy")
    config = json.loads((copy / "adapter_config.json").read_text())
    (copy / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": 99}))

    assert adapter_hash(copy) != adapter_hash(tiny_adapter)


def test_a_folder_without_an_adapter_is_told_in_a_sentence(tmp_path):
    with pytest.raises(AdapterNotUsable, match="missing or damaged"):
        adapter_hash(tmp_path)


def test_a_models_hash_tells_base_and_tuned_apart(engine, adapter):
    assert engine.model_hash(None) == model_hash(engine.base_hash, None, engine.template_hash)
    assert engine.model_hash(adapter) != engine.model_hash(None)


def test_decodings_are_told_apart_by_their_digest():
    assert Decoding().digest() == Decoding(max_new_tokens=128).digest()
    assert Decoding().digest() != Decoding(temperature=0.7).digest()
